//! What a shared log holds, and where each of its viewers is. Pure: frames and words of viewers go in, frames come out.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;

/// Bytes of frames that are kept for viewers who come later, when all who are there have read them.
const KEPT: usize = 512 * 1024;
/// Bytes of frames that a viewer may be behind before reading from the host stops for it.
const BEHIND: usize = 512 * 1024;

#[derive(Debug)]
struct Kept {
    frame: Utf8Bytes,
    lines: u64,
    /// Bytes of all frames up to the end of this one.
    upto: usize,
}

#[derive(Debug, Default)]
struct Place {
    /// Number of the next frame.
    next: u64,
    /// Lines that were left out before it.
    missed: u64,
    /// How long it has held up others since it had read everything.
    held: Duration,
}

/// Whether more may be read from the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Yes.
    Free,
    /// Not yet: every viewer is behind, or there is but one.
    Full,
    /// Not yet: some viewers are behind, others wait for more.
    Uneven,
    /// Nobody looks any more.
    Deserted,
}

/// What a viewer gets next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// This.
    Frame(Utf8Bytes),
    /// So many lines were left out for this viewer.
    Missed(u64),
    /// Nothing new.
    Nothing,
    /// Nothing any more.
    Over,
}

/// Frames and places.
#[derive(Debug, Default)]
pub(super) struct Board {
    frames: VecDeque<Kept>,
    /// Number of the first frame that is kept.
    first: u64,
    /// Bytes of all frames there ever were.
    bytes: usize,
    places: HashMap<u64, Place>,
    next_place: u64,
    over: bool,
}

impl Board {
    /// Adds a frame of so many lines.
    pub(super) fn add(&mut self, frame: Utf8Bytes, lines: u64) {
        self.bytes += frame.len();
        self.frames.push_back(Kept {
            frame,
            lines,
            upto: self.bytes,
        });
        self.trim();
    }

    /// Nothing comes any more, and nobody comes in.
    pub(super) fn end(&mut self) {
        self.over = true;
    }

    pub(super) fn over(&self) -> bool {
        self.over
    }

