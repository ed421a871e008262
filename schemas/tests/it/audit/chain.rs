//! Chains to play with, and the encoding of an entry.

use chatops_schemas::{
    audit::{Content, Entry, Frontier, Hash, Head, HeadKey, Outcome, Source},
    clock::Timestamp,
    ids::EventId,
};
use proptest::prelude::*;
use uuid::Uuid;

pub(super) fn key() -> HeadKey {
    HeadKey::from_seed(&[7; 32])
}

pub(super) fn content(n: u64) -> Content {
    Content {
        at: Timestamp::from_micros(1_770_000_000_000_000 + i64::try_from(n).unwrap() * 1_000_000),
        actor: "user:0192".to_owned(),
        action: "server.changed".to_owned(),
        target: format!("server:web-{n}"),
        address: Some("192.0.2.1".to_owned()),
        outcome: Outcome::Ok,
        source: Source {
            stream: "OPS_CTL".to_owned(),
            seq: n,
        },
        cause: None,
        digest: Hash::of(&n.to_be_bytes()),
    }
}

/// A chain of these contents, as bytes.
pub(super) fn link(contents: impl IntoIterator<Item = Content>) -> Vec<Vec<u8>> {
    let mut prev = Hash::NONE;
    let entries = contents.into_iter().zip(1..).map(|(content, seq)| {
        let bytes = Entry { seq, prev, content }.encode();
        prev = Hash::leaf(&bytes);
        bytes
    });
    entries.collect()
}

pub(super) fn chain(length: u64) -> Vec<Vec<u8>> {
    link((1..=length).map(content))
}

/// The head over the first `size` entries.
pub(super) fn head(chain: &[Vec<u8>], size: usize) -> (String, Head) {
    let mut tree = Frontier::default();
    for entry in &chain[..size] {
        tree.push(Hash::leaf(entry));
    }
    let time = Timestamp::from_micros(1_770_000_000_000_000);
    (format!("of {size}"), key().sign(&tree, time))
}

#[test]
fn the_encoding_is_frozen() {
    let entry = Entry {
        seq: 3,
        prev: Hash::of(b"before"),
        content: Content {
            cause: Some(EventId(Uuid::from_u128(5))),
            ..content(9)
        },
    };
    let bytes = entry.encode();
    assert_eq!(Entry::decode(&bytes).as_ref(), Ok(&entry));
    assert_eq!(
        Hash::leaf(&bytes).to_string(),
        "0ae0d52ac1f4a45ab4b8c9bddb6088348520fe2adaef1e46ffc874fb86d78007"
    );
}

#[test]
fn a_head_says_who_signed_it_and_reads_the_same_after_its_journey() {
    let (_, head) = head(&chain(5), 5);
    assert_eq!(head.check(), Ok(()));
    let text = serde_json::to_string(&head).unwrap();
    assert_eq!(serde_json::from_str::<Head>(&text).unwrap(), head);
    assert_eq!(head.key_id, key().id());
    assert_eq!(head.root, {
        let mut tree = Frontier::default();
        chain(5)
            .iter()
            .for_each(|entry| tree.push(Hash::leaf(entry)));
        tree.root()
    });
}

proptest! {
    #[test]
    fn an_entry_has_one_encoding(
        seq in any::<u64>(), at in any::<i64>(), actor in "[^\\p{Cc}]{0,40}", target in "[^\\p{Cc}]{0,60}",
        address in proptest::option::of("[0-9.:a-f]{1,40}"), outcome in 0_usize..3, source in any::<u64>(),
        cause in proptest::option::of(any::<u128>()), digest in any::<[u8; 32]>(),
    ) {
        let entry = Entry {
            seq,
            prev: Hash::of(&digest),
            content: Content {
                at: Timestamp::from_micros(at),
                actor,
                action: "a.b".to_owned(),
                target,
                address,
                outcome: Outcome::ALL[outcome],
                source: Source { stream: "OPS_CTL".to_owned(), seq: source },
                cause: cause.map(|id| EventId(Uuid::from_u128(id))),
                digest: Hash::from_bytes(digest),
            },
        };
        let bytes = entry.encode();
        let read = Entry::decode(&bytes).unwrap();
        prop_assert_eq!(&read, &entry);
        prop_assert_eq!(read.encode(), bytes);
    }

    #[test]
    fn noise_is_no_entry_or_reads_back_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(entry) = Entry::decode(&bytes) {
            prop_assert_eq!(entry.encode(), bytes);
        }
    }

    #[test]
    fn every_truncation_of_an_entry_is_refused(n in 1_u64..100, cut in any::<prop::sample::Index>()) {
        let bytes = chain(n).pop().unwrap();
        prop_assert!(Entry::decode(&bytes[..cut.index(bytes.len())]).is_err());
    }
}
