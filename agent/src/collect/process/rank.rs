//! The best of many without sorting or naming the rest. Called by [`super::Reader`] for each process it sees.

use super::Stat;

/// Command names are 15 bytes, those of kernel workers up to 63.
const NAME_BYTES: usize = 64;

/// A process that may get into a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) pid: u32,
    pub(super) ticks: Option<u64>,
    pub(super) resident: u64,
    name: [u8; NAME_BYTES],
    len: usize,
}

impl Candidate {
    pub(super) fn new(pid: u32, stat: &Stat<'_>, ticks: Option<u64>) -> Self {
        let len = stat.name.len().min(NAME_BYTES);
        let mut name = [0; NAME_BYTES];
        name[..len].copy_from_slice(&stat.name[..len]);
        Self {
            pid,
            ticks,
            resident: stat.resident,
            name,
            len,
        }
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name[..self.len]
    }
}

/// At most a fixed number of candidates, highest first.
#[derive(Debug)]
pub(super) struct Ranking {
    most: usize,
    places: Vec<(u64, Candidate)>,
}

impl Ranking {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            places: Vec::with_capacity(most + 1),
        }
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
    }

    /// Takes a candidate in if it belongs there; nobody gets in with 0. Of equals the earlier stays ahead.
    pub(super) fn offer(&mut self, score: u64, candidate: impl FnOnce() -> Candidate) {
        let full = self.places.len() == self.most;
        if score == 0 || (full && self.places.last().is_some_and(|(last, _)| *last >= score)) {
            return;
        }
        let place = self.places.partition_point(|(other, _)| *other >= score);
        self.places.insert(place, (score, candidate()));
        self.places.truncate(self.most);
    }

    pub(super) fn winners(&self) -> impl Iterator<Item = &Candidate> {
        self.places.iter().map(|(_, candidate)| candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_what_sorting_would_give(scores in proptest::collection::vec(0u64..20, 0..60)) {
            let mut ranking = Ranking::new(5);
            for (pid, score) in scores.iter().enumerate() {
                let stat = Stat { name: b"x", state: 'S', parent: 1, threads: 1, ticks: 0, started: 0, resident: *score };
                ranking.offer(*score, || Candidate::new(pid as u32, &stat, None));
            }
            let mut sorted: Vec<_> = scores.iter().enumerate().filter(|(_, score)| **score > 0).collect();
            sorted.sort_by_key(|(_, score)| std::cmp::Reverse(**score));
            let expected: Vec<u32> = sorted.iter().take(5).map(|(pid, _)| *pid as u32).collect();
            prop_assert_eq!(ranking.winners().map(|winner| winner.pid).collect::<Vec<_>>(), expected);
        }
    }
}
