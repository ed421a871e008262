//! The heads of a check: which agree with the chain, and what it means when one does not.

use super::{
    super::{Frontier, Head, Restore, head::KeyId},
    Parting,
    finding::Finding,
};

#[derive(Debug)]
struct Known {
    origin: String,
    head: Head,
}

/// Heads by size, and how far the comparison is.
#[derive(Debug)]
pub(super) struct Heads {
    /// Genuine ones, smallest first.
    known: Vec<Known>,
    /// First of `known` that the chain has not reached.
    next: usize,
    bad: Vec<Finding>,
    key: Option<KeyId>,
    agreed: u64,
    /// Places in `known` of heads over the same number of entries with other roots than the chain's.
    differ: Vec<usize>,
    restores: Vec<Restore>,
}

impl Heads {
    pub(super) fn new(heads: impl IntoIterator<Item = (String, Head)>) -> Self {
        let (mut known, mut bad) = (Vec::new(), Vec::new());
        let mut key: Option<KeyId> = None;
        for (origin, head) in heads {
            if let Err(error) = head.check() {
                bad.push(Finding::BadHead {
                    size: head.size,
                    origin,
                    error,
                });
                continue;
            }
            let expected = *key.get_or_insert(head.key_id);
            if head.key_id != expected {
                bad.push(Finding::OtherKey {
                    origin,
                    key: head.key_id.to_string(),
                    expected: expected.to_string(),
                });
                continue;
            }
            known.push(Known { origin, head });
        }
        known.sort_by_key(|known| known.head.size);
        let mut heads = Self {
            known,
            next: 0,
            bad,
            key,
            agreed: 0,
            differ: Vec::new(),
            restores: Vec::new(),
        };
        heads.compare(&Frontier::default());
        heads
    }

    /// The chain has grown to this.
    pub(super) fn compare(&mut self, tree: &Frontier) {
        while let Some(known) = self.known.get(self.next)
            && known.head.size <= tree.size()
        {
            if known.head.root == tree.root() {
                self.agreed = tree.size();
            } else {
                self.differ.push(self.next);
            }
            self.next += 1;
        }
    }

    /// A person said that a history was lost.
    pub(super) fn accept(&mut self, restore: Restore) {
        self.restores.push(restore);
    }

    /// All of them, and whether a head covers each.
    pub(super) fn restores(&self) -> Vec<Restore> {
        let signed = |restore: &Restore| Restore {
            signed: restore.entry <= self.agreed,
            ..restore.clone()
        };
        self.restores.iter().map(signed).collect()
    }

    /// Whether a head is of a history whose loss was accepted under a signed head.
    fn is_excused(&self, head: &Head) -> bool {
        self.restores
            .iter()
            .any(|restore| restore.entry <= self.agreed && restore.excuses(head))
    }

    /// Heads that the chain has reached and contradicts.
    fn against(&self) -> impl Iterator<Item = &Known> {
        let differ = self.differ.iter().filter_map(|at| self.known.get(*at));
        differ.filter(|known| !self.is_excused(&known.head))
    }

    /// Heads behind the end of a chain of this size.
    fn beyond(&self, size: u64) -> impl Iterator<Item = &Known> {
        self.known
            .iter()
            .filter(move |known| known.head.size > size && !self.is_excused(&known.head))
    }

    /// Entries under the largest head that fits below this size.
    fn agreed_below(&self, size: u64) -> u64 {
        let fits = |(at, known): (usize, &Known)| {
            (known.head.size < size && !self.differ.contains(&at)).then_some(known.head.size)
        };
        let known = self.known.iter().take(self.next).enumerate();
        known.filter_map(fits).max().unwrap_or(0)
    }

    /// Where a chain of this size and the heads part.
    pub(super) fn parting(&self, size: u64) -> Option<Parting> {
        let first = self.against().next().map(|known| known.head.size);
        let kept = first.map_or(size, |first| self.agreed_below(first));
        let lost = self.against().chain(self.beyond(size));
        let lost = lost.max_by_key(|known| known.head.time)?.head.clone();
        Some(Parting { kept, lost })
    }

    /// No genuine head differs so far, and none is false.
    pub(super) fn agree(&self) -> bool {
        self.against().next().is_none() && self.bad.is_empty()
    }

    /// Entries under the largest head that agrees.
    pub(super) const fn vouched(&self) -> u64 {
        self.agreed
    }

    /// Of the first genuine one.
    pub(super) const fn key(&self) -> Option<KeyId> {
        self.key
    }

    pub(super) fn compared(&self) -> u64 {
        u64::try_from(self.next).unwrap_or(u64::MAX)
    }

    /// What the heads say against a chain of `size` good entries. When the chain itself is `whole`, heads beyond its end
    /// mean that it was cut.
    pub(super) fn findings(&self, size: u64, whole: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(differs) = self.against().next() {
            // The smallest that differs: all smaller ones agree.
            let (at, origin, root) = (differs.head.size, &differs.origin, differs.head.root);
            let before = self.agreed_below(at);
            let reached = self.known.iter().take(self.next).enumerate();
            let agrees = reached
                .filter(|(place, other)| other.head.size >= at && !self.differ.contains(place))
                .map(|(_, other)| other)
                .next();
            findings.push(match agrees {
                // Somebody signed this chain, and somebody signed another one.
                Some(other) => Finding::Forked {
                    first: before + 1,
                    size: at,
                    how: format!(
                        "the head {origin} says {root}, the head {} fits these entries",
                        other.origin
                    ),
                },
                None => Finding::Altered {
                    first: before + 1,
                    last: at,
                    how: format!("the head {origin} was signed over other entries"),
                },
            });
        }
        if whole && let Some(last) = self.beyond(size).last() {
            findings.push(Finding::Missing {
                first: size + 1,
                last: last.head.size,
                how: format!(
                    "the chain ends before them, but a head {} covers them",
                    last.origin
                ),
            });
        }
        findings.extend(self.bad.iter().cloned());
        findings
    }
}
