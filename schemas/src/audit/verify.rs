//! What is wrong with a chain, by name: the first altered, missing, reordered or forked entry.
//!
//! Feed the entries in the order in which they lie, then ask for the [`Verdict`]. The links between entries find what
//! was changed by somebody who could not rewrite the rest; the signed heads find what was rewritten from some place on;
//! the events that are still kept ([`Verifier::claims`]) say which entry it was.

use std::collections::{BTreeMap, HashMap};

use super::{
    Derived, Entry, Frontier, Hash, Head, Restore,
    derive::{Stored, derive},
    head::KeyId,
};

mod finding;
mod heads;

pub use finding::Finding;
use heads::Heads;

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Entries that follow from each other, from the first on.
    pub size: u64,
    /// Root over those.
    pub root: Hash,
    /// Heads that were compared.
    pub heads: u64,
    /// The key of the heads.
    pub key: Option<KeyId>,
    /// Entries that a signed head vouches for; those behind it are only linked.
    pub signed: u64,
    /// Restores that a person accepted. What they lost is no finding, and must be told.
    pub restores: Vec<Restore>,
    /// What is wrong, the most telling first. Empty: nothing.
    pub findings: Vec<Finding>,
}

/// Where a signed history and the chain as it lies there part, although the chain itself is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parting {
    /// Entries that both have.
    pub kept: u64,
    /// The newest head of the other history.
    pub lost: Head,
}

/// An event's entry, as the chain has it.
#[derive(Debug, Clone, Copy)]
struct Claim {
    entry: u64,
    fingerprint: Hash,
}

/// Where the chain broke.
#[derive(Debug, Clone)]
enum Break {
    /// Decided.
    Found(Finding),
    /// Entry `at` does not name the hash of the one before it. Which of the two was altered, the next one tells.
    Link { at: u64, leaf: Hash },
    /// `first` to `last` are not where they belong; they may come later.
    Gap { first: u64, last: u64 },
}

/// Checks a chain entry by entry. Memory: the right edge of the tree, the heads, and, if asked for, one line per entry.
#[derive(Debug)]
pub struct Verifier {
    expected: u64,
    prev: Hash,
    tree: Frontier,
    heads: Heads,
    broken: Option<Break>,
    last_of: BTreeMap<String, u64>,
    claims: Option<Claims>,
}

/// What the chain says about events, for comparing with the events themselves.
#[derive(Debug, Default)]
pub struct Claims {
    streams: Vec<String>,
    of: HashMap<(usize, u64), Claim>,
    last: BTreeMap<String, u64>,
}

impl Verifier {
    /// With the heads that are known, each with a word about where it was found.
    pub fn new(heads: impl IntoIterator<Item = (String, Head)>) -> Self {
        Self {
            expected: 1,
            prev: Hash::NONE,
            tree: Frontier::default(),
            heads: Heads::new(heads),
            broken: None,
            last_of: BTreeMap::new(),
            claims: None,
        }
    }

    /// Remembers what each entry says of its event, for [`Self::claims`].
    #[must_use]
    pub fn with_claims(mut self) -> Self {
        self.claims = Some(Claims::default());
        self
    }

    /// The tree over the entries that were good so far.
    pub fn tree(&self) -> &Frontier {
        &self.tree
    }

    /// Leaf hash of the last good entry.
    pub const fn prev(&self) -> Hash {
        self.prev
    }

    /// The newest position of each stream that has an entry.
    pub fn positions(&self) -> &BTreeMap<String, u64> {
        &self.last_of
    }

    /// Whether everything so far was good.
    pub fn is_intact(&self) -> bool {
        self.broken.is_none() && self.heads.agree()
    }

    /// The next entry, as it lies there.
    pub fn entry(&mut self, bytes: &[u8]) {
        match self.broken.take() {
            None => self.broken = self.take(bytes),
            Some(broken) => self.broken = Some(self.after(broken, bytes)),
        }
    }

