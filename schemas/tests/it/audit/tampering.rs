//! Every way of changing a chain is named, and the place with it.

use chatops_schemas::{
    audit::{Entry, Finding, Hash, Head, Verdict, Verifier, derive::Stored},
    clock::Timestamp,
    codec,
    event::ctl::ServerDeleted,
    ids::ServerId,
};
use proptest::prelude::*;

use super::chain::{chain, content, head, link};
use crate::examples::wrap;

fn check(chain: &[Vec<u8>], heads: Vec<(String, Head)>) -> Verdict {
    let mut verifier = Verifier::new(heads);
    for entry in chain {
        verifier.entry(entry);
    }
    verifier.verdict()
}

fn first(verdict: &Verdict) -> (&'static str, Option<u64>) {
    let finding = verdict.findings.first().expect("it must find something");
    (finding.kind(), finding.entry())
}

#[test]
fn an_untouched_chain_is_good_and_says_how_far_it_is_signed() {
    let whole = chain(20);
    let verdict = check(&whole, vec![head(&whole, 5), head(&whole, 17)]);
    assert!(verdict.is_good(), "{:?}", verdict.findings);
    assert_eq!((verdict.size, verdict.heads, verdict.signed), (20, 2, 17));
    assert!(check(&[], vec![]).is_good());
}

#[test]
fn a_cut_chain_is_known_by_its_heads() {
    let whole = chain(20);
    let verdict = check(&whole[..12], vec![head(&whole, 10), head(&whole, 20)]);
    assert_eq!(first(&verdict), ("missing", Some(13)));
    assert!(
        verdict.findings[0].to_string().contains("13 to 20"),
        "{}",
        verdict.findings[0]
    );
}

#[test]
fn a_rewritten_rest_is_known_by_its_heads() {
    let whole = chain(20);
    let mut other: Vec<_> = (1..=20).map(content).collect();
    other[13].actor = "user:somebody-else".to_owned();
    let verdict = check(&link(other), vec![head(&whole, 10), head(&whole, 20)]);
    let range = Finding::Altered {
        first: 11,
        last: 20,
        how: "the head of 20 was signed over other entries".to_owned(),
    };
    assert_eq!(verdict.findings, [range]);
    assert_eq!(verdict.signed, 10);
}

#[test]
fn two_signed_histories_are_a_fork() {
    let (ours, mut theirs) = (chain(20), (1..=20).map(content).collect::<Vec<_>>());
    theirs[13].actor = "user:somebody-else".to_owned();
    let theirs = link(theirs);
    for (at, fitting) in [(20, 20), (15, 20)] {
        let heads = vec![head(&ours, 10), head(&ours, fitting), head(&theirs, at)];
        let verdict = check(&ours, heads);
        assert_eq!(
            first(&verdict),
            ("forked", Some(11)),
            "{:?}",
            verdict.findings
        );
    }
}

#[test]
fn a_head_that_was_not_signed_is_false() {
    let whole = chain(8);
    let (origin, mut forged) = head(&whole, 8);
    forged.size = 7;
    let verdict = check(&whole, vec![(origin, forged)]);
    assert_eq!(first(&verdict), ("bad_head", None));
    assert_eq!(verdict.signed, 0);
}

#[test]
fn a_head_of_another_key_is_told_apart() {
    let whole = chain(8);
    let (origin, genuine) = head(&whole, 8);
    let mut tree = chatops_schemas::audit::Frontier::default();
    whole.iter().for_each(|entry| tree.push(Hash::leaf(entry)));
    let other = chatops_schemas::audit::HeadKey::from_seed(&[8; 32]).sign(&tree, genuine.time);
    let verdict = check(
        &whole,
        vec![(origin, genuine), ("elsewhere".to_owned(), other)],
    );
    assert_eq!(first(&verdict), ("other_key", None));
}

#[test]
fn the_last_two_entries_are_told_apart_by_a_head() {
    let whole = chain(9);
    let mut changed = whole.clone();
    let last = changed.last_mut().unwrap();
    // The first byte of the hash of the entry before.
    last[9] ^= 1;
    let verdict = check(&changed, vec![head(&whole, 8)]);
    assert_eq!(first(&verdict), ("altered", Some(9)));
    let blind = check(&changed, vec![]);
    let Finding::Altered { first, last, .. } = blind.findings[0] else {
        panic!("{:?}", blind.findings)
    };
    assert_eq!((first, last), (8, 9));
}

/// Events and the chain over them.
fn audited(count: u64) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let events: Vec<_> = (1..=count)
        .map(|n| {
            let server = ServerId::parse(format!("web-{n}")).unwrap();
            codec::encode(&wrap(ServerDeleted { server })).unwrap()
        })
        .collect();
    let contents =
        events.iter().zip(1..).map(|(bytes, seq)| {
            match chatops_schemas::audit::derive(stored(seq, bytes)) {
                chatops_schemas::audit::Derived::Entry(content) => content,
                other => panic!("{other:?}"),
            }
        });
    let chain = link(contents);
    (events, chain)
}

