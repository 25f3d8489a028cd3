//! What the template language must not contain, found before it is compiled.
//!
//! minijinja would let a short template make gigabytes: `{% set x = x ~ x %}` doubles, `"a" * 100000000`
//! repeats, lists repeat too. It would also follow thousands of chained operators or branches until the
//! stack overflows. Nothing of that belongs in a text message, so it is refused by sight.

use super::InvalidTemplate;

/// The block tags a template may have.
const TAGS: [&str; 4] = ["if", "elif", "else", "endif"];
/// Signs refused within tags: they repeat, or begin a list or a map.
const REFUSED: [char; 3] = ['*', '[', '{'];
/// Longest tag, in bytes: bounds how deep an expression nests.
const MAX_TAG_BYTES: usize = 200;
/// Most block tags: bounds how deep branches nest.
const MAX_BLOCKS: usize = 100;

/// Refuses tags and signs that could make a text grow without bound.
pub(super) fn check(body: &str) -> Result<(), InvalidTemplate> {
    let mut rest = body;
    let mut blocks = 0;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).chain(rest.find("{#")).min() {
        let line = 1 + body[..body.len() - rest.len() + at].matches('\n').count();
        let tag = &rest[at..];
        let (opening, inside) = tag.split_at(2);
        let length = match opening {
            "{#" => inside.find("#}").map(|end| end + 2),
            "{%" => {
                blocks += 1;
                check_block(inside, blocks, line)?;
                expression_length(inside, "%}", line)?
            }
            _ => expression_length(inside, "}}", line)?,
        };
        // An end that is missing is for the compiler to report.
        let Some(length) = length else { return Ok(()) };
        rest = &inside[length..];
    }
    Ok(())
}

fn check_block(inside: &str, blocks: usize, line: usize) -> Result<(), InvalidTemplate> {
    if blocks > MAX_BLOCKS {
        return Err(InvalidTemplate::new(line, format!("more than {MAX_BLOCKS} tags such as if and else")));
    }
    let name = inside.trim_start_matches(['-', '+']).trim_start();
    let name = name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    if TAGS.contains(&name) {
        return Ok(());
    }
    let name: String = name.chars().take(20).collect();
    Err(InvalidTemplate::new(
        line,
        format!("the tag {name:?} is not allowed: only if, elif, else and endif are"),
    ))
}

/// Bytes up to and with the end of a tag; strings are skipped as the compiler would.
fn expression_length(inside: &str, end: &str, line: usize) -> Result<Option<usize>, InvalidTemplate> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        if at > MAX_TAG_BYTES {
            return Err(InvalidTemplate::new(line, format!("a tag is longer than {MAX_TAG_BYTES} bytes")));
        }
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if inside[at..].starts_with(end) => return Ok(Some(at + end.len())),
            None if c == '"' || c == '\'' => quote = Some(c),
            None if REFUSED.contains(&c) => {
                return Err(InvalidTemplate::new(
                    line,
                    format!("the sign {c:?} is not allowed within a tag"),
                ));
            }
            None => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_can_repeat_are_refused_with_their_line() {
        for (body, line) in [
            ("{% for c in name %}{{ c }}{% endfor %}", 1),
            ("a\nb {%- set x = name ~ name %}", 2),
            ("{{ name }}\n\n{% raw %}{% endraw %}", 3),
            ("{{ 'a' * 100000000 }}", 1),
            ("{{ '}}' * 100000000 }}", 1),
            ("{{ '\\'}}' * 100000000 }}", 1),
            ("{{ \"it's }}\" * 9 }}", 1),
            ("{{ [1, 2] }}", 1),
            ("{{ {'a': 1} }}", 1),
            ("{# a #}{# {{ #}{{ name ** 9 }}", 1),
            ("{% if x * 9 %}", 1),
            ("{%\u{a0}for c in name %}", 1),
        ] {
            assert_eq!(check(body).expect_err(body).line, line, "{body}");
        }
    }

    #[test]
    fn plain_templates_pass() {
        for body in [
            "dial *123# {now} [today]",
            "{{ name }} {{'*'}} {{ \"}}\" }}",
            "{%- if name -%} a {%elif x%} b {%+ else %} c {% endif %}",
            "{# 2 * 3 #}",
            "{{ never closed",
        ] {
            assert_eq!(check(body), Ok(()), "{body}");
        }
    }
}