    /// An entry in its turn: takes it, or says what is wrong.
    fn take(&mut self, bytes: &[u8]) -> Option<Break> {
        let expected = self.expected;
        let entry = match Entry::decode(bytes) {
            Ok(entry) => entry,
            Err(error) => {
                return Some(Break::Found(Finding::altered(
                    expected,
                    format!("it cannot be read: {error}"),
                )));
            }
        };
        let follows = entry.prev == self.prev;
        let leaf = Hash::leaf(bytes);
        if entry.seq != expected {
            // It continues the chain, so it is in its place and its number was changed.
            if follows {
                let how = format!("it calls itself entry {}", entry.seq);
                return Some(Break::Found(Finding::altered(expected, how)));
            }
            if entry.seq > expected {
                return Some(Break::Gap {
                    first: expected,
                    last: entry.seq - 1,
                });
            }
            return Some(Break::Found(Finding::Reordered {
                seq: entry.seq,
                after: expected - 1,
            }));
        }
        if !follows {
            return Some(Break::Link { at: expected, leaf });
        }
        let source = &entry.content.source;
        let restore = match Restore::of(&entry) {
            Some(None) => {
                let how = "it accepts a restore in words that no program of ours writes".to_owned();
                return Some(Break::Found(Finding::altered(expected, how)));
            }
            said => said.flatten(),
        };
        // A restore may take back what was known of the streams, its own included.
        if restore.is_none()
            && self
                .last_of
                .get(&source.stream)
                .is_some_and(|last| *last >= source.seq)
        {
            let how = format!(
                "it is about {} {}, but a later event of that stream was entered before",
                source.stream, source.seq
            );
            return Some(Break::Found(Finding::altered(expected, how)));
        }
        for (stream, position) in restore.iter().flat_map(|restore| &restore.positions) {
            self.last_of.insert(stream.clone(), *position);
            if let Some(claims) = &mut self.claims {
                claims.take_back(stream, *position);
            }
        }
        self.last_of.insert(source.stream.clone(), source.seq);
        if let Some(claims) = &mut self.claims {
            claims.add(&entry);
        }
        if let Some(restore) = restore {
            self.heads.accept(restore);
        }
        self.tree.push(leaf);
        self.prev = leaf;
        self.expected += 1;
        self.heads.compare(&self.tree);
        None
    }

    /// An entry behind the place where the chain broke: it may tell what happened there.
    fn after(&mut self, broken: Break, bytes: &[u8]) -> Break {
        let entry = Entry::decode(bytes);
        match (broken, entry) {
            (Break::Gap { first, last }, Ok(entry)) if (first..=last).contains(&entry.seq) => {
                Break::Found(Finding::Reordered {
                    seq: entry.seq,
                    after: last + 1,
                })
            }
            (Break::Link { at, leaf }, entry) => {
                let follows = entry.is_ok_and(|next| next.prev == leaf);
                Break::Found(self.culprit(at, Some(follows)))
            }
            (other, _) => other,
        }
    }

    /// Entry `at` does not continue the chain: was it changed, or the one before it? `next_follows`: whether the entry
    /// behind it names its hash, where there is one.
    fn culprit(&self, at: u64, next_follows: Option<bool>) -> Finding {
        let before = at - 1;
        let vouched = before == 0 || self.heads.vouched() >= before;
        let (first, last, how) = match next_follows {
            _ if vouched => (at, at, "it does not name the hash of the entry before it"),
            Some(false) => (at, at, "it does not name the hash of the entry before it"),
            Some(true) => (before, before, "the entry behind it names another hash"),
            None => (before, at, "the second does not name the hash of the first"),
        };
        let how = how.to_owned();
        Finding::Altered { first, last, how }
    }

    /// What the good entries say about events; empty unless [`Self::with_claims`] asked for it.
    pub fn claims(&mut self) -> Claims {
        let mut claims = self.claims.take().unwrap_or_default();
        claims.last.clone_from(&self.last_of);
        claims
    }

    /// Lets the heads go. They have agreed, and whoever only appends needs them no more.
    pub fn forget_heads(&mut self) {
        self.heads = Heads::new([]);
    }

