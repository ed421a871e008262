//! Frames of `/api/v1/ws/live`: what clients say, what we say, and how items become batches.

use std::{collections::HashMap, time::Duration};

use axum::extract::ws::Utf8Bytes;
use chatops_schemas::ids::ServerId;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    item::{Item, Kind},
    ring::Tick,
    watched::Begin,
};
use crate::body::{alert::AlertCounts, moment::Moment};

/// A client that is behind gets at most about so much at a time: older items of the same server are left out.
const BEHIND_BYTES: usize = 256 * 1024;
/// Nobody gets more at a time: what happens faster than this is thinned for everybody.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// From when on what waits shows that a client is behind.
const BEHIND: Duration = Duration::from_millis(250);
/// Frames are cut about here.
const FRAME_BYTES: usize = 1024 * 1024;

/// What a client says.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// First frame.
    Hello {
        /// Access token, without cookies.
        #[serde(default)]
        #[schemars(with = "Option<String>")]
        token: Option<SecretString>,
        /// Position up to which the client has everything.
        #[serde(default)]
        resume: Option<u64>,
    },
    /// Wants topics.
    Subscribe {
        /// `fleet`, `server:<id>`, `alerts`, `command:<id>`, `job:<id>`.
        topics: Vec<String>,
        /// Of a command's topic: number of the first piece of output that is wanted, the `next` of what the client has.
        #[serde(default)]
        from: Begin,
    },
    /// Does not want topics any more.
    Unsubscribe {
        /// As above.
        topics: Vec<String>,
    },
    /// Are you there?
    Ping,
}

/// A topic that was refused.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RefusedTopic {
    /// As it was sent.
    pub topic: String,
    /// Why.
    pub code: &'static str,
}

/// What we say, batches apart.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The hello is accepted.
    Ready {
        /// Position of the stream.
        seq: u64,
        /// Version of the server.
        version: &'static str,
        /// Clock of the server.
        #[schemars(with = "String")]
        server_time: Moment,
    },
    /// Answers `subscribe` and `unsubscribe`.
    Subscribed {
        /// Accepted (of this frame).
        topics: Vec<String>,
        /// Refused.
        refused: Vec<RefusedTopic>,
    },
    /// What lies between the client and now cannot be given: load anew.
    Gap {
        /// First missing position.
        from: u64,
        /// Last missing position.
        to: u64,
    },
    /// How many alerts are open on the servers that this person sees: when `alerts` is subscribed to, and whenever that may
    /// have changed.
    Alerts {
        /// `alerts`.
        topic: &'static str,
        /// As `GET /api/v1/alerts` counts them.
        #[schemars(with = "serde_json::Value")]
        counts: AlertCounts,
    },
    /// Answers `ping`.
    Pong,
}

impl ServerFrame {
    /// As text.
    pub fn text(&self) -> Utf8Bytes {
        // Our own plain structures always become JSON.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// Selects what everybody who sees the whole fleet gets.
pub fn whole_fleet(item: &Item) -> bool {
    item.owner.is_some() && item.kind != Kind::Sample
}

/// The batches of some ticks for somebody: usually one, several when there is much, none when nothing is selected.
pub fn batches<T: std::borrow::Borrow<Tick>>(
    ticks: &[T],
    selects: &dyn Fn(&Item) -> bool,
) -> Vec<Utf8Bytes> {
    let Some(last) = ticks.last() else {
        return Vec::new();
    };
    let selected: Vec<&Item> = ticks
        .iter()
        .flat_map(|tick| &tick.borrow().items)
        .filter(|item| selects(item))
        .collect();
    let bytes: usize = selected.iter().map(|item| item.json.len() + 1).sum();
    let behind = ticks
        .first()
        .is_some_and(|oldest| oldest.borrow().made.elapsed() > BEHIND);
    if bytes <= if behind { BEHIND_BYTES } else { MOST_BYTES } {
        return cut(&selected, 0, last.borrow().seq);
    }
    let (kept, skipped) = newest_per_server(selected);
    cut(&kept, skipped, last.borrow().seq)
}

/// The batches of items that are sent whole, as in a replay.
pub fn replayed(items: &[Item], seq: u64) -> Vec<Utf8Bytes> {
    cut(&items.iter().collect::<Vec<_>>(), 0, seq)
}

/// Keeps the newest item of each kind and server, in the order in which those came, and all that is told of alerts: one says
/// nothing of another.
fn newest_per_server(items: Vec<&Item>) -> (Vec<&Item>, usize) {
    let mut newest: HashMap<(&ServerId, Kind), usize> = HashMap::with_capacity(items.len());
    for (n, item) in items.iter().enumerate() {
        newest.insert((&item.server, item.kind), n);
    }
    let before = items.len();
    let kept: Vec<&Item> = items
        .iter()
        .enumerate()
        .filter(|(n, item)| {
            item.kind == Kind::Alert || newest.get(&(&item.server, item.kind)) == Some(n)
        })
        .map(|(_, item)| *item)
        .collect();
    let skipped = before - kept.len();
    (kept, skipped)
}

fn cut(items: &[&Item], skipped: usize, last_seq: u64) -> Vec<Utf8Bytes> {
    let mut frames = Vec::with_capacity(1);
    let mut rest = items;
    let mut sent_seq = 0;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|item| {
            bytes += item.json.len() + 1;
            bytes <= FRAME_BYTES
        });
        let n = fits.count().max(1);
        let (now, later) = rest.split_at(n.min(rest.len()));
        rest = later;
        // A client that loses the connection between two parts resumes behind the part that it has.
        sent_seq = now
            .iter()
            .map(|item| item.seq)
            .max()
            .unwrap_or(0)
            .max(sent_seq);
        let seq = if rest.is_empty() { last_seq } else { sent_seq };
        frames.push(write(now, if rest.is_empty() { skipped } else { 0 }, seq));
    }
    frames
}

