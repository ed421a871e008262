//! Terminals of a server: which there are and were, ending one, recordings, and whether new ones are recorded. The terminal
//! itself is `GET /ws/terminal/{server_id}`.

pub mod close;
pub mod list;
pub mod policy;
pub mod recording;

use chatops_projections::view::TerminalSession;
use chatops_schemas::ids::{CommandId, ServerId};

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    code::Code,
    problem::Problem,
    state::Api,
};

/// A session that this person may decide about: their own, or any on a server that they manage. For everybody else it does
/// not exist, except for those who see that somebody works there: they are refused.
async fn theirs(
    api: &Api,
    actor: &Actor,
    server: &ServerId,
    session: CommandId,
    action: Action,
) -> Result<TerminalSession, Problem> {
    access::server(api, actor, server, action).await?;
    let found = api.store().terminal(server, session).await?;
    let found = found.ok_or(Problem::new(Code::NoTerminal))?;
    if found.user == Some(actor.user) {
        return Ok(found);
    }
    match access::server(api, actor, server, Action::ChangeServer).await {
        Ok(_) => Ok(found),
        Err(problem) if problem.code() == Code::Forbidden => Err(problem.instead(Code::NoTerminal)),
        Err(problem) => Err(problem),
    }
}