    /// Whether the entries follow from each other, whatever the heads say.
    pub const fn is_linked(&self) -> bool {
        self.broken.is_none()
    }

    /// Where the heads and the chain part; `None`: they agree, as far as restores are accepted.
    pub fn parting(&self) -> Option<Parting> {
        self.heads.parting(self.tree.size())
    }

    /// Restores that were accepted so far, signed or not.
    pub fn restores(&self) -> Vec<Restore> {
        self.heads.restores()
    }

    /// What is wrong, if no entry follows.
    pub fn verdict(&self) -> Verdict {
        let chain = match self.broken.clone() {
            None => None,
            Some(Break::Found(finding)) => Some(finding),
            // The last one of all: nothing behind it can tell.
            Some(Break::Link { at, .. }) => Some(self.culprit(at, None)),
            Some(Break::Gap { first, last }) => Some(Finding::Missing {
                first,
                last,
                how: "the entries around them are there".to_owned(),
            }),
        };
        let size = self.tree.size();
        let mut findings: Vec<_> = chain.into_iter().collect();
        findings.extend(self.heads.findings(size, findings.is_empty()));
        findings.sort_by_key(Finding::rank);
        Verdict {
            size,
            root: self.tree.root(),
            heads: self.heads.compared(),
            key: self.heads.key(),
            signed: self.heads.vouched(),
            restores: self.heads.restores(),
            findings,
        }
    }
}

impl Claims {
    fn add(&mut self, entry: &Entry) {
        let source = &entry.content.source;
        let stream = self.stream(&source.stream).unwrap_or_else(|| {
            self.streams.push(source.stream.clone());
            self.streams.len() - 1
        });
        let claim = Claim {
            entry: entry.seq,
            fingerprint: entry.content.fingerprint(),
        };
        self.of.insert((stream, source.seq), claim);
    }

    fn stream(&self, name: &str) -> Option<usize> {
        self.streams.iter().position(|stream| stream == name)
    }

    /// Forgets what was said of events behind a position: a restore has taken them away.
    fn take_back(&mut self, stream: &str, position: u64) {
        if let Some(stream) = self.stream(stream) {
            self.of
                .retain(|(of, seq), _| *of != stream || *seq <= position);
        }
    }

    /// Whether the chain has got this far in a stream: later events may still be waiting for their entries.
    pub fn covers(&self, stream: &str, seq: u64) -> bool {
        self.last.get(stream).is_some_and(|last| seq <= *last)
    }

    /// Whether an event has an entry.
    pub fn is_entered(&self, stream: &str, seq: u64) -> bool {
        self.stream(stream)
            .is_some_and(|stream| self.of.contains_key(&(stream, seq)))
    }

    /// Compares an event that is still kept with what the chain says about it.
    pub fn event(&self, stored: Stored<'_>) -> Option<Finding> {
        let claim = self
            .stream(stored.stream)
            .and_then(|stream| self.of.get(&(stream, stored.seq)));
        match (derive(stored), claim) {
            (Derived::Entry(content), Some(claim)) => (content.fingerprint() != claim.fingerprint)
                .then(|| {
                    let how = format!("event {} {} says otherwise", stored.stream, stored.seq);
                    Finding::altered(claim.entry, how)
                }),
            (Derived::Entry(_), None) if self.covers(stored.stream, stored.seq) => {
                Some(Finding::Unaudited {
                    stream: stored.stream.to_owned(),
                    seq: stored.seq,
                })
            }
            (Derived::NotAudited(_), Some(claim)) => {
                let how = format!(
                    "event {} {} is of a kind that gets no entry",
                    stored.stream, stored.seq
                );
                Some(Finding::altered(claim.entry, how))
            }
            (Derived::Entry(_) | Derived::NotAudited(_) | Derived::NeedsUpgrade(_), _) => None,
        }
    }
}

impl Verdict {
    /// Adds what the comparison with the events found.
    pub fn add_events(&mut self, found: Vec<Finding>) {
        self.findings.extend(found);
        self.findings.sort_by_key(Finding::rank);
    }

    /// Nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }
}
