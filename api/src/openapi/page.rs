//! `/docs`: the document as one page without scripts.

use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use serde_json::{Map, Value};

const HEAD: &str = r#"<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>smsgw API</title>
<style>
body{max-width:64rem;margin:2rem auto;padding:0 1rem;font-family:sans-serif}
summary{padding:.3rem 0;cursor:pointer}table{border-collapse:collapse;margin:.5rem 0}
td{border-top:1px solid #8886;padding:.2rem .8rem .2rem 0;vertical-align:top}
</style>
"#;

/// The page, which is the same for every gateway of this version.
pub(crate) fn page() -> &'static str {
    static PAGE: LazyLock<String> = LazyLock::new(|| {
        let mut page = String::new();
        write(&mut page, super::document()).expect("a string takes everything");
        page
    });
    &PAGE
}

fn write(page: &mut String, document: &Value) -> fmt::Result {
    let about = shown(&document["info"]["description"]);
    let version = shown(&document["info"]["version"]);
    write!(page, "{HEAD}<h1>smsgw {version}</h1>\n<p>{about}</p>\n")?;
    page.push_str(
        "<p>For programs: <a href=\"/openapi.json\">openapi.json</a>; \
                   refusals: <a href=\"/problems\">problems</a></p>\n",
    );
    for tag in document["tags"].as_array().into_iter().flatten() {
        writeln!(page, "<h2>{}</h2>", shown(&tag["description"]))?;
        for (path, methods) in entries(&document["paths"]) {
            for (method, operation) in entries(methods) {
                if operation["tags"][0] == tag["name"] {
                    write_operation(page, document, (method, path), operation)?;
                }
            }
        }
    }
    page.push_str("<h2>Shapes</h2>\n");
    for (name, schema) in entries(&document["components"]["schemas"]) {
        writeln!(page, "<details id=\"{name}\"><summary>{name}</summary>")?;
        writeln!(page, "<pre>{}</pre></details>", escaped(&format!("{schema:#}")))?;
    }
    page.push_str("</html>\n");
    Ok(())
}

fn write_operation(
    page: &mut String,
    document: &Value,
    (method, path): (&str, &str),
    operation: &Value,
) -> fmt::Result {
    let method = method.to_uppercase();
    let summary = shown(&operation["summary"]);
    writeln!(page, "<details><summary><code>{method} {path}</code> {summary}</summary>\n<table>")?;
    let security = operation["security"].as_array().into_iter().flatten();
    for (scheme, scopes) in security.flat_map(entries) {
        match scopes[0].as_str() {
            Some(scope) => writeln!(page, "<tr><td>{scheme}</td><td>scope {scope}</td></tr>")?,
            None => writeln!(page, "<tr><td>{scheme}</td><td></td></tr>")?,
        }
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (name, place) = (shown(&parameter["name"]), shown(&parameter["in"]));
        let about = shown(&parameter["description"]);
        writeln!(page, "<tr><td>{place}</td><td><code>{name}</code> {about}</td></tr>")?;
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let Some(link) = link(body) {
        writeln!(page, "<tr><td>body</td><td>{link}</td></tr>")?;
    }
    for (status, answer) in entries(&operation["responses"]) {
        // A common refusal stands elsewhere.
        let place = answer["$ref"].as_str().unwrap_or_default().trim_start_matches('#');
        let answer = if place.is_empty() { answer } else { document.pointer(place).unwrap_or(answer) };
        let about = shown(&answer["description"]);
        let schema = &answer["content"]["application/json"]["schema"];
        let link = link(schema).unwrap_or_default();
        writeln!(page, "<tr><td>{status}</td><td>{about} {link}</td></tr>")?;
    }
    page.push_str("</table></details>\n");
    Ok(())
}

/// A link to a shape.
fn link(schema: &Value) -> Option<String> {
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    Some(format!("<a href=\"#{name}\">{name}</a>"))
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn shown(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
