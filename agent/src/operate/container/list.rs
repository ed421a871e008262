//! What the engine lists, as it is answered.

use std::collections::HashMap;

use bollard::{
    Docker,
    models::{ContainerSummary, ImageSummary, PortSummary},
    query_parameters::{InspectContainerOptions, ListImagesOptionsBuilder},
};
use chatops_schemas::{
    answer::{Container, Image},
    order::Refusal,
};

use super::refused;
use crate::collect::container::is_health;

/// Longest text in a list.
const MAX_TEXT: usize = 256;
const MOST_PORTS: usize = 32;
const PROJECT: [&str; 2] = ["com.docker.compose.project", "io.podman.compose.project"];
const SERVICE: [&str; 2] = ["com.docker.compose.service", "io.podman.compose.service"];

/// Containers as they are answered, those that run first.
pub(super) async fn described(
    docker: &Docker,
    listed: Vec<ContainerSummary>,
    images: &[ImageSummary],
) -> Vec<Container> {
    // Which image each name means now.
    let mut current = HashMap::new();
    for image in images {
        for name in &image.repo_tags {
            current.insert(name.as_str(), image.id.as_str());
        }
    }
    let mut containers: Vec<Container> = listed.into_iter().map(container).collect();
    for container in &mut containers {
        name_image(docker, container).await;
        container.newer_image = current
            .get(full_name(&container.image).as_str())
            .is_some_and(|id| !container.image_id.is_empty() && *id != container.image_id);
    }
    containers
        .sort_by(|a, b| (a.state != "running", &a.name).cmp(&(b.state != "running", &b.name)));
    containers
}

pub(super) async fn images(docker: &Docker) -> Result<Vec<ImageSummary>, Refusal> {
    let options = ListImagesOptionsBuilder::new().all(false).build();
    docker.list_images(Some(options)).await.map_err(refused)
}

pub(super) fn image(image: ImageSummary, used: &HashMap<&str, u32>) -> Image {
    Image {
        containers: used.get(image.id.as_str()).copied().unwrap_or(0),
        tags: image
            .repo_tags
            .iter()
            .filter(|tag| *tag != "<none>:<none>")
            .map(|tag| cut(tag))
            .collect(),
        size: u64::try_from(image.size).unwrap_or(0),
        created_at: image.created,
        id: image.id,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

fn container(summary: ContainerSummary) -> Container {
    let labels = summary.labels.unwrap_or_default();
    let label = |names: [&str; 2]| names.iter().find_map(|name| labels.get(*name));
    let id = summary.id.unwrap_or_default();
    let status = summary.status.unwrap_or_default();
    let name = summary.names.unwrap_or_default().into_iter().next();
    Container {
        name: name.map_or_else(
            || id.chars().take(12).collect(),
            |name| cut(name.trim_start_matches('/')),
        ),
        id,
        image: cut(&summary.image.unwrap_or_default()),
        image_id: summary.image_id.unwrap_or_default(),
        state: summary
            .state
            .map(|state| state.to_string())
            .unwrap_or_default(),
        health: summary
            .health
            .and_then(|health| health.status)
            .map(|status| status.to_string())
            .filter(|status| is_health(status))
            .or_else(|| health_in(&status)),
        status: cut(&status),
        created_at: summary.created.unwrap_or_default(),
        ports: ports(summary.ports.unwrap_or_default()),
        project: label(PROJECT).map(|text| cut(text)),
        service: label(SERVICE).map(|text| cut(text)),
        restarts: None,
        newer_image: false,
    }
}

/// Older engines say it in the status only: `Up 3 hours (healthy)`, `Up 2 seconds (health: starting)`.
fn health_in(status: &str) -> Option<String> {
    let said = status.rsplit_once('(')?.1.strip_suffix(')')?;
    let said = said.strip_prefix("health: ").unwrap_or(said);
    matches!(said, "healthy" | "unhealthy" | "starting").then(|| said.to_owned())
}

/// In the words of `docker ps`, each once.
fn ports(summaries: Vec<PortSummary>) -> Vec<String> {
    let mut ports: Vec<String> = summaries
        .into_iter()
        .map(|port| {
            let inner = port.private_port;
            let kind = port
                .typ
                .map_or_else(|| "tcp".to_owned(), |kind| kind.to_string());
            match (port.ip, port.public_port) {
                (Some(ip), Some(outer)) if ip.contains(':') => {
                    format!("[{ip}]:{outer}->{inner}/{kind}")
                }
                (Some(ip), Some(outer)) => format!("{ip}:{outer}->{inner}/{kind}"),
                (None, Some(outer)) => format!("{outer}->{inner}/{kind}"),
                (_, None) => format!("{inner}/{kind}"),
            }
        })
        .collect();
    ports.sort();
    ports.dedup();
    ports.truncate(MOST_PORTS);
    ports
}

/// When a name has moved on to another image, the engine lists the bare id; what the container was made from is found by a
/// closer look.
async fn name_image(docker: &Docker, container: &mut Container) {
    let bare = container.image.trim_start_matches("sha256:");
    let id = container.image_id.trim_start_matches("sha256:");
    if bare.is_empty() || !id.starts_with(bare) {
        return;
    }
    // One that has just gone keeps its id.
    let found = docker
        .inspect_container(&container.id, None::<InspectContainerOptions>)
        .await;
    let config = found.ok().and_then(|found| found.config);
    if let Some(image) = config.and_then(|config| config.image) {
        container.image = cut(&image);
    }
}

/// `nginx` means `nginx:latest`.
fn full_name(image: &str) -> String {
    let tail = image.rsplit('/').next().unwrap_or(image);
    if tail.contains(':') || image.contains('@') {
        image.to_owned()
    } else {
        format!("{image}:latest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_the_health() {
        assert_eq!(
            health_in("Up 3 hours (healthy)").as_deref(),
            Some("healthy")
        );
        assert_eq!(
            health_in("Up 1 second (health: starting)").as_deref(),
            Some("starting")
        );
        assert_eq!(health_in("Exited (137) 2 days ago"), None);
        assert_eq!(health_in("Up 2 minutes (Paused)"), None);
    }

    #[test]
    fn names_of_images_are_complete() {
        assert_eq!(full_name("nginx"), "nginx:latest");
        assert_eq!(full_name("reg:5000/nginx"), "reg:5000/nginx:latest");
        assert_eq!(full_name("nginx:1"), "nginx:1");
    }
}
