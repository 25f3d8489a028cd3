//! The page behind each problem's `type`: its section of docs/errors.md, which is part of the binary.

use std::fmt::Write as _;

use super::kinds::{ALL, Kind};

/// The document; a section a kind, see the test below.
const ERRORS: &str = include_str!("../../../docs/errors.md");

/// A section starts with its code as the heading.
const HEADING: &str = "\n## `";

/// How pages look: as the document is written, readable in a terminal and on a telephone.
const HEAD: &str = r#"<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>body{max-width:60rem;margin:2rem auto;padding:0 1rem;font-family:sans-serif}pre{white-space:pre-wrap}</style>
"#;

/// All problems, each with its address.
pub(crate) fn index() -> String {
    let mut page =
        format!("{HEAD}<title>Problems</title>\n<pre>\n{}\n</pre>\n<ul>\n", escaped(introduction()));
    for Kind { code, title, status } in ALL {
        let status = status.as_u16();
        let _ = writeln!(page, r#"<li><a href="/problems/{code}">{code}</a> ({status}): {title}</li>"#);
    }
    page + "</ul>\n</html>\n"
}

/// What is to be known of one problem; `None` if there is no such code.
pub(crate) fn page(code: &str) -> Option<String> {
    let Kind { code, title, .. } = ALL.iter().find(|kind| kind.code == code)?;
    let text = escaped(section(code)?);
    Some(format!(
        "{HEAD}<title>{code}</title>\n<h1>{title}</h1>\n<pre>\n{text}\n</pre>\n\
         <p><a href=\"/problems\">all problems</a></p>\n</html>\n"
    ))
}

fn introduction() -> &'static str {
    ERRORS.split(HEADING).next().unwrap_or_default().trim()
}

fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    ERRORS.split(HEADING).skip(1).filter_map(|section| section.split_once('`'))
}

fn section(code: &str) -> Option<&'static str> {
    sections().find(|(found, _)| *found == code).map(|(_, text)| text.trim())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_section_and_every_section_a_code() {
        let codes: Vec<_> = ALL.iter().map(|kind| kind.code).collect();
        let documented: Vec<_> = sections().map(|(code, _)| code).collect();
        assert_eq!(documented, codes, "docs/errors.md has the sections of kinds.rs, in its order");
    }

    #[test]
    fn every_section_shows_a_document_of_its_kind_and_says_the_cure() {
        for Kind { code, title, status } in ALL {
            let text = section(code).unwrap();
            let (_, example) = text.split_once("```json\n").unwrap_or_else(|| panic!("{code}: no example"));
            let (example, cure) = example.split_once("```").unwrap();
            let example: serde_json::Value = serde_json::from_str(example).unwrap();
            assert_eq!(example["type"], format!("/problems/{code}"));
            assert_eq!((&example["code"], &example["title"]), (&(*code).into(), &(*title).into()));
            assert_eq!(example["status"], status.as_u16(), "{code}");
            assert!(example["detail"].is_string() && example["request_id"].is_string(), "{code}");
            assert!(cure.trim_start().starts_with("**Cure**: "), "{code}: no cure");
        }
    }

    #[test]
    fn a_page_is_html_whatever_its_section_contains() {
        assert!(page("unauthorized").unwrap().contains("Bearer sk_"));
        assert_eq!(escaped("<b>&"), "&lt;b&gt;&amp;");
        assert!(page("<b>").is_none());
    }
}
