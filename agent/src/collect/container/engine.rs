//! What is asked of Docker or Podman. Called by [`super::Reader`] and by `check`.

use std::path::{Path, PathBuf};

use bollard::{
    Docker,
    errors::Error,
    models::{ContainerStatsResponse, ContainerSummary},
    query_parameters::{
        InspectContainerOptions, ListContainersOptionsBuilder, StatsOptionsBuilder,
    },
};
use chatops_bus::Chain;
use futures::StreamExt as _;

use super::{usage::Usage, usual_sockets};

const TIMEOUT_SECONDS: u64 = 10;
/// Set by Compose on the containers of a project.
pub(super) const PROJECT: &str = "com.docker.compose.project";
pub(super) const PODMAN_PROJECT: &str = "io.podman.compose.project";

/// Why containers cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Neither Docker nor Podman, or not running.
    #[error("no Docker or Podman socket on this host")]
    NoSocket,
    /// There is a socket, and nobody answers or we may not ask.
    #[error(
        "containers cannot be read from {socket}: {reason}; the agent's user must be allowed to use this socket, for example by being in the group that owns it"
    )]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// Why not.
        reason: String,
    },
    /// It answered nonsense, or stopped answering.
    #[error("containers cannot be read: {0}")]
    Failed(String),
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) image: Option<String>,
    pub(super) project: Option<String>,
    pub(super) state: String,
    pub(super) health: Option<String>,
}

/// What only a closer look tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) pid: Option<u32>,
    pub(super) restarts: Option<u32>,
    pub(super) health: Option<String>,
}

/// A connection to an engine.
#[derive(Debug)]
pub struct Engine {
    docker: Docker,
    socket: PathBuf,
    /// For people: name and version of the engine.
    pub version: String,
}

impl Engine {
    /// Connects to `socket`, or to the first of the usual ones that is there.
    pub async fn connect(socket: Option<&Path>) -> Result<Self, EngineError> {
        let found = match socket {
            Some(socket) => Some(socket.to_owned()).filter(|socket| socket.exists()),
            None => usual_sockets().into_iter().find(|socket| socket.exists()),
        };
        let socket = found.ok_or(EngineError::NoSocket)?;
        let unreachable = |error: Error| EngineError::Unreachable {
            socket: socket.clone(),
            reason: Chain(&error).to_string(),
        };
        let docker = Docker::connect_with_unix(
            &socket.to_string_lossy(),
            TIMEOUT_SECONDS,
            bollard::API_DEFAULT_VERSION,
        )
        .map_err(unreachable)?
        .negotiate_version()
        .await
        .map_err(unreachable)?;
        let version = docker.version().await.map_err(unreachable)?;
        let podman = version
            .components
            .iter()
            .flatten()
            .any(|component| component.name.contains("Podman"));
        let number = version.version.unwrap_or_default();
        let version = format!("{} {number}", if podman { "Podman" } else { "Docker" });
        Ok(Self {
            docker,
            socket,
            version,
        })
    }

    /// The library's connection.
    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The socket it is connected through.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// All containers, running or not.
    pub(super) async fn list(&self) -> Result<Vec<Listed>, EngineError> {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        let list = self
            .docker
            .list_containers(Some(options))
            .await
            .map_err(failed)?;
        Ok(list.into_iter().filter_map(listed).collect())
    }

    /// How many containers there are.
    pub async fn count(&self) -> Result<usize, EngineError> {
        Ok(self.list().await?.len())
    }

    /// A closer look; nothing is known of a container that has just gone.
    pub(super) async fn inspect(&self, id: &str) -> Result<Details, EngineError> {
        let Some(found) = unless_gone(
            self.docker
                .inspect_container(id, None::<InspectContainerOptions>)
                .await,
        )?
        else {
            return Ok(Details::default());
        };
        let state = found.state.unwrap_or_default();
        let health = state
            .health
            .and_then(|health| health.status)
            .map(|status| status.to_string());
        Ok(Details {
            pid: state
                .pid
                .and_then(|pid| u32::try_from(pid).ok())
                .filter(|pid| *pid > 0),
            restarts: found
                .restart_count
                .and_then(|count| u32::try_from(count).ok()),
            health: health.filter(|status| is_health(status)),
        })
    }

    /// Figures, where the control group's files cannot be read.
    pub(super) async fn usage(&self, id: &str) -> Result<Option<Usage>, EngineError> {
        let options = StatsOptionsBuilder::new()
            .stream(false)
            .one_shot(true)
            .build();
        let mut answers = std::pin::pin!(self.docker.stats(id, Some(options)));
        let Some(answer) = answers.next().await else {
            return Ok(None);
        };
        Ok(unless_gone(answer)?.map(|stats| measured(&stats)))
    }
}

