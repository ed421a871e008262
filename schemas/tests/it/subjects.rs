//! The subject tree cannot be escaped from.

use chatops_schemas::{
    ids::{KeyId, ServerId},
    subject,
};
use proptest::prelude::*;

#[test]
fn subjects_name_their_server() {
    let server = ServerId::parse("web-01").unwrap();
    for subject in [
        subject::metrics(&server),
        "ops.v1.metrics.3.web-01".to_owned(),
        subject::fact(&server, "hello"),
    ] {
        assert_eq!(
            subject::server_of(&subject),
            Some(server.clone()),
            "{subject}"
        );
    }
    for other in [
        "ops.v1.metrics",
        "ops.v1.metrics.x.web-01",
        "ops.v1.metrics.1.2.web-01",
        "ops.v2.metrics.a",
        "",
        "ops.v1.audit",
    ] {
        assert_eq!(subject::server_of(other), None, "{other}");
    }
}

#[test]
fn presence_is_not_the_agents_to_write() {
    let server = ServerId::parse("h1").unwrap();
    assert_eq!(
        subject::agent_must_not_publish(&server),
        ["ops.v1.fact.h1.presence"]
    );
}

proptest! {
    #[test]
    fn nothing_that_changes_a_subject_is_an_id(text in ".{0,80}") {
        let fine = !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        prop_assert_eq!(ServerId::parse(text.clone()).is_ok(), fine);
        prop_assert_eq!(KeyId::parse(text).is_ok(), fine);
    }
}
