//! What happens to containers, told as `container.changed` when it happens. Runs as a task of
//! [`service`](crate::service) beside [`super::watch()`].
//!
//! # What is guaranteed
//! - After the connection to the engine broke, its own list of the newest events fills the hole; each is told once.
//! - With the end of a container come the last lines that it wrote, bounded in number and length.
//! - At most [`BURST`] changes at once and one every [`EVERY`] after that: a container that is restarted for ever
//!   must not fill the stream. What is left out is counted in the next one.
//! - What happened while the agent did not run is not told; the sample shows how things stand.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use bollard::{models::EventMessage, query_parameters::EventsOptionsBuilder};
use bytes::Bytes;
use chatops_bus::Chain;
use chatops_schemas::{
    clock::{Clock, IdSource, Timestamp},
    envelope::Envelope,
    event::container::{Change, ContainerChanged, MAX_LINE, MAX_LINES},
    subject,
};
use futures::StreamExt as _;
use tokio::time::sleep;

use super::{
    LOOK_AGAIN,
    engine::{Engine, EngineError, PODMAN_PROJECT, PROJECT},
    log::Pieces,
    request,
};
use crate::{
    collect::text::name,
    outbox::{EventsOut, OutboxError, Tail},
};

/// Changes that may be told without a pause.
const BURST: u32 = 30;
/// How often one more may be told.
const EVERY: Duration = Duration::from_secs(2);
/// Lines that are asked for, and all their bytes.
const LINES: usize = 20;
const MAX_LOG: usize = 512 * 1024;
const MAX_KEPT: usize = 16 * 1024;

/// Tells for ever.
pub async fn tell(
    socket: Option<PathBuf>,
    events: EventsOut,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
) {
    let mut teller = Teller {
        events,
        ids,
        // Nanoseconds since 1970 of the newest change that was told.
        newest: clock.now().micros().saturating_mul(1000),
        budget: Budget::full(),
        left_out: 0,
    };
    loop {
        if let Ok(engine) = Engine::connect(socket.as_deref()).await {
            match teller.follow(&engine).await {
                Ok(()) => {}
                Err(TellError::Engine(error)) => {
                    tracing::debug!("events of containers: {error}");
                }
                Err(TellError::Stopping) => return,
            }
        }
        sleep(LOOK_AGAIN).await;
    }
}

enum TellError {
    Engine(EngineError),
    Stopping,
}

struct Teller {
    events: EventsOut,
    ids: Arc<dyn IdSource>,
    newest: i64,
    budget: Budget,
    left_out: u32,
}

impl Teller {
    async fn follow(&mut self, engine: &Engine) -> Result<(), TellError> {
        let filters = HashMap::from([
            ("type", vec!["container"]),
            // Podman tells of `die` and only finds it as `died`.
            (
                "event",
                vec![
                    "start",
                    "die",
                    "died",
                    "oom",
                    "health_status",
                    "destroy",
                    "remove",
                ],
            ),
        ]);
        let (seconds, nanos) = (
            self.newest.div_euclid(1_000_000_000),
            self.newest.rem_euclid(1_000_000_000),
        );
        let since = format!("{seconds}.{nanos:09}");
        let options = EventsOptionsBuilder::new()
            .since(&since)
            .filters(&filters)
            .build();
        let mut stream = std::pin::pin!(engine.docker().events(Some(options)));
        while let Some(event) = stream.next().await {
            let event = event.map_err(|error| {
                TellError::Engine(EngineError::Failed(Chain(&error).to_string()))
            })?;
            let at = event.time_nano.unwrap_or(0);
            if at > self.newest {
                self.newest = at;
                self.change(engine, event, at).await?;
            }
        }
        Ok(())
    }

    async fn change(
        &mut self,
        engine: &Engine,
        event: EventMessage,
        at: i64,
    ) -> Result<(), TellError> {
        let Some(mut changed) = read(event) else {
            return Ok(());
        };
        if !self.budget.take(Instant::now()) {
            self.left_out = self.left_out.saturating_add(1);
            return Ok(());
        }
        changed.left_out = std::mem::take(&mut self.left_out);
        if matches!(
            changed.change,
            Change::Died | Change::OutOfMemory | Change::Unhealthy
        ) {
            changed.lines = last_lines(engine.socket(), &changed.container).await;
        }
        let time = Timestamp::from_micros(at / 1000);
        let event = Envelope::new(self.ids.event_id(), time, changed);
        let tail = Tail::Fact(subject::CONTAINER.to_owned());
        match self.events.publish(&tail, &event).await {
            Ok(()) => Ok(()),
            Err(OutboxError::Stopping) => Err(TellError::Stopping),
            Err(error) => {
                tracing::warn!("a change of a container cannot be told: {error}");
                self.left_out = self.left_out.saturating_add(1);
                Ok(())
            }
        }
    }
}

/// What is still allowed to be told.
struct Budget {
    left: u32,
    refilled: Instant,
}

