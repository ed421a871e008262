//! The last words of a container with a terminal. Called by its [`follow`](super) view when the engine says that the log
//! is over.
//!
//! The engine keeps what follows the last line end until the program is gone, and may tell a follower of the end before it
//! has written that down. So once the container has stopped its newest messages are asked for again, and those that the
//! view has not had are given.
//!
//! Nothing comes twice: what the view has had is found again by its bytes, among them the engine's times to the
//! nanosecond. Where it is not found, or the engine does not answer, nothing is given.

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use chatops_schemas::order::Follow;
use tokio::time::sleep;

use super::inspect;
use crate::collect::container::request;

/// Messages that are asked for again: what is missing is one, and the others show where it begins.
const MESSAGES: usize = 3;
/// Longest message of an engine with its time: longer lines are cut into several.
const MESSAGE: usize = 17 * 1024;
/// An engine's time, and so the least that says where a message belongs.
const TIME: usize = "2026-01-02T03:04:05.123456789Z".len();
/// How often, and after which pauses, a container is looked at that has not stopped yet.
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// What is needed to ask again.
pub(super) struct Rest {
    socket: PathBuf,
    name: String,
    since: i64,
    /// The past was not wanted, and nothing says where it ended.
    from_now_on: bool,
    /// The last of what the view has had.
    had: Vec<u8>,
}

impl Rest {
    pub(super) fn new(socket: PathBuf, name: &str, wanted: &Follow) -> Self {
        Self {
            socket,
            name: name.to_owned(),
            since: wanted.since.unwrap_or(0),
            from_now_on: wanted.tail == Some(0),
            had: Vec::new(),
        }
    }

    /// The view gets these.
    pub(super) fn had(&mut self, data: &[u8]) {
        self.had.extend_from_slice(data);
        if self.had.len() > 2 * MESSAGE {
            self.had.drain(..self.had.len() - MESSAGE);
        }
    }

    /// What it did not get.
    pub(super) async fn ask(self) -> Option<Bytes> {
        if self.had.is_empty() && self.from_now_on {
            return None;
        }
        for _ in 0..LOOKS {
            if !inspect(&self.socket, &self.name).await.ok()?.state.running {
                break;
            }
            sleep(PAUSE).await;
        }
        let path = format!(
            "/containers/{}/logs?stdout=1&stderr=1&timestamps=1&follow=0&tail={MESSAGES}&since={}",
            self.name, self.since
        );
        let answer = request::get(&self.socket, &path).await.ok()?;
        let newest = answer.whole(2 * MESSAGES * MESSAGE).await.ok()?;
        let missing = missing(&self.had, &newest)?;
        Some(newest.slice_ref(missing))
    }
}

/// What of the newest messages lies behind what was had.
fn missing<'a>(had: &[u8], newest: &'a [u8]) -> Option<&'a [u8]> {
    if had.is_empty() {
        return Some(newest);
    }
    (TIME..=newest.len()).rev().find_map(|end| {
        let (known, missing) = newest.split_at(end);
        let same = known.len().min(had.len());
        (known[end - same..] == had[had.len() - same..]).then_some(missing)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: [&str; 3] = [
        "2026-01-02T03:04:05.000000001Z 1\r\n",
        "2026-01-02T03:04:05.000000002Z xxxxxxxx",
        "2026-01-02T03:04:05.000000003Z xxxxxxxx",
    ];

    #[test]
    fn only_what_was_not_had_is_missing() {
        let all = MESSAGES.concat();
        let missing = |had: &str| missing(had.as_bytes(), all.as_bytes());
        assert_eq!(missing(""), Some(all.as_bytes()));
        assert_eq!(missing(&all), Some(&b""[..]));
        for had in [MESSAGES[..2].concat(), MESSAGES[1].to_owned()] {
            for before in ["", "2026-01-02T03:04:05.000000000Z 0\r\n"] {
                // Nothing lies between the first and what begins in the middle.
                let had = match before {
                    "" => had.clone(),
                    before => format!("{before}{}", MESSAGES[..2].concat()),
                };
                assert_eq!(missing(&had), Some(MESSAGES[2].as_bytes()), "{had}");
            }
        }
        assert_eq!(missing("2026-01-02T03:04:04.000000000Z 2"), None);
    }

    #[test]
    fn what_is_kept_suffices_and_is_bounded() {
        let wanted = Follow {
            container: String::new(),
            tail: None,
            since: None,
            follow: true,
            lease_s: 1,
        };
        let mut rest = Rest::new(PathBuf::new(), "", &wanted);
        for _ in 0..100 {
            rest.had(&[b'x'; 1000]);
            assert!(rest.had.len() <= 2 * MESSAGE);
        }
        assert!(rest.had.len() >= MESSAGE);
    }
}
