//! Answers of hosts to [`Question`](crate::order::Question)s, as MessagePack maps. New fields are optional.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything that runs on a host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Processes {
    /// One entry per process, those that use most of the processor first; cut to what fits into a message.
    pub processes: Vec<Process>,
    /// How many there are.
    pub total: u32,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its parent's.
    pub ppid: u32,
    /// Field 22 of `/proc/<pid>/stat`: with the number, names it until the next boot.
    pub start_ticks: u64,
    /// Short name.
    pub name: String,
    /// Command line, cut to 256 characters. May be empty: kernel threads, or not ours to read.
    pub command: String,
    /// Owner.
    pub user: Option<String>,
    /// `R`, `S`, `D`, `Z`, `T`, `I`.
    pub state: String,
    /// Percent of one core since the previous look.
    pub cpu: Option<f32>,
    /// Resident memory, bytes.
    pub mem: Option<u64>,
    /// Threads.
    pub threads: Option<u32>,
    /// Unix seconds at which it began.
    pub started_at: Option<i64>,
}

/// systemd's units.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Units {
    /// Services, timers, sockets, mounts that are loaded.
    pub units: Vec<Unit>,
}

/// A unit, in systemd's words.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Unit {
    /// `nginx.service`.
    pub name: String,
    /// What it is.
    pub description: String,
    /// `loaded`, `not-found`, `masked`, …
    pub load: String,
    /// `active`, `inactive`, `failed`, …
    pub active: String,
    /// `running`, `exited`, `dead`, …
    pub sub: String,
}

/// Containers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Containers {
    /// Running or not.
    pub containers: Vec<Container>,
    /// Name and version of the engine.
    pub engine: String,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Container {
    /// Full id.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// Image as it was named.
    pub image: String,
    /// Id of the image.
    pub image_id: String,
    /// `running`, `exited`, `paused`, …
    pub state: String,
    /// In the engine's words: `Up 3 hours (healthy)`.
    pub status: String,
    /// `healthy`, `unhealthy`, `starting`; absent without a check.
    pub health: Option<String>,
    /// Unix seconds.
    pub created_at: i64,
    /// `0.0.0.0:8080->80/tcp`, …
    pub ports: Vec<String>,
    /// Compose project.
    pub project: Option<String>,
    /// Compose service.
    pub service: Option<String>,
    /// Restarts by the engine.
    pub restarts: Option<u32>,
    /// A newer image of the same name lies on this host.
    pub newer_image: bool,
}

/// Images on a host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Images {
    /// The newest first.
    pub images: Vec<Image>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Names with tags.
    pub tags: Vec<String>,
    /// Bytes.
    pub size: u64,
    /// Unix seconds.
    pub created_at: i64,
    /// Containers that use it.
    pub containers: u32,
}
