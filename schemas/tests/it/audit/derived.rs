//! What each event becomes, frozen: chains that exist were made by it. `CHATOPS_BLESS=1` writes missing files only.

use std::{fmt::Write, fs, path::PathBuf};

use chatops_schemas::{
    audit::{Content, Derived, derive, derive::Stored},
    clock::Timestamp,
};

use crate::examples::{self, Example};

fn derived(example: &Example) -> Derived {
    derive(Stored {
        stream: "OPS_TEST",
        seq: 42,
        at: Timestamp::from_micros(1_770_000_001_000_000),
        bytes: &example.bytes,
    })
}

fn text(derived: &Derived) -> String {
    let mut text = String::new();
    match derived {
        Derived::NotAudited(reason) => writeln!(text, "not audited: {reason}").unwrap(),
        Derived::NeedsUpgrade(why) => writeln!(text, "needs upgrade: {why}").unwrap(),
        Derived::Entry(Content {
            actor,
            action,
            target,
            address,
            outcome,
            ..
        }) => {
            let address = address.as_deref().unwrap_or("-");
            writeln!(text, "actor {actor}\naction {action}\ntarget {target}").unwrap();
            writeln!(text, "address {address}\noutcome {}", outcome.as_str()).unwrap();
        }
    }
    if let Derived::Entry(content) = derived {
        writeln!(text, "fingerprint {}", content.fingerprint()).unwrap();
    }
    text
}

#[test]
fn every_type_is_audited_or_says_why_not() {
    for example in examples::all() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("golden/audit")
            .join(format!("{}.txt", example.kind));
        let now = text(&derived(&example));
        if std::env::var_os("CHATOPS_BLESS").is_some() && !path.exists() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &now).unwrap();
        }
        let golden = fs::read_to_string(&path)
            .unwrap_or_else(|_| panic!("{} is missing: run with CHATOPS_BLESS=1", path.display()));
        assert_eq!(
            now, golden,
            "{}: entries like it lie in chains",
            example.kind
        );
    }
}

#[test]
fn what_people_typed_is_not_in_an_entry() {
    for example in examples::all() {
        let Derived::Entry(content) = derived(&example) else {
            continue;
        };
        // Not the digest: its letters are chance.
        let said = format!(
            "{} {} {} {:?} {:?}",
            content.actor, content.action, content.target, content.address, content.source
        );
        for typed in [
            "ada",
            "Ada",
            "example.org",
            "web 01",
            "web one",
            "prod",
            "first",
        ] {
            assert!(!said.contains(typed), "{}: {said}", example.kind);
        }
    }
}

#[test]
fn what_cannot_be_read_gets_an_entry_and_what_is_newer_waits() {
    let stored = |bytes| Stored {
        stream: "OPS_CTL",
        seq: 7,
        at: Timestamp::from_micros(0),
        bytes,
    };
    let Derived::Entry(content) = derive(stored(b"\xff\xff")) else {
        panic!("noise must get an entry")
    };
    assert_eq!(content.action, "audit.unreadable");
    assert_eq!(content.target, "OPS_CTL:7");
    let mut newer = examples::wrap(examples::sample());
    newer.ver = 99;
    let bytes = chatops_schemas::codec::encode(&newer).unwrap();
    assert!(matches!(derive(stored(&bytes)), Derived::NeedsUpgrade(_)));
}

#[test]
fn an_address_is_an_address_or_nothing() {
    let mut event = examples::wrap(chatops_schemas::event::ctl::ServerDeleted {
        server: examples::server(),
    });
    for (given, kept) in [
        ("192.0.2.1", Some("192.0.2.1")),
        ("2001:DB8::1", Some("2001:db8::1")),
        ("my password is tangerine", None),
    ] {
        event.address = Some(given.to_owned());
        let bytes = chatops_schemas::codec::encode(&event).unwrap();
        let at = Timestamp::from_micros(0);
        let derived = derive(Stored {
            stream: "OPS_CTL",
            seq: 1,
            at,
            bytes: &bytes,
        });
        let Derived::Entry(content) = derived else {
            panic!("a decision must get an entry")
        };
        assert_eq!(content.address.as_deref(), kept);
    }
}