impl Budget {
    fn full() -> Self {
        Self {
            left: BURST,
            refilled: Instant::now(),
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.refilled);
        let earned = u32::try_from(passed.as_millis() / EVERY.as_millis()).unwrap_or(BURST);
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(BURST);
            self.refilled = now;
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

fn read(event: EventMessage) -> Option<ContainerChanged> {
    let change = match event.action.as_deref()? {
        "start" => Change::Started,
        "die" => Change::Died,
        "oom" => Change::OutOfMemory,
        // Docker says the one, Podman the other.
        "destroy" | "remove" => Change::Removed,
        "health_status: healthy" => Change::Healthy,
        "health_status: unhealthy" => Change::Unhealthy,
        _ => return None,
    };
    let actor = event.actor?;
    let attributes = actor.attributes.unwrap_or_default();
    let text = |key: &str| attributes.get(key).map(|text| name(text.as_bytes()));
    // Docker and Podman name it differently.
    let exit_code = ["exitCode", "containerExitCode"]
        .iter()
        .find_map(|key| attributes.get(*key)?.parse().ok());
    Some(ContainerChanged {
        container: name(actor.id.filter(|id| !id.is_empty())?.as_bytes()),
        name: text("name").unwrap_or_default(),
        image: text("image"),
        project: text(PROJECT).or_else(|| text(PODMAN_PROJECT)),
        change,
        exit_code: exit_code.filter(|_| change == Change::Died),
        lines: Vec::new(),
        left_out: 0,
    })
}

/// What the container wrote last; nothing when it is gone.
async fn last_lines(socket: &Path, container: &str) -> Vec<String> {
    if !container.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Vec::new();
    }
    let path = format!("/containers/{container}/logs?stdout=1&stderr=1&tail={LINES}");
    let Ok(answer) = request::get(socket, &path).await else {
        return Vec::new();
    };
    match answer.whole(MAX_LOG).await {
        Ok(log) => lines_of(log),
        Err(_) => Vec::new(),
    }
}

fn lines_of(log: Bytes) -> Vec<String> {
    let mut rest = log.clone();
    let mut text = Vec::with_capacity(log.len());
    let mut pieces = Pieces::new(false);
    loop {
        match pieces.next(&mut rest) {
            Ok(Some((_, piece))) => text.extend_from_slice(&piece),
            Ok(None) if pieces.complete() => break,
            // A container with a terminal has no headers.
            Ok(None) | Err(_) => {
                text = log.to_vec();
                break;
            }
        }
    }
    let text = String::from_utf8_lossy(&text);
    let mut kept: Vec<String> = text.lines().map(harmless).collect();
    kept.drain(..kept.len().saturating_sub(LINES.min(MAX_LINES)));
    // The newest are worth most.
    let mut bytes: usize = kept.iter().map(String::len).sum();
    let mut cut = 0;
    while bytes > MAX_KEPT {
        bytes -= kept.get(cut).map_or(bytes, String::len);
        cut += 1;
    }
    kept.drain(..cut.min(kept.len()));
    kept
}

/// Without colours and whatever else a terminal would obey.
fn harmless(line: &str) -> String {
    let mut clean = String::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A colour ends with its first letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else if !character.is_control() {
            clean.push(character);
        } else if character == '\t' {
            clean.push(' ');
        }
    }
    clean.chars().take(MAX_LINE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_out_of_both_forms_and_made_harmless() {
        let framed = b"\x01\0\0\0\0\0\0\x04one\n\x02\0\0\0\0\0\0\x0d\x1b[31mtwo\x1b[0m\n";
        assert_eq!(lines_of(Bytes::from_static(framed)), ["one", "two"]);
        assert_eq!(lines_of(Bytes::from_static(b"a\tb\r\nc")), ["a b", "c"]);
        let many = "x".repeat(5000) + "\n";
        let kept = lines_of(Bytes::from(many.repeat(40)));
        assert_eq!((kept.len(), kept[0].len()), (16, MAX_LINE));
    }

    #[test]
    fn what_comes_too_fast_is_left_out() {
        let mut budget = Budget::full();
        let now = budget.refilled;
        assert_eq!((0..100).filter(|_| budget.take(now)).count(), 30);
        assert!(budget.take(now + EVERY));
        assert!(!budget.take(now + EVERY));
    }

    #[test]
    fn only_what_matters_is_told() {
        let event = |text: &str| read(serde_json::from_str(text).unwrap());
        let died = event(
            r#"{"Type":"container","Action":"die","timeNano":5,"Actor":{"ID":"ab12","Attributes":
               {"name":"web","image":"nginx:1","exitCode":"137","com.docker.compose.project":"shop"}}}"#,
        )
        .unwrap();
        assert_eq!((died.change, died.exit_code), (Change::Died, Some(137)));
        assert_eq!(died.project.as_deref(), Some("shop"));
        for action in ["destroy", "remove"] {
            let gone = event(&format!(
                r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"a","Attributes":{{"name":"web"}}}}}}"#
            ))
            .unwrap();
            assert_eq!((gone.change, &gone.name[..]), (Change::Removed, "web"));
        }
        assert_eq!(
            event(r#"{"Type":"container","Action":"exec_start: sh","Actor":{"ID":"a"}}"#),
            None
        );
    }
}
