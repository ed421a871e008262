//! Actions on containers, and questions about them. Called by the [`Desk`](super::Desk) and, for actions, by
//! [`exec`](super::exec), whose journal sees to it that each happens once.

use chatops_schemas::{
    answer::{Containers, Images},
    order::{ContainerOrder, Refusal, RefusalCode},
};

use super::Host;

/// Does it and returns when the engine has done it; a refusal holds the engine's own words.
pub async fn act(_: &Host, _: &ContainerOrder) -> Result<(), Refusal> {
    unsupported().await
}

/// All containers.
pub async fn containers(_: &Host) -> Result<Containers, Refusal> {
    unsupported().await
}

/// One container in the engine's own words, JSON.
pub async fn inspect(_: &Host, _: &str) -> Result<String, Refusal> {
    unsupported().await
}

/// All images.
pub async fn images(_: &Host) -> Result<Images, Refusal> {
    unsupported().await
}

async fn unsupported<T>() -> Result<T, Refusal> {
    std::future::ready(Err(Refusal::new(
        RefusalCode::Unsupported,
        "this agent does not act on containers",
    )))
    .await
}
