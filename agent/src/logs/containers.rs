//! Containers by name, through Docker's or Podman's socket, whichever driver keeps their logs.
//!
//! Each running container is followed by a task of its own; all of them meet in one queue. A container goes on behind the
//! last line that was given on, by the engine's own time of the line: of lines with that very time as many are left out as
//! were given. A container that is started while the agent runs is read from its beginning.
//!
//! Containers with a terminal are left out: what they print has no line ends to rely on, and need not end at all.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{
    Docker,
    container::LogOutput,
    query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder},
};
use chatops_schemas::clock::Timestamp;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{RETRY, Shipper, Stopping, join::Join, parse, settings::Containers};
use crate::collect::container::usual_sockets;

/// How often containers are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Lines of all containers that wait to be taken.
const WAITING: usize = 512;
/// Containers that are followed at once.
const MAX_FOLLOWED: usize = 200;
/// A record waits this long for lines that belong to it.
const HOLD: Duration = Duration::from_millis(200);

/// Where one container goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Time of the last line, in nanoseconds.
    at: i64,
    /// Lines of that time that were given on.
    many: u32,
}

/// By id of the container.
pub type Places = BTreeMap<String, Place>;

/// A line as the engine gave it.
struct Line {
    id: String,
    name: String,
    at: i64,
    text: String,
}

/// Follows containers until the agent stops.
pub async fn run(from: Containers, socket: Option<PathBuf>, mut shipper: Shipper<Places>) {
    let Ok(places) = shipper.resume().await else {
        return;
    };
    let first = places.is_none();
    let mut state = State {
        from,
        places: places.unwrap_or_default(),
        joins: HashMap::new(),
        first,
    };
    let mut told = None;
    while let Err(Ended::Engine(reason)) = state.follow(socket.as_deref(), &mut shipper).await {
        if told.as_ref() != Some(&reason) {
            tracing::warn!("logs of containers are not read: {reason}");
            told = Some(reason);
        }
        sleep(RETRY).await;
    }
}

enum Ended {
    Stopping,
    Engine(String),
}

impl From<Stopping> for Ended {
    fn from(_: Stopping) -> Self {
        Self::Stopping
    }
}

impl From<bollard::errors::Error> for Ended {
    fn from(error: bollard::errors::Error) -> Self {
        Self::Engine(chatops_bus::Chain(&error).to_string())
    }
}

struct State {
    from: Containers,
    places: Places,
    joins: HashMap<String, (String, Join, Instant, Place)>,
    /// Nothing is remembered: what containers wrote before is not sent.
    first: bool,
}

async fn connect(socket: Option<&Path>) -> Result<Docker, Ended> {
    let found = match socket {
        Some(socket) => Some(socket.to_owned()),
        None => usual_sockets().into_iter().find(|socket| socket.exists()),
    };
    let socket =
        found.ok_or_else(|| Ended::Engine("there is no Docker or Podman here".to_owned()))?;
    let docker =
        Docker::connect_with_unix(&socket.to_string_lossy(), 10, bollard::API_DEFAULT_VERSION)?;
    Ok(docker.negotiate_version().await?)
}

