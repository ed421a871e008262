//! Containers as their host told of them. Texts are the host's: cut and without control characters.

use chatops_projections::view;
use chatops_schemas::{answer, event::metric};
use serde::Serialize;
use utoipa::ToSchema;

use super::moment::Moment;
use crate::order::words;

/// The containers of a host.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContainerList {
    /// Those that run first.
    containers: Vec<HostContainer>,
    /// Name and version of the engine; `null` when the host could not be asked.
    #[schema(required)]
    engine: Option<String>,
    /// Whether the host answered just now. Otherwise this is what its newest sample says.
    live: bool,
    /// When it was like this.
    at: Moment,
    /// Why the host could not be asked.
    #[schema(required)]
    reason: Option<String>,
}

/// A container.
#[derive(Debug, Serialize, ToSchema)]
pub struct HostContainer {
    /// Its id; of a sample, the beginning of it.
    id: String,
    /// Name.
    name: String,
    /// Image as it was named.
    image: String,
    /// `running`, `exited`, `paused`, …
    state: String,
    /// In the engine's words; empty of a sample.
    status: String,
    /// `healthy`, `unhealthy`, `starting`.
    #[schema(required)]
    health: Option<String>,
    /// When it was made.
    #[schema(required)]
    created_at: Option<Moment>,
    /// `0.0.0.0:8080->80/tcp`, …
    ports: Vec<String>,
    /// Compose project.
    #[schema(required)]
    project: Option<String>,
    /// Compose service.
    #[schema(required)]
    service: Option<String>,
    /// A newer image of the same name lies on the host.
    newer_image: bool,
}

impl ContainerList {
    /// What the host answered.
    pub fn live(answer: answer::Containers, at: Moment) -> Self {
        Self {
            containers: answer.containers.into_iter().map(Into::into).collect(),
            engine: Some(words(&answer.engine)),
            live: true,
            at,
            reason: None,
        }
    }

    /// What its newest sample says.
    pub fn remembered(containers: Vec<metric::Container>, at: Moment, reason: String) -> Self {
        Self {
            containers: containers.into_iter().map(Into::into).collect(),
            engine: None,
            live: false,
            at,
            reason: Some(reason),
        }
    }
}

impl From<answer::Container> for HostContainer {
    fn from(container: answer::Container) -> Self {
        Self {
            id: words(&container.id),
            name: words(&container.name),
            image: words(&container.image),
            state: words(&container.state),
            status: words(&container.status),
            health: container.health.as_deref().map(words),
            created_at: Some(Moment::of_seconds(container.created_at)),
            ports: container.ports.iter().map(|port| words(port)).collect(),
            project: container.project.as_deref().map(words),
            service: container.service.as_deref().map(words),
            newer_image: container.newer_image,
        }
    }
}

impl From<metric::Container> for HostContainer {
    fn from(container: metric::Container) -> Self {
        Self {
            id: container.id,
            name: container.name,
            image: container.image.unwrap_or_default(),
            state: container.state.unwrap_or_default(),
            status: String::new(),
            health: container.health,
            created_at: None,
            ports: Vec::new(),
            project: container.project,
            service: None,
            newer_image: false,
        }
    }
}

/// The images of a host.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImageList {
    /// The newest first.
    images: Vec<HostImage>,
}

/// An image.
#[derive(Debug, Serialize, ToSchema)]
pub struct HostImage {
    /// Its id.
    id: String,
    /// Names with tags.
    tags: Vec<String>,
    /// Bytes.
    size: u64,
    /// When it was made.
    created_at: Moment,
    /// Containers that use it.
    containers: u32,
}

impl From<answer::Images> for ImageList {
    fn from(answer: answer::Images) -> Self {
        let image = |image: answer::Image| HostImage {
            id: words(&image.id),
            tags: image.tags.iter().map(|tag| words(tag)).collect(),
            size: image.size,
            created_at: Moment::of_seconds(image.created_at),
            containers: image.containers,
        };
        Self {
            images: answer.images.into_iter().map(image).collect(),
        }
    }
}

/// A page of what happened to containers.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContainerEventList {
    /// Newest first.
    pub events: Vec<ContainerEvent>,
    /// Give it as `after` to get what follows; `null`: this was the end.
    #[schema(required)]
    pub next: Option<String>,
}

/// A container began, ended, ran out of memory or changed its health.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContainerEvent {
    /// Grows with time.
    id: String,
    /// When, by the host's clock.
    at: Moment,
    /// Full id.
    container: String,
    /// Name.
    name: String,
    /// Image as it was named.
    #[schema(required)]
    image: Option<String>,
    /// Compose project.
    #[schema(required)]
    project: Option<String>,
    /// `started`, `died`, `out_of_memory`, `healthy`, `unhealthy`.
    change: String,
    /// Exit code, when it ended.
    #[schema(required)]
    exit_code: Option<i32>,
    /// What it wrote last, oldest first.
    lines: Vec<String>,
    /// Changes before it that were not told, because there were too many.
    left_out: u32,
}

impl From<view::ContainerEvent> for ContainerEvent {
    fn from(event: view::ContainerEvent) -> Self {
        Self {
            id: event.id.to_string(),
            at: event.happened_at.into(),
            container: event.container,
            name: event.name,
            image: event.image,
            project: event.project,
            change: event.change,
            exit_code: event.exit_code,
            lines: event.lines,
            left_out: event.left_out,
        }
    }
}