fn stored(seq: u64, bytes: &[u8]) -> Stored<'_> {
    Stored {
        stream: "OPS_CTL",
        seq,
        at: Timestamp::from_micros(5),
        bytes,
    }
}

#[test]
fn the_events_name_the_entry_that_a_rewriter_hid() {
    let (events, whole) = audited(20);
    let mut contents: Vec<_> = whole
        .iter()
        .map(|entry| Entry::decode(entry).unwrap().content)
        .collect();
    contents[13].actor = "user:somebody-else".to_owned();
    contents.remove(16);
    let mut verifier = Verifier::new(vec![head(&whole, 20)]).with_claims();
    for entry in link(contents) {
        verifier.entry(&entry);
    }
    let claims = verifier.claims();
    let found = events
        .iter()
        .zip(1..)
        .filter_map(|(event, seq)| claims.event(stored(seq, event)));
    let found: Vec<_> = found.collect();
    let mut verdict = verifier.verdict();
    verdict.add_events(found);
    assert_eq!(first(&verdict), ("altered", Some(14)));
    assert!(
        verdict.findings.contains(&Finding::Unaudited {
            stream: "OPS_CTL".to_owned(),
            seq: 17
        }),
        "{:?}",
        verdict.findings
    );
}

#[test]
fn events_that_wait_for_their_entry_are_not_missing() {
    let (events, whole) = audited(5);
    let mut verifier = Verifier::new(vec![]).with_claims();
    whole[..3].iter().for_each(|entry| verifier.entry(entry));
    let claims = verifier.claims();
    for (event, seq) in events.iter().zip(1..) {
        assert_eq!(claims.event(stored(seq, event)), None);
        assert_eq!(claims.covers("OPS_CTL", seq), seq <= 3);
    }
}

proptest! {
    /// With the entries behind it, or a head over it, the altered entry is named exactly.
    #[test]
    fn a_flipped_bit_is_named(length in 3_u64..40, entry in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let whole = chain(length);
        let mut changed = whole.clone();
        let at = entry.index(whole.len());
        let byte = byte.index(changed[at].len());
        changed[at][byte] ^= 1 << bit;
        let heads = (1..=whole.len()).map(|size| head(&whole, size)).collect();
        let verdict = check(&changed, heads);
        let Some(Finding::Altered { first, last, .. }) = verdict.findings.first() else {
            return Err(TestCaseError::fail(format!("{:?}", verdict.findings)));
        };
        prop_assert_eq!((*first, *last), (at as u64 + 1, at as u64 + 1), "{:?}", verdict.findings);
    }

    /// Without any head, everything but the last entry is held by the ones behind it.
    #[test]
    fn a_flipped_bit_is_named_without_heads(length in 4_u64..40, entry in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut changed = chain(length);
        let at = entry.index(changed.len() - 2);
        let byte = byte.index(changed[at].len());
        changed[at][byte] ^= 1 << bit;
        let verdict = check(&changed, vec![]);
        prop_assert_eq!(first(&verdict), ("altered", Some(at as u64 + 1)), "{:?}", verdict.findings);
    }

    #[test]
    fn dropped_entries_are_named(length in 3_usize..40, from in any::<prop::sample::Index>(), count in 1_usize..5) {
        let whole = chain(length as u64);
        let from = from.index(length - 1);
        let to = (from + count).min(length - 1);
        let mut changed = whole.clone();
        changed.drain(from..to);
        let verdict = check(&changed, vec![head(&whole, length)]);
        let Some(Finding::Missing { first, last, .. }) = verdict.findings.first() else {
            return Err(TestCaseError::fail(format!("{:?}", verdict.findings)));
        };
        prop_assert_eq!((*first, *last), (from as u64 + 1, to as u64));
    }

    #[test]
    fn a_moved_entry_is_named(length in 3_usize..40, from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let (from, to) = (from.index(length), to.index(length));
        prop_assume!(from != to);
        let mut changed = chain(length as u64);
        let moved = changed.remove(from);
        changed.insert(to, moved);
        let verdict = check(&changed, vec![]);
        prop_assert_eq!(first(&verdict).0, "reordered", "{:?}", verdict.findings);
        prop_assert_eq!(verdict.size, from.min(to) as u64);
    }

    #[test]
    fn a_repeated_entry_is_named(length in 2_usize..40, which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        let mut changed = chain(length as u64);
        let which = which.index(length);
        let at = which + 1 + at.index(length - which);
        let copy = changed[which].clone();
        changed.insert(at, copy);
        prop_assert_eq!(first(&check(&changed, vec![])), ("reordered", Some(which as u64 + 1)));
    }

    #[test]
    fn noise_never_panics(entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..8)) {
        prop_assert!(entries.is_empty() || !check(&entries, vec![]).is_good());
    }
}