fn write(items: &[&Item], skipped: usize, seq: u64) -> Utf8Bytes {
    let bytes: usize = items.iter().map(|item| item.json.len() + 1).sum();
    let mut text = String::with_capacity(bytes + 80);
    text.push_str(r#"{"type":"batch","seq":"#);
    text.push_str(&seq.to_string());
    if skipped > 0 {
        text.push_str(r#","skipped":"#);
        text.push_str(&skipped.to_string());
    }
    text.push_str(r#","items":["#);
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(&item.json);
    }
    text.push_str("]}");
    text.into()
}

#[cfg(test)]
mod tests {
    use chatops_schemas::{
        clock::Timestamp,
        event::metric::{Process, Sample},
        ids::UserId,
    };
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;
    use crate::live::{item, ring::Ring, ring::Unseen};

    const OWNER: Option<UserId> = Some(UserId(Uuid::from_u128(1)));

    fn ticks(ticks: Vec<Vec<Item>>) -> Vec<std::sync::Arc<Tick>> {
        let mut ring = Ring::new(usize::MAX);
        let mut seq = 0;
        for items in ticks {
            seq = items.iter().map(|item| item.seq).max().unwrap_or(seq);
            ring.push(items, seq, None);
        }
        match ring.since(1, usize::MAX) {
            Unseen::Ticks(ticks) => ticks,
            Unseen::TooOld => unreachable!("the ring is endless"),
        }
    }

    fn big(server: usize, seq: u64, processes: usize) -> Item {
        let top_cpu = (0..processes)
            .map(|n| Process {
                name: format!("process-{n}"),
                ..Process::default()
            })
            .collect();
        let server = ServerId::parse(format!("server-{server}")).unwrap();
        item::sample(
            &server,
            OWNER,
            seq,
            Timestamp::default(),
            &Sample {
                top_cpu,
                ..Sample::default()
            },
        )
        .unwrap()
    }

    fn parsed(frames: &[Utf8Bytes]) -> Vec<Value> {
        frames
            .iter()
            .map(|frame| serde_json::from_str(frame.as_str()).unwrap())
            .collect()
    }

    #[test]
    fn a_client_that_keeps_up_gets_everything_in_one_frame() {
        let ticks = ticks(vec![vec![big(1, 1, 0), big(2, 2, 0)], vec![big(1, 3, 0)]]);
        let frames = parsed(&batches(&ticks, &|_| true));
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0]["seq"], 3);
        assert_eq!(frames[0].get("skipped"), None);
        let seqs: Vec<u64> = frames[0]["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(seqs, [1, 2, 3]);
    }

    #[test]
    fn nothing_selected_is_no_frame() {
        assert!(batches(&ticks(vec![vec![big(1, 1, 0)]]), &|_| false).is_empty());
        assert!(batches(&ticks(vec![vec![]]), &|_| true).is_empty());
    }

    #[test]
    fn a_client_that_is_behind_gets_the_newest_of_each_server_and_the_count_of_the_rest() {
        let many = (0..500)
            .map(|n| vec![big(n % 3, 1 + n as u64, 300)])
            .collect();
        let frames = parsed(&batches(&ticks(many), &|_| true));
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0]["skipped"], 497);
        let seqs: Vec<u64> = frames[0]["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(seqs, [498, 499, 500]);
    }

    #[test]
    fn much_is_cut_into_frames_whose_positions_are_safe_to_resume_from() {
        let many: Vec<Item> = (0..400).map(|n| big(n, 1 + n as u64, 200)).collect();
        let frames = batches(&ticks(vec![many]), &|_| true);
        assert!(frames.len() > 1);
        assert!(
            frames
                .iter()
                .all(|frame| frame.as_str().len() < FRAME_BYTES + 64 * 1024)
        );
        let mut expected = 1;
        for frame in parsed(&frames) {
            for item in frame["items"].as_array().unwrap() {
                assert_eq!(item["seq"], expected);
                expected += 1;
            }
            assert_eq!(frame["seq"], expected - 1);
        }
        assert_eq!(expected, 401);
    }

    #[test]
    fn tokens_do_not_print_and_strangers_are_refused() {
        assert!(serde_json::from_str::<ClientFrame>(r#"{"type":"hello","resume":-1}"#).is_err());
        assert!(serde_json::from_str::<ClientFrame>(r#"{"type":"launch"}"#).is_err());
        assert!(serde_json::from_str::<ClientFrame>(r#"{"type":"hello","later":"field"}"#).is_ok());
    }
}
