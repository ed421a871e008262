//! The heads of a check: which agree with the chain, and what it means when one does not.

use super::{
    super::{Frontier, Hash, Head, head::KeyId},
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
    /// Sizes and origins of heads over the same number of entries with other roots than the chain's.
    differ: Vec<(u64, String, Hash)>,
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
                let (size, origin) = (known.head.size, known.origin.clone());
                self.differ.push((size, origin, known.head.root));
            }
            self.next += 1;
        }
    }

    /// No genuine head differs so far, and none is false.
    pub(super) fn agree(&self) -> bool {
        self.differ.is_empty() && self.bad.is_empty()
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
        if let Some((at, origin, root)) = self.differ.first() {
            // The smallest that differs: all smaller ones agree.
            let before = self.known.iter().map(|known| known.head.size);
            let before = before.filter(|size| size < at).max().unwrap_or(0);
            let agrees = self.known.iter().take(self.next).find(|other| {
                let differs = |(size, _, root): &(u64, String, Hash)| {
                    (*size, *root) == (other.head.size, other.head.root)
                };
                other.head.size >= *at && !self.differ.iter().any(differs)
            });
            findings.push(match agrees {
                // Somebody signed this chain, and somebody signed another one.
                Some(other) => Finding::Forked {
                    first: before + 1,
                    size: *at,
                    how: format!(
                        "the head {origin} says {root}, the head {} fits these entries",
                        other.origin
                    ),
                },
                None => Finding::Altered {
                    first: before + 1,
                    last: *at,
                    how: format!("the head {origin} was signed over other entries"),
                },
            });
        }
        if whole && let Some(last) = self.known.last().filter(|last| last.head.size > size) {
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
