//! What an agent refuses, each with what to do, and each without having done anything.

use chatops_schemas::{
    clock::{Clock as _, System},
    ids::ServerId,
    order::{Operation, Order, RefusalCode, Reply, Run, UnitAction, UnitOrder, Verb},
};
use ed25519_dalek::SigningKey;

use crate::{
    agent::Agent,
    orders::{agent, agent_with, key, listening, long_ago, new_id, order, shell, sign},
    server::Server,
};

fn refusal(reply: Reply) -> (RefusalCode, String) {
    match reply {
        Reply::Refused(refusal) => (refusal.code, refusal.message),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn only_what_the_server_signed_for_this_host_now_is_done() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = agent(&server, data.path()).await;
    let mark = data.path().join("done");
    let run = || Operation::Run(shell(&format!("touch {}", mark.display())));
    let good = || order(new_id(), run());
    let stranger = SigningKey::from_bytes(&[8; 32]);
    let mut tampered = sign(&good(), &key());
    let at = tampered.len() / 2;
    tampered[at] ^= 1;
    let elsewhere = Order {
        server: ServerId::parse("web-2").unwrap(),
        ..good()
    };
    let late = Order {
        not_after: long_ago(),
        ..good()
    };
    let for_ever = Order {
        not_after: System.now().plus_millis(30 * 24 * 3_600_000),
        ..good()
    };
    let impossible = order(
        new_id(),
        Operation::Run(Run {
            timeout_ms: 0,
            ..shell(&format!("touch {}", mark.display()))
        }),
    );
    for (what, verb, payload, wanted) in [
        ("noise", Verb::Exec, b"noise".to_vec(), RefusalCode::NotOurs),
        ("nothing", Verb::Exec, Vec::new(), RefusalCode::NotOurs),
        (
            "too long",
            Verb::Exec,
            vec![0; 100_000],
            RefusalCode::NotOurs,
        ),
        (
            "another key",
            Verb::Exec,
            sign(&good(), &stranger),
            RefusalCode::NotOurs,
        ),
        ("changed", Verb::Exec, tampered, RefusalCode::NotOurs),
        (
            "another host",
            Verb::Exec,
            sign(&elsewhere, &key()),
            RefusalCode::NotOurs,
        ),
        (
            "too late",
            Verb::Exec,
            sign(&late, &key()),
            RefusalCode::Expired,
        ),
        (
            "for ever",
            Verb::Exec,
            sign(&for_ever, &key()),
            RefusalCode::Expired,
        ),
        (
            "another verb",
            Verb::Ask,
            sign(&good(), &key()),
            RefusalCode::NotOurs,
        ),
        (
            "impossible",
            Verb::Exec,
            sign(&impossible, &key()),
            RefusalCode::NotOurs,
        ),
    ] {
        let (code, message) = refusal(server.send(verb, payload).await.unwrap());
        assert_eq!(code, wanted, "{what}: {message}");
        assert!(message.len() > 20, "{what}: {message}");
    }
    assert!(!mark.exists());
    let id = new_id();
    server.give(id, run()).await;
    server.over(id).await;
    assert!(mark.exists(), "and what is right is done");
}

#[tokio::test]
async fn a_host_without_a_pinned_key_does_nothing() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = Agent::run(&server.nats.url(), data.path());
    listening(&server).await;
    let refused = server.refused(Operation::Run(shell("true"))).await;
    assert_eq!(refused.code, RefusalCode::NotAllowed);
    assert!(
        refused.message.contains("chatops-agent enroll"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_the_host_does_not_allow_is_refused_with_the_words_that_allow_it() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = agent_with(&server, data.path(), "\"processes\"").await;
    let refused = server.refused(Operation::Run(shell("true"))).await;
    assert_eq!(refused.code, RefusalCode::NotAllowed);
    assert!(
        refused.message.contains("chatops-agent grant exec 30m"),
        "{refused}"
    );
    let found: chatops_schemas::answer::Processes = server
        .ask(chatops_schemas::order::Question::Processes)
        .await;
    assert!(found.total > 0);
    assert!(
        found
            .processes
            .iter()
            .all(|process| process.command.is_empty()),
        "arguments are not read where commands are not allowed"
    );
}

#[tokio::test]
async fn a_host_without_systemd_says_so() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = agent(&server, data.path()).await;
    if chatops_agent::collect::systemd::present() {
        let units: chatops_schemas::answer::Units =
            server.ask(chatops_schemas::order::Question::Units).await;
        assert!(!units.units.is_empty());
        return;
    }
    let unit = Operation::Unit(UnitOrder {
        unit: "nginx.service".into(),
        action: UnitAction::Restart,
    });
    for operation in [
        unit,
        Operation::Ask(chatops_schemas::order::Question::Units),
    ] {
        let refused = server.refused(operation).await;
        assert_eq!(refused.code, RefusalCode::Unsupported);
        assert!(refused.message.contains("systemd"), "{refused}");
    }
}
