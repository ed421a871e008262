//! The fleet.

pub mod change;
mod columns;
pub mod create;
pub mod delete;
pub mod events;
pub mod install;
pub mod keys;
pub mod list;
pub mod show;

use chatops_projections::view;
use chatops_schemas::{ids::ServerId, subject::Entity};

use crate::{
    access::{self, Action, Resource},
    auth::actor::Actor,
    body::server::Server,
    code::Code,
    problem::Problem,
    state::Api,
    written,
};

/// A server that this person may do this to; otherwise it does not exist for them, or they are refused.
pub(crate) async fn find(
    api: &Api,
    actor: &Actor,
    id: &ServerId,
    action: Action,
) -> Result<view::Server, Problem> {
    let subject = actor.subject();
    let hidden = || Problem::new(Code::NoServer);
    let visible = access::visible(&subject).ok_or_else(hidden)?;
    let server = api.store().server(visible, id).await?.ok_or_else(hidden)?;
    access::check(
        &subject,
        action,
        Resource::Server {
            owner: server.owner.id,
        },
        Code::NoServer,
    )?;
    Ok(server)
}

/// The row that an event made; `None` when it is not there in time.
async fn row(api: &Api, id: &ServerId, seq: u64) -> Result<Option<Server>, Problem> {
    if !written::visible(api, seq).await? {
        return Ok(None);
    }
    Ok(crate::body::server::load(api.store(), id).await?)
}

/// After a conflict: waits until reads show the server as it is now.
async fn catch_up(api: &Api, id: &ServerId) -> Result<(), Problem> {
    written::visible_now(api, Entity::Server, id.as_str()).await?;
    Ok(())
}
