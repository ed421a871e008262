//! Actions on containers, and questions about them. Called by the [`Desk`](super::Desk) and, for actions, by
//! [`exec`](super::exec), whose journal sees to it that each happens once.
//!
//! Docker and Podman speak the same language here. What the engine refuses is answered in its own words.

mod list;

use std::{collections::HashMap, time::Duration};

use bollard::{
    errors::Error,
    query_parameters::{
        KillContainerOptions, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
        RestartContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
    },
};
use chatops_bus::Chain;
use chatops_schemas::{
    answer::{Containers, Image, Images},
    order::{ContainerAction, ContainerOrder, Refusal, RefusalCode},
};

use super::Host;
use crate::collect::container::{Engine, EngineError, request, request::RequestError};

/// How long an engine may take for an action on top of the time that it gives the container.
const PATIENCE: Duration = Duration::from_secs(60);
/// What engines give a container to end when nobody says otherwise.
const USUAL_GRACE: u32 = 10;
/// Longest time a container can be given to end.
const LONGEST_GRACE: u32 = 3600;
/// Most containers or images in an answer, so that it fits into a message.
const MOST: usize = 1000;
/// Longest inspection that fits into a message.
const MAX_INSPECTION: usize = 512 * 1024;

/// Does it and returns when the engine has done it; a refusal holds the engine's own words.
pub async fn act(host: &Host, order: &ContainerOrder) -> Result<(), Refusal> {
    let name = named(&order.container)?;
    let engine = connect(host).await?;
    let grace = order.grace_s.map(|grace| grace.min(LONGEST_GRACE));
    let wait = Duration::from_secs(grace.unwrap_or(USUAL_GRACE).into()) + PATIENCE;
    let seconds = grace.map(|grace| i32::try_from(grace).unwrap_or(i32::MAX));
    let docker = engine.docker().clone().with_timeout(wait);
    let done = match order.action {
        ContainerAction::Start => {
            let options = None::<StartContainerOptions>;
            docker.start_container(name, options).await
        }
        ContainerAction::Stop => {
            let mut options = StopContainerOptionsBuilder::new();
            if let Some(seconds) = seconds {
                options = options.t(seconds);
            }
            docker.stop_container(name, Some(options.build())).await
        }
        ContainerAction::Restart => {
            let mut options = RestartContainerOptionsBuilder::new();
            if let Some(seconds) = seconds {
                options = options.t(seconds);
            }
            docker.restart_container(name, Some(options.build())).await
        }
        ContainerAction::Pause => docker.pause_container(name).await,
        ContainerAction::Unpause => docker.unpause_container(name).await,
        ContainerAction::Kill => {
            let options = None::<KillContainerOptions>;
            docker.kill_container(name, options).await
        }
        ContainerAction::Remove => {
            let options = RemoveContainerOptionsBuilder::new().force(order.force);
            docker.remove_container(name, Some(options.build())).await
        }
    };
    match done {
        // "Not modified": it already is what it was to become.
        Ok(())
        | Err(Error::DockerResponseServerError {
            status_code: 304, ..
        }) => Ok(()),
        Err(error) => Err(refused(error)),
    }
}

/// All containers, those that run first.
pub async fn containers(host: &Host) -> Result<Containers, Refusal> {
    let engine = connect(host).await?;
    let docker = engine.docker();
    let options = ListContainersOptionsBuilder::new().all(true).build();
    let listed = docker.list_containers(Some(options)).await;
    let mut listed = listed.map_err(refused)?;
    listed.truncate(MOST);
    let images = list::images(docker).await?;
    let containers = list::described(docker, listed, &images).await;
    Ok(Containers {
        containers,
        engine: engine.version,
    })
}

/// One container in the engine's own words, JSON.
pub async fn inspect(host: &Host, container: &str) -> Result<String, Refusal> {
    let name = named(container)?;
    let engine = connect(host).await?;
    let path = format!("/containers/{name}/json");
    let answer = request::get(engine.socket(), &path).await;
    let answer = answer.map_err(no_answer)?;
    let text = answer.whole(MAX_INSPECTION).await.map_err(no_engine)?;
    String::from_utf8(text.into())
        .map_err(|_| Refusal::new(RefusalCode::Failed, "the engine's answer is no text"))
}

/// All images, the newest first.
pub async fn images(host: &Host) -> Result<Images, Refusal> {
    let engine = connect(host).await?;
    let docker = engine.docker();
    let options = ListContainersOptionsBuilder::new().all(true).build();
    let users = docker.list_containers(Some(options)).await;
    let users = users.map_err(refused)?;
    let mut used: HashMap<&str, u32> = HashMap::new();
    for id in users.iter().filter_map(|user| user.image_id.as_deref()) {
        *used.entry(id).or_default() += 1;
    }
    let mut images: Vec<Image> = list::images(docker)
        .await?
        .into_iter()
        .map(|image| list::image(image, &used))
        .collect();
    images.sort_by_key(|image| std::cmp::Reverse(image.created_at));
    images.truncate(MOST);
    Ok(Images { images })
}

/// An engine, or why there is none, in words.
pub(super) async fn connect(host: &Host) -> Result<Engine, Refusal> {
    Engine::connect(host.docker_socket.as_deref())
        .await
        .map_err(no_engine)
}

/// A container's name or id, safe as part of a path.
pub(super) fn named(name: &str) -> Result<&str, Refusal> {
    let safe = name.bytes().enumerate().all(|(at, byte)| {
        byte.is_ascii_alphanumeric() || (at > 0 && matches!(byte, b'_' | b'.' | b'-'))
    });
    if safe && !name.is_empty() {
        return Ok(name);
    }
    let words = format!("No such container: {name}");
    Err(Refusal::new(RefusalCode::NotFound, words))
}

fn no_engine(error: EngineError) -> Refusal {
    Refusal::new(RefusalCode::NoEngine, error.to_string())
}

/// The refusal behind an answer that did not come, or said no.
pub(super) fn no_answer(error: RequestError) -> Refusal {
    match error {
        RequestError::Engine(error) => no_engine(error),
        RequestError::Refused(404, words) => Refusal::new(RefusalCode::NotFound, words),
        RequestError::Refused(_, words) => Refusal::new(RefusalCode::Failed, words),
    }
}

fn refused(error: Error) -> Refusal {
    match error {
        Error::DockerResponseServerError {
            status_code: 404,
            message,
        } => Refusal::new(RefusalCode::NotFound, message),
        Error::DockerResponseServerError { message, .. } => {
            Refusal::new(RefusalCode::Failed, message)
        }
        Error::RequestTimeoutError => Refusal::new(
            RefusalCode::Failed,
            "the engine has not finished in time; it may still do it",
        ),
        error => Refusal::new(RefusalCode::NoEngine, Chain(&error).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_become_part_of_a_path() {
        for good in ["web-1", "8dfafdbc3a40", "a.b_c"] {
            assert_eq!(named(good).unwrap(), good);
        }
        for bad in ["", "../images/x", "a/b", "a?force=1", "-a", "a b", "ä"] {
            let refusal = named(bad).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::NotFound, "{bad}");
        }
    }
}