    fn end_number(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    /// Lets a viewer in who wants at least the last `tail` lines; `None` when they are not here any more.
    pub(super) fn join(&mut self, tail: u64) -> Option<u64> {
        if self.over {
            return None;
        }
        let (mut next, mut lines) = (self.end_number(), 0);
        for kept in self.frames.iter().rev() {
            if lines >= tail {
                break;
            }
            lines += kept.lines;
            next -= 1;
        }
        // All that there ever was is as much as anybody gets.
        if lines < tail && self.first > 0 {
            return None;
        }
        let viewer = self.next_place;
        self.next_place += 1;
        let place = Place {
            next,
            ..Place::default()
        };
        self.places.insert(viewer, place);
        Some(viewer)
    }

    pub(super) fn leave(&mut self, viewer: u64) {
        self.places.remove(&viewer);
        self.trim();
    }

    /// The next frame of this viewer.
    pub(super) fn take(&mut self, viewer: u64) -> Taken {
        let (first, over) = (self.first, self.over);
        let Some(place) = self.places.get_mut(&viewer) else {
            return Taken::Over;
        };
        if place.missed > 0 {
            return Taken::Missed(std::mem::take(&mut place.missed));
        }
        let at = usize::try_from(place.next - first).unwrap_or(usize::MAX);
        let Some(kept) = self.frames.get(at) else {
            place.held = Duration::ZERO;
            return if over { Taken::Over } else { Taken::Nothing };
        };
        place.next += 1;
        let frame = kept.frame.clone();
        self.trim();
        Taken::Frame(frame)
    }

    /// Bytes that a place has not read.
    fn unread(&self, place: &Place) -> usize {
        let read = place
            .next
            .checked_sub(self.first + 1)
            .and_then(|at| self.frames.get(usize::try_from(at).ok()?))
            .map_or_else(|| self.let_go(), |kept| kept.upto);
        self.bytes - read
    }

    /// Bytes of all frames that are not kept any more.
    fn let_go(&self) -> usize {
        self.frames
            .front()
            .map_or(self.bytes, |kept| kept.upto - kept.frame.len())
    }

    /// Whether to read on. When nobody looks any more, nobody comes in from here on.
    pub(super) fn room(&mut self) -> Room {
        if self.places.is_empty() {
            self.over = true;
            return Room::Deserted;
        }
        let behind = |place: &&Place| self.unread(place) >= BEHIND;
        match self.places.values().filter(behind).count() {
            0 => Room::Free,
            all if all == self.places.len() => Room::Full,
            _ => Room::Uneven,
        }
    }

    /// Those who are behind have held up the others for so long. Who has for `most` in all goes on at the end, and is told
    /// how many lines it has missed.
    pub(super) fn held(&mut self, time: Duration, most: Duration) {
        let end = self.end_number();
        let behind = |(viewer, place): (&u64, &Place)| {
            let at = usize::try_from(place.next - self.first).ok()?;
            let lines: u64 = self.frames.iter().skip(at).map(|kept| kept.lines).sum();
            (self.unread(place) >= BEHIND).then_some((*viewer, lines))
        };
        let behind: Vec<(u64, u64)> = self.places.iter().filter_map(behind).collect();
        for (viewer, lines) in behind {
            if let Some(place) = self.places.get_mut(&viewer) {
                place.held += time;
                if place.held >= most {
                    place.next = end;
                    place.missed += lines;
                }
            }
        }
        self.trim();
    }

    /// Lets go of what everybody has read and nobody who comes needs.
    fn trim(&mut self) {
        let slowest = self.places.values().map(|place| place.next).min();
        while let Some(kept) = self.frames.front() {
            let read = slowest.is_none_or(|slowest| slowest > self.first);
            if !read || self.bytes - kept.upto < KEPT {
                break;
            }
            self.frames.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(n: u64, bytes: usize) -> Utf8Bytes {
        format!("{n:0bytes$}").into()
    }

    fn all(board: &mut Board, viewer: u64) -> Vec<u64> {
        let mut got = Vec::new();
        while let Taken::Frame(frame) = board.take(viewer) {
            got.push(frame.as_str().trim_start_matches('0').parse().unwrap_or(0));
        }
        got
    }

    #[test]
    fn who_comes_later_gets_the_past_they_want() {
        let mut board = Board::default();
        let first = board.join(1000).unwrap();
        for n in 1..=10 {
            board.add(frame(n, 10), 100);
        }
        assert_eq!(all(&mut board, first), (1..=10).collect::<Vec<_>>());
        assert_eq!(board.take(first), Taken::Nothing);
        let later = board.join(250).unwrap();
        assert_eq!(all(&mut board, later), [8, 9, 10]);
        // More than there ever was is all of it.
        let much = board.join(5000).unwrap();
        assert_eq!(all(&mut board, much).len(), 10);
        board.add(frame(11, 10), 1);
        for viewer in [first, later, much] {
            assert_eq!(all(&mut board, viewer), [11]);
        }
    }

    #[test]
    fn memory_ends_and_with_it_the_past() {
        let mut board = Board::default();
        let viewer = board.join(10).unwrap();
        for n in 0..200 {
            board.add(frame(n, 10_000), 1);
            assert!(matches!(board.take(viewer), Taken::Frame(_)));
        }
        assert!(
            board.frames.len() <= KEPT / 10_000 + 1,
            "{}",
            board.frames.len()
        );
        assert!(board.join(20).is_some());
        assert!(board.join(150).is_none());
        assert_eq!(board.room(), Room::Free);
        board.end();
        assert!(board.join(1).is_none());
    }

    #[test]
    fn nobody_is_held_up_by_somebody_who_does_not_read() {
        let mut board = Board::default();
        let (slow, quick) = (board.join(0).unwrap(), board.join(0).unwrap());
        for n in 0..(BEHIND / 10_000 + 1) as u64 {
            board.add(frame(n, 10_000), 3);
        }
        assert_eq!(board.room(), Room::Full);
        let read = all(&mut board, quick).len() as u64;
        assert_eq!(board.room(), Room::Uneven);
        let most = Duration::from_secs(2);
        board.held(most / 2, most);
        assert_eq!(board.room(), Room::Uneven);
        board.held(most / 2, most);
        assert_eq!(board.room(), Room::Free);
        assert_eq!(board.take(slow), Taken::Missed(read * 3));
        board.add(frame(7, 10), 1);
        assert_eq!(all(&mut board, slow), [7]);
        assert_eq!(all(&mut board, quick), [7]);
        board.leave(slow);
        board.leave(quick);
        assert_eq!(board.room(), Room::Deserted);
    }
}
