use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn run() -> Run {
    Run {
        program: Program::Argv(vec!["/bin/echo".into(), "hello world".into()]),
        cwd: None,
        env: BTreeMap::from([("TOKEN".to_owned(), "s3cret".to_owned())]),
        stdin: Some("yes\n".into()),
        timeout_ms: 60_000,
        output_limit: 1 << 20,
    }
}

fn order() -> Order {
    Order {
        id: CommandId(Uuid::from_u128(7)),
        server: ServerId::parse("web-01").unwrap(),
        not_after: Timestamp::from_millis(1_700_000_000_000),
        actor: "user:x".into(),
        operation: Operation::Run(run()),
    }
}

#[test]
fn what_was_signed_is_what_is_read() {
    let signed = SignedOrder::sign(&order(), "k", &key(1)).unwrap();
    let travelled = SignedOrder::decode(&signed.encode().unwrap()).unwrap();
    assert_eq!(travelled.open(&key(1).verifying_key()).unwrap(), order());
}

#[test]
fn every_changed_byte_and_every_other_key_is_found() {
    let signed = SignedOrder::sign(&order(), "k", &key(1)).unwrap();
    assert_eq!(
        signed.open(&key(2).verifying_key()),
        Err(OrderError::Signature)
    );
    for at in 0..signed.order.len() {
        let mut forged = signed.clone();
        forged.order[at] ^= 1;
        assert_eq!(
            forged.open(&key(1).verifying_key()),
            Err(OrderError::Signature)
        );
    }
    for at in 0..64 {
        let mut forged = signed.clone();
        forged.signature[at] ^= 1;
        assert!(forged.open(&key(1).verifying_key()).is_err());
    }
}

#[test]
fn a_signature_of_something_else_is_none() {
    let mut signed = SignedOrder::sign(&order(), "k", &key(1)).unwrap();
    signed.signature = key(1).sign(&signed.order).to_bytes().to_vec();
    assert_eq!(
        signed.open(&key(1).verifying_key()),
        Err(OrderError::Signature)
    );
}

#[test]
fn replies_are_read_back() {
    for reply in [
        Reply::Accepted {
            progress: Progress::Running,
        },
        Reply::Done {
            answer: vec![1, 2, 3],
        },
        Reply::Refused(Refusal::new(RefusalCode::NotAllowed, "no")),
    ] {
        let bytes = rmp_serde::to_vec_named(&reply).unwrap();
        assert_eq!(rmp_serde::from_slice::<Reply>(&bytes).unwrap(), reply);
    }
}

#[test]
fn what_cannot_be_run_is_said() {
    let with = |change: fn(&mut Run)| {
        let mut run = run();
        change(&mut run);
        Operation::Run(run).validate().unwrap_err().field
    };
    assert_eq!(
        with(|run| run.program = Program::Shell(" ".into())),
        "command"
    );
    assert_eq!(with(|run| run.program = Program::Argv(vec![])), "command");
    assert_eq!(
        with(|run| run.program = Program::Shell("x".repeat(20_000))),
        "command"
    );
    assert_eq!(with(|run| run.cwd = Some("tmp".into())), "cwd");
    assert_eq!(
        with(|run| run.env = BTreeMap::from([("A=B".into(), String::new())])),
        "env"
    );
    assert_eq!(with(|run| run.timeout_ms = 0), "timeout");
    let signal = SignalOrder {
        pid: 1,
        start_ticks: 0,
        signal: "KILL".into(),
    };
    assert_eq!(
        Operation::Signal(signal).validate().unwrap_err().field,
        "pid"
    );
}