fn listed(summary: ContainerSummary) -> Option<Listed> {
    let labels = summary.labels.unwrap_or_default();
    let names = summary.names.unwrap_or_default();
    let id = summary.id.filter(|id| !id.is_empty())?;
    let health = summary
        .health
        .and_then(|health| health.status)
        .map(|status| status.to_string());
    Some(Listed {
        name: names.first().map_or_else(
            || id.chars().take(12).collect(),
            |name| name.trim_start_matches('/').to_owned(),
        ),
        id,
        image: summary.image.filter(|image| !image.is_empty()),
        project: labels
            .get(PROJECT)
            .or_else(|| labels.get(PODMAN_PROJECT))
            .cloned(),
        state: summary
            .state
            .map(|state| state.to_string())
            .unwrap_or_default(),
        health: health.filter(|status| is_health(status)),
    })
}

/// Engines say `none` or nothing where there is no health check.
pub(crate) fn is_health(status: &str) -> bool {
    !status.is_empty() && status != "none"
}

fn measured(stats: &ContainerStatsResponse) -> Usage {
    let memory = stats.memory_stats.as_ref();
    let cache = memory
        .and_then(|memory| memory.stats.as_ref())
        .and_then(|stats| {
            ["inactive_file", "total_inactive_file"]
                .iter()
                .find_map(|name| stats.get(*name))
                .copied()
        });
    let networks = stats.networks.as_ref();
    let total = |of: fn(&bollard::models::ContainerNetworkStats) -> Option<u64>| {
        networks.map(|networks| {
            networks
                .values()
                .filter_map(of)
                .fold(0, u64::saturating_add)
        })
    };
    let blocks = stats
        .blkio_stats
        .as_ref()
        .and_then(|blocks| blocks.io_service_bytes_recursive.as_ref());
    let moved = |way: &str| {
        blocks.map(|entries| {
            let of_way = entries.iter().filter(|entry| {
                entry
                    .op
                    .as_ref()
                    .is_some_and(|op| op.eq_ignore_ascii_case(way))
            });
            of_way
                .filter_map(|entry| entry.value)
                .fold(0, u64::saturating_add)
        })
    };
    Usage {
        cpu_us: stats
            .cpu_stats
            .as_ref()
            .and_then(|cpu| cpu.cpu_usage.as_ref()?.total_usage)
            .map(|ns| ns / 1000),
        memory: memory
            .and_then(|memory| memory.usage)
            .map(|bytes| bytes.saturating_sub(cache.unwrap_or(0))),
        // Without a limit the engine reports the machine's memory, or a number that no machine has.
        memory_limit: memory
            .and_then(|memory| memory.limit)
            .filter(|limit| *limit < rustix::system::sysinfo().totalram),
        received: total(|network| network.rx_bytes),
        sent: total(|network| network.tx_bytes),
        read: moved("read"),
        written: moved("write"),
    }
}

fn unless_gone<T>(answer: Result<T, Error>) -> Result<Option<T>, EngineError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Error::DockerResponseServerError {
            status_code: 404 | 409,
            ..
        }) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: Error) -> EngineError {
    EngineError::Failed(Chain(&error).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_of_docker() {
        let summary = serde_json::from_str(
            r#"{"Id":"8dfafdbc3a40","Names":["/web-1"],"Image":"nginx:1","State":"running","Status":"Up 2 days (healthy)",
                "Labels":{"com.docker.compose.project":"shop"},"Health":{"Status":"healthy","FailingStreak":0}}"#,
        )
        .unwrap();
        let expected = Listed {
            id: "8dfafdbc3a40".into(),
            name: "web-1".into(),
            image: Some("nginx:1".into()),
            project: Some("shop".into()),
            state: "running".into(),
            health: Some("healthy".into()),
        };
        assert_eq!(listed(summary), Some(expected));
        assert_eq!(listed(serde_json::from_str("{}").unwrap()), None);
    }

    #[test]
    fn figures_of_the_engine() {
        let stats: ContainerStatsResponse = serde_json::from_str(
            r#"{"cpu_stats":{"cpu_usage":{"total_usage":2500000}},
                "memory_stats":{"usage":1000,"limit":18446744073709551615,"stats":{"inactive_file":400}},
                "networks":{"eth0":{"rx_bytes":5,"tx_bytes":6},"eth1":{"rx_bytes":7,"tx_bytes":8}},
                "blkio_stats":{"io_service_bytes_recursive":[{"major":8,"minor":0,"op":"Read","value":10},
                                                             {"major":8,"minor":0,"op":"write","value":20}]}}"#,
        )
        .unwrap();
        let expected = Usage {
            cpu_us: Some(2500),
            memory: Some(600),
            memory_limit: None,
            received: Some(12),
            sent: Some(14),
            read: Some(10),
            written: Some(20),
        };
        assert_eq!(measured(&stats), expected);
    }

    #[tokio::test]
    async fn a_host_without_an_engine_is_told_apart_from_a_forbidden_socket() {
        let none = Engine::connect(Some(Path::new("/nowhere/docker.sock")))
            .await
            .unwrap_err();
        assert!(matches!(none, EngineError::NoSocket));
        let dir = tempfile::tempdir().unwrap();
        let dead = dir.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
        let dead = Engine::connect(Some(&dead)).await.unwrap_err();
        assert!(matches!(dead, EngineError::Unreachable { .. }), "{dead}");
    }
}
