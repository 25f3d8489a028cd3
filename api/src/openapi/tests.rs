use super::*;

/// The committed copy: what a change of the API changes for its callers is seen in its diff.
#[test]
fn the_committed_document_is_that_of_this_version() {
    let committed: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
    assert!(committed == *document(), "write it anew: cargo run -- openapi > docs/openapi.json");
}

#[test]
fn every_address_of_the_router_is_described_and_no_other() {
    let router = concat!(include_str!("../routes.rs"), include_str!("../routes/aliases.rs"));
    let routes = router.split(".route(").skip(1).filter_map(|rest| rest.split('"').nth(1));
    let mut routed: Vec<&str> = routes.collect();
    routed.sort_unstable();
    let paths = document()["paths"].as_object().unwrap();
    let mut described: Vec<&str> = paths.keys().map(String::as_str).collect();
    described.sort_unstable();
    assert_eq!(described, routed);
}

#[test]
fn every_reference_leads_somewhere_and_every_shape_is_used() {
    let schemas = document()["components"]["schemas"].as_object().unwrap();
    let text = document().to_string();
    let mut referred: Vec<&str> =
        text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    referred.sort_unstable();
    referred.dedup();
    let mut known: Vec<&str> = schemas.keys().map(String::as_str).collect();
    known.sort_unstable();
    assert_eq!(referred, known);
}

#[test]
fn operations_have_names_of_their_own_and_say_what_they_refuse() {
    let mut names = Vec::new();
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            names.push(operation["operationId"].as_str().unwrap());
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.contains_key("500") && answers.keys().any(|status| status.starts_with('2')));
            let is_open = operation["security"].as_array().unwrap().is_empty();
            assert_eq!(is_open, !answers.contains_key("401"), "{method} {path}");
        }
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn the_page_shows_every_operation() {
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let line = format!("<code>{} {path}</code>", method.to_uppercase());
            assert!(page().contains(&line), "{line}");
        }
    }
}
