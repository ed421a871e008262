//! What one socket watches closely: commands and jobs, each with a reader of its own.
//!
//! Called by [`super::socket`]. Samples of servers go through the ring, which leaves things out when there is much; what a
//! command wrote may not be left out. So each of these topics reads for itself, holds a few events at most, and goes on when
//! the client has taken what was sent. It says what it would send and which servers that is about; the socket asks whether
//! this person may see them at that moment. When the socket ends, they end.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use axum::extract::ws::Utf8Bytes;
use chatops_bus::ReadError;
use chatops_schemas::ids::{CommandId, JobId, ServerId};
use futures::{
    StreamExt as _,
    future::AbortHandle,
    stream::{Abortable, BoxStream, SelectAll, abortable},
};

use crate::code::Code;

/// Most of them of one socket.
pub const MAX_WATCHED: usize = 16;

/// Shapes of these topics.
pub const TOPICS: [&str; 2] = ["command:{id}", "job:{id}"];

/// A command or a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Watched {
    /// How a command goes, and what it writes.
    Command(CommandId),
    /// How a job goes on each of its servers.
    Job(JobId),
}

impl Watched {
    /// From `command:<id>` or `job:<id>`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("command", id) => id.parse().ok().map(Self::Command),
            ("job", id) => id.parse().ok().map(Self::Job),
            _ => None,
        }
    }

    /// Its shape, one of [`TOPICS`].
    pub const fn shape(&self) -> &'static str {
        match self {
            Self::Command(_) => TOPICS[0],
            Self::Job(_) => TOPICS[1],
        }
    }
}

impl Watched {
    /// The answer when there is none that this person may see.
    pub const fn absent(&self) -> Code {
        match self {
            Self::Command(_) => Code::NoCommand,
            Self::Job(_) => Code::NoJob,
        }
    }

    /// Whether it is a job.
    pub const fn is_job(&self) -> bool {
        matches!(self, Self::Job(_))
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(id) => write!(f, "command:{id}"),
            Self::Job(id) => write!(f, "job:{id}"),
        }
    }
}

/// Something to send, if this person may see these servers' commands now.
#[derive(Debug)]
pub struct Told {
    /// What it belongs to.
    pub topic: Watched,
    /// Whose commands it is about.
    pub about: Vec<ServerId>,
    /// The frame; `None`: it does not exist for this person any more.
    pub frame: Option<Utf8Bytes>,
    /// Nothing more will come.
    pub last: bool,
}

/// What a topic says until it is over; an error is its end.
pub type Telling = BoxStream<'static, Result<Told, ReadError>>;

/// All of one socket.
#[derive(Default)]
pub struct Watches {
    running: SelectAll<Abortable<Telling>>,
    handles: HashMap<Watched, AbortHandle>,
}

impl Watches {
    /// Begins, in place of what there was of this topic.
    pub fn begin(&mut self, topic: Watched, telling: Telling) {
        let (telling, handle) = abortable(telling);
        if let Some(before) = self.handles.insert(topic, handle) {
            before.abort();
        }
        self.running.push(telling);
    }

    /// Ends. False: it was not there.
    pub fn end(&mut self, topic: Watched) -> bool {
        let handle = self.handles.remove(&topic);
        handle.inspect(AbortHandle::abort).is_some()
    }

    /// Whether it is there.
    pub fn has(&self, topic: Watched) -> bool {
        self.handles.contains_key(&topic)
    }

    /// All that are there.
    pub fn topics(&self) -> impl Iterator<Item = Watched> {
        self.handles.keys().copied()
    }

    /// Whether there may be another one.
    pub fn is_full(&self) -> bool {
        self.handles.len() >= MAX_WATCHED
    }

    /// What is to be sent next. Cancel-safe.
    pub async fn next(&mut self) -> Result<Told, ReadError> {
        match self.running.next().await {
            Some(told) => {
                if let Ok(told) = &told
                    && told.last
                {
                    self.handles.remove(&told.topic);
                }
                told
            }
            None => std::future::pending().await,
        }
    }
}

/// Where topics of a subscription begin: the number of the first piece of output that is wanted.
pub type Begin = BTreeMap<String, u32>;

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    const TEXT: &str = "00000000-0000-4000-8000-000000000001";

    fn told(topic: Watched, frame: &'static str, last: bool) -> Result<Told, ReadError> {
        Ok(Told {
            topic,
            about: Vec::new(),
            frame: Some(Utf8Bytes::from_static(frame)),
            last,
        })
    }

    #[test]
    fn topics_have_one_spelling() {
        for text in [format!("command:{TEXT}"), format!("job:{TEXT}")] {
            assert_eq!(Watched::parse(&text).unwrap().to_string(), text);
        }
        for text in ["", "command", "command:", "job:web-1", "jobs:*", "fleet"] {
            assert_eq!(Watched::parse(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn what_was_ended_or_begun_anew_says_nothing_more() {
        let topic = Watched::parse(&format!("job:{TEXT}")).unwrap();
        let mut watches = Watches::default();
        watches.begin(
            topic,
            stream::iter([told(topic, "old", false), told(topic, "old", false)]).boxed(),
        );
        assert_eq!(watches.next().await.unwrap().frame.unwrap().as_str(), "old");
        watches.begin(topic, stream::iter([told(topic, "new", true)]).boxed());
        assert!(watches.has(topic));
        let next = watches.next().await.unwrap();
        assert!(next.last && next.frame.unwrap().as_str() == "new");
        assert!(!watches.has(topic) && !watches.end(topic));
        watches.begin(topic, stream::iter([told(topic, "gone", false)]).boxed());
        assert!(watches.end(topic));
        assert!(futures::FutureExt::now_or_never(watches.next()).is_none());
    }
}
