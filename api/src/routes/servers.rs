//! The fleet.

pub mod access;
pub mod change;
mod columns;
pub mod create;
pub mod delete;
pub mod enrolment;
pub mod events;
pub mod install;
pub mod keys;
pub mod list;
pub mod processes;
pub mod show;
pub mod signal;
pub mod unit;
pub mod units;

use chatops_schemas::{ids::ServerId, subject::Entity};

use crate::{body::server::Server, problem::Problem, state::Api, written};

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
