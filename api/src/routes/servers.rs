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

use chatops_projections::{Visible, view};
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
    let server = match access::visible(&subject) {
        Some(visible) => api.store().server(visible, id).await?,
        None => None,
    };
    let Some(server) = server else {
        return Err(absent(api, actor, id, action).await?);
    };
    let resource = Resource::Server {
        owner: server.owner.id,
    };
    access::check(&subject, action, resource, id.as_str(), Code::NoServer)?;
    Ok(server)
}

/// The answer when this person sees no such server. The audit is told when there is one after all.
pub(crate) async fn absent(
    api: &Api,
    actor: &Actor,
    id: &ServerId,
    action: Action,
) -> Result<Problem, Problem> {
    let Some(server) = api.store().server(Visible::All, id).await? else {
        return Ok(Problem::new(Code::NoServer));
    };
    let resource = Resource::Server {
        owner: server.owner.id,
    };
    let checked = access::check(
        &actor.subject(),
        action,
        resource,
        id.as_str(),
        Code::NoServer,
    );
    // Allowed after all: it has become theirs since the first look. They may ask again.
    Ok(checked.err().unwrap_or(Problem::new(Code::NoServer)))
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
