//! The committed documents are what the code says. `CHATOPS_BLESS=1` writes them.

use std::path::{Path, PathBuf};

fn copies() -> [PathBuf; 2] {
    let api = Path::new(env!("CARGO_MANIFEST_DIR"));
    [api.join("openapi.json"), api.join("../ui/openapi.json")]
}

#[test]
fn openapi_document_is_current_here_and_in_the_web_app() {
    let text = chatops_api::openapi::text();
    let bless = std::env::var_os("CHATOPS_BLESS").is_some();
    for copy in copies() {
        if bless {
            std::fs::write(&copy, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&copy).unwrap_or_default();
        assert!(
            committed == text,
            "{} is old: run this test with CHATOPS_BLESS=1 and commit it",
            copy.display()
        );
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let text = chatops_api::openapi::text();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    for reference in text.split("\"$ref\": \"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer} is missing");
    }
}

#[test]
fn every_operation_says_what_it_is_and_how_it_fails() {
    let document: serde_json::Value = serde_json::from_str(&chatops_api::openapi::text()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{place} has no summary");
            assert!(operation["operationId"].is_string(), "{place} has no id");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let described = response["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty());
                assert!(described, "{place} does not describe {status}");
            }
            let open = operation["security"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one == &serde_json::json!({})));
            let refuses = operation["responses"].get("401").is_some();
            assert!(
                open || refuses,
                "{place} needs a signed-in person but does not describe 401"
            );
            if path.contains('{') && !path.contains("/ws/") {
                assert!(
                    operation["responses"].get("404").is_some(),
                    "{place} does not describe 404"
                );
            }
        }
    }
}

#[test]
fn asyncapi_document_is_current() {
    let text = chatops_api::asyncapi::text();
    let copy = Path::new(env!("CARGO_MANIFEST_DIR")).join("asyncapi.json");
    if std::env::var_os("CHATOPS_BLESS").is_some() {
        std::fs::write(&copy, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&copy).unwrap_or_default();
    assert!(
        committed == text,
        "{} is old: run this test with CHATOPS_BLESS=1 and commit it",
        copy.display()
    );
    let document = chatops_api::asyncapi::document();
    for reference in text.split("\"$ref\": \"").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        let pointer = pointer.strip_prefix('#').expect(pointer);
        assert!(document.pointer(pointer).is_some(), "{pointer} is missing");
    }
}

#[test]
fn asyncapi_document_knows_every_stream_by_its_subjects() {
    let topology = chatops_bus::topology::embedded().unwrap();
    let document = chatops_api::asyncapi::document();
    let mut streams: Vec<(String, String)> = topology
        .subjects()
        .map(|(stream, subject)| (stream.to_owned(), subject.to_owned()))
        .collect();
    let mut described: Vec<(String, String)> = document["channels"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(|channel| {
            let stream = channel["x-jetstream"]["stream"].as_str()?;
            let address = channel["address"].as_str()?.split('.');
            let tokens = address.map(|token| if token.starts_with('{') { "*" } else { token });
            Some((stream.to_owned(), tokens.collect::<Vec<_>>().join(".")))
        })
        .collect();
    streams.sort();
    described.sort();
    assert_eq!(described, streams);
}
