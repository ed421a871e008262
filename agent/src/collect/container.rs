//! Containers of Docker or Podman. Runs as a task of [`service`](crate::service), because it waits for another program;
//! its newest listing is picked up by each sample.
//!
//! The engine is asked for the list only, and for details of a container when it appears, changes state or once a
//! minute. Figures come from the control group's own files (version 2), which costs neither the engine nor us a
//! request; where those cannot be read (version 1, an agent inside a container, an engine on a virtual machine) the
//! engine is asked for them, one at a time. sysinfo knows no containers.
//!
//! Without a socket nothing happens but a look for one every [`LOOK_AGAIN`]. The connection is made when needed and
//! dropped after an error; a container that disappears while it is looked at is no error.

mod cgroup;
pub mod changes;
mod engine;
pub(crate) mod log;
pub(crate) mod request;
mod usage;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chatops_schemas::event::metric::Container;
use tokio::{sync::watch, time::sleep};

use super::{rate::seconds, source::Roots, text::name};
use cgroup::Group;
pub(crate) use engine::is_health;
use engine::{Details, Listed};
pub use engine::{Engine, EngineError};
use usage::Usage;

/// Most containers in a sample.
pub const MAX_CONTAINERS: usize = 128;
/// How often is looked for a socket, or for an engine that answers.
pub const LOOK_AGAIN: Duration = Duration::from_secs(30);
const LIST_EVERY: Duration = Duration::from_secs(10);
/// Containers that are looked at in one go every [`LIST_EVERY`]; more of them are looked at less often.
const AT_EASE: u32 = 25;
const INSPECT_EVERY: Duration = Duration::from_secs(60);

/// What was found last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// Containers, running ones first.
    pub containers: Vec<Container>,
    /// Those left out because there are more than [`MAX_CONTAINERS`].
    pub left_out: u32,
}

/// Looks at containers for ever.
pub async fn watch(roots: Roots, socket: Option<PathBuf>, listing: watch::Sender<Listing>) {
    let mut told = None;
    loop {
        let mut reader = Reader::new(&roots);
        let error = loop {
            let engine = match Engine::connect(socket.as_deref()).await {
                Ok(engine) => engine,
                Err(error) => break error,
            };
            if let Err(error) = reader.follow(&engine, &listing).await {
                break error;
            }
        };
        let text = error.to_string();
        if told.as_ref() != Some(&text) {
            match error {
                EngineError::NoSocket => tracing::debug!("{text}"),
                EngineError::Unreachable { .. } | EngineError::Failed(_) => {
                    tracing::warn!("{text}")
                }
            }
            told = Some(text);
        }
        listing.send_if_modified(|listing| std::mem::take(listing) != Listing::default());
        sleep(LOOK_AGAIN).await;
    }
}

/// What is remembered of a container.
#[derive(Debug)]
struct Known {
    state: String,
    details: Details,
    inspected_at: Instant,
    group: Option<Group>,
    before: Option<(Instant, Usage)>,
}

/// Looks at the containers of one engine.
#[derive(Debug)]
pub struct Reader {
    roots: Roots,
    known: HashMap<String, Known>,
    buffer: Vec<u8>,
}

impl Reader {
    /// Nothing is known yet.
    pub fn new(roots: &Roots) -> Self {
        Self {
            roots: roots.clone(),
            known: HashMap::new(),
            buffer: Vec::new(),
        }
    }

    async fn follow(
        &mut self,
        engine: &Engine,
        listing: &watch::Sender<Listing>,
    ) -> Result<(), EngineError> {
        // Rates need two looks.
        self.read(engine).await?;
        sleep(Duration::from_secs(1)).await;
        while !listing.is_closed() {
            let found = self.read(engine).await?;
            let count = u32::try_from(found.containers.len()).unwrap_or(u32::MAX);
            listing.send_replace(found);
            sleep(LIST_EVERY * count.div_ceil(AT_EASE).clamp(1, 6)).await;
        }
        Ok(())
    }

    /// Looks at all containers once. The first look has no rates.
    pub async fn read(&mut self, engine: &Engine) -> Result<Listing, EngineError> {
        let mut listed = engine.list().await?;
        listed
            .sort_by(|a, b| (a.state != "running", &a.name).cmp(&(b.state != "running", &b.name)));
        let left_out =
            u32::try_from(listed.len().saturating_sub(MAX_CONTAINERS)).unwrap_or(u32::MAX);
        listed.truncate(MAX_CONTAINERS);
        self.known
            .retain(|id, _| listed.iter().any(|container| container.id == *id));
        let mut containers = Vec::with_capacity(listed.len());
        for container in listed {
            containers.push(self.look(engine, container).await?);
        }
        Ok(Listing {
            containers,
            left_out,
        })
    }

    async fn look(&mut self, engine: &Engine, listed: Listed) -> Result<Container, EngineError> {
        let now = Instant::now();
        let running = listed.state == "running" || listed.state == "paused";
        let stale = self.known.get(&listed.id).is_none_or(|known| {
            known.state != listed.state
                || (running && now.duration_since(known.inspected_at) >= INSPECT_EVERY)
        });
        if stale {
            let details = engine.inspect(&listed.id).await?;
            let group = details
                .pid
                .filter(|_| running)
                .and_then(|pid| Group::find(&self.roots, pid, &listed.id));
            let before = self.known.remove(&listed.id).and_then(|known| known.before);
            let state = listed.state.clone();
            self.known.insert(
                listed.id.clone(),
                Known {
                    state,
                    details,
                    inspected_at: now,
                    group,
                    before,
                },
            );
        }
        let mut container = Container {
            id: name(listed.id.as_bytes()).chars().take(12).collect(),
            name: name(listed.name.as_bytes()),
            image: listed.image.map(|text| name(text.as_bytes())),
            project: listed.project.map(|text| name(text.as_bytes())),
            health: listed.health,
            state: Some(name(listed.state.as_bytes())),
            ..Container::default()
        };
        let Some(known) = self.known.get_mut(&listed.id) else {
            return Ok(container);
        };
        container.restarts = known.details.restarts;
        if container.health.is_none() {
            container.health.clone_from(&known.details.health);
        }
        if !running {
            known.before = None;
            return Ok(container);
        }
        let usage = match known
            .group
            .as_mut()
            .and_then(|group| group.read(&mut self.buffer))
        {
            Some(usage) => Some(usage),
            None => engine.usage(&listed.id).await?,
        };
        let now = Instant::now();
        if let Some(usage) = usage {
            let before = known.before.replace((now, usage));
            let before = before.and_then(|(at, before)| Some((before, seconds(now, at)?)));
            usage.fill(before, &mut container);
        }
        Ok(container)
    }
}

/// The sockets that are looked for, in this order, unless one is set.
pub fn usual_sockets() -> Vec<PathBuf> {
    let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let own = own.iter().flat_map(|folder| {
        [
            folder.join("docker.sock"),
            folder.join("podman/podman.sock"),
        ]
    });
    [
        Path::new("/var/run/docker.sock"),
        Path::new("/run/podman/podman.sock"),
    ]
    .into_iter()
    .map(Path::to_owned)
    .chain(own)
    .collect()
}