impl State {
    async fn follow(
        &mut self,
        socket: Option<&Path>,
        shipper: &mut Shipper<Places>,
    ) -> Result<(), Ended> {
        let docker = connect(socket).await?;
        let (sender, mut lines) = mpsc::channel(WAITING);
        let mut tasks: JoinSet<String> = JoinSet::new();
        let mut followed: HashMap<String, bool> = HashMap::new();
        let mut look_at = Instant::now();
        loop {
            let due = [shipper.due(), self.hold_ends()]
                .into_iter()
                .flatten()
                .min();
            let wake = due.map_or(look_at, |due| due.min(look_at));
            tokio::select! {
                Some(line) = lines.recv() => self.take(line, shipper).await?,
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Ok(id) = ended {
                        followed.remove(&id);
                    }
                }
                () = sleep_until(wake) => {
                    let now = Instant::now();
                    self.let_go(now, shipper).await?;
                    if shipper.due().is_some_and(|due| due <= now) {
                        shipper.flush(&self.places).await?;
                    }
                    if now >= look_at {
                        look_at = now + LOOK_EVERY;
                        self.look(&docker, &mut followed, &mut tasks, &sender, shipper).await?;
                    }
                }
            }
        }
    }

    async fn look(
        &mut self,
        docker: &Docker,
        followed: &mut HashMap<String, bool>,
        tasks: &mut JoinSet<String>,
        sender: &mpsc::Sender<Line>,
        shipper: &mut Shipper<Places>,
    ) -> Result<(), Ended> {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        let listed = docker.list_containers(Some(options)).await?;
        let known: Vec<String> = listed.iter().filter_map(|one| one.id.clone()).collect();
        self.places.retain(|id, _| known.contains(id));
        for one in listed {
            let running = one
                .state
                .is_some_and(|state| state.to_string() == "running");
            let Some(id) = one.id.filter(|_| running) else {
                continue;
            };
            let names = one.names.unwrap_or_default();
            let name = names
                .first()
                .map_or(id.as_str(), |name| name.trim_start_matches('/'))
                .to_owned();
            let wanted = self.from.names.iter().any(|glob| glob.fits(&name));
            if !wanted || followed.contains_key(&id) || tasks.len() >= MAX_FOLLOWED {
                continue;
            }
            let inspected = docker
                .inspect_container(&id, None::<InspectContainerOptions>)
                .await?;
            let terminal = inspected
                .config
                .and_then(|config| config.tty)
                .unwrap_or_default();
            followed.insert(id.clone(), !terminal);
            if terminal {
                tracing::warn!("the container {name} has a terminal: its output is not sent");
                continue;
            }
            if self.first {
                let at = shipper.now().micros().saturating_mul(1000);
                self.places
                    .entry(id.clone())
                    .or_insert(Place { at, many: 0 });
            }
            let place = self.places.get(&id).cloned().unwrap_or_default();
            let follow = one_container(docker.clone(), id, name, place, sender.clone());
            tasks.spawn(follow);
        }
        if self.first {
            self.first = false;
            shipper.begin(&self.places);
        }
        Ok(())
    }

    fn hold_ends(&self) -> Option<Instant> {
        self.joins
            .values()
            .map(|(_, _, since, _)| *since + HOLD)
            .min()
    }

    async fn take(&mut self, line: Line, shipper: &mut Shipper<Places>) -> Result<(), Stopping> {
        let Line { id, name, at, text } = line;
        let empty = || {
            (
                name.clone(),
                Join::default(),
                Instant::now(),
                Place::default(),
            )
        };
        let (_, join, since, held) = self.joins.entry(id.clone()).or_insert_with(empty);
        *since = Instant::now();
        let before = held.clone();
        let last = if *held == Place::default() {
            self.places.get(&id)
        } else {
            Some(&before)
        };
        let many = last
            .filter(|last| last.at == at)
            .map_or(0, |last| last.many);
        *held = Place { at, many: many + 1 };
        if let Some(record) = join.push(&text, 0, 0, self.from.start.as_ref()) {
            // Its place is that of the last line that belongs to it.
            self.places.insert(id, before);
            let line = parse::line(record, Some(&name), shipper.now());
            if shipper.push(timed(line, at)) {
                shipper.flush(&self.places).await?;
            }
        }
        Ok(())
    }

    /// Gives on the records that nothing was added to for a while.
    async fn let_go(
        &mut self,
        now: Instant,
        shipper: &mut Shipper<Places>,
    ) -> Result<(), Stopping> {
        let over: Vec<String> = self
            .joins
            .iter()
            .filter(|(_, (_, _, since, _))| *since + HOLD <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for id in over {
            let Some((name, mut join, _, place)) = self.joins.remove(&id) else {
                continue;
            };
            let at = place.at;
            self.places.insert(id, place);
            if let Some(record) = join.take() {
                let line = parse::line(record, Some(&name), shipper.now());
                if shipper.push(timed(line, at)) {
                    shipper.flush(&self.places).await?;
                }
            }
        }
        Ok(())
    }
}

/// The engine knows when a line was written.
fn timed(
    mut line: chatops_schemas::event::log::LogLine,
    at: i64,
) -> chatops_schemas::event::log::LogLine {
    line.time = Timestamp::from_micros(at / 1000);
    line
}

/// Follows one container until it ends; gives its id back.
async fn one_container(
    docker: Docker,
    id: String,
    name: String,
    place: Place,
    sender: mpsc::Sender<Line>,
) -> String {
    let since = i32::try_from(place.at / 1_000_000_000).unwrap_or(0);
    let options = LogsOptionsBuilder::new()
        .follow(true)
        .stdout(true)
        .stderr(true)
        .timestamps(true)
        .since(since)
        .build();
    let mut output = docker.logs(&id, Some(options));
    let mut skip = place.many;
    while let Some(Ok(output)) = output.next().await {
        let (LogOutput::StdOut { message }
        | LogOutput::StdErr { message }
        | LogOutput::Console { message }
        | LogOutput::StdIn { message }) = output;
        let text = String::from_utf8_lossy(&message);
        let Some((at, text)) = stamped(text.trim_end_matches(['\n', '\r'])) else {
            continue;
        };
        if at < place.at {
            continue;
        }
        if at == place.at && skip > 0 {
            skip -= 1;
            continue;
        }
        let line = Line {
            id: id.clone(),
            name: name.clone(),
            at,
            text: text.to_owned(),
        };
        if sender.send(line).await.is_err() {
            break;
        }
    }
    // Not at once: a container that is about to be removed is still listed.
    sleep(LOOK_EVERY).await;
    id
}

/// `2026-11-23T10:15:00.123456789Z text`: nanoseconds since 1970, and the text.
fn stamped(line: &str) -> Option<(i64, &str)> {
    let (stamp, text) = line.split_once(' ').unwrap_or((line, ""));
    let whole = Timestamp::parse_rfc3339(stamp).ok()?;
    let nanos = stamp.split_once('.').map_or(0, |(_, rest)| {
        let digits: String = rest
            .chars()
            .take_while(char::is_ascii_digit)
            .take(9)
            .collect();
        format!("{digits:0<9}").parse::<i64>().unwrap_or(0)
    });
    let seconds = whole.micros().div_euclid(1_000_000);
    Some((
        seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?,
        text,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_time_is_read_to_the_nanosecond() {
        assert_eq!(
            stamped("2026-11-18T11:06:40.123456789Z hello you"),
            Some((1_795_000_000_123_456_789, "hello you"))
        );
        assert_eq!(
            stamped("2026-11-18T11:06:40Z"),
            Some((1_795_000_000_000_000_000, ""))
        );
        assert_eq!(stamped("hello"), None);
    }
}
