//! How a session begins or is come back to: the checks, the events, the host. Called by [`super::socket`].

use chatops_projections::StoreError;
use chatops_schemas::{
    event::terminal::{TerminalEnd, TerminalOpened},
    ids::{CommandId, ServerId},
    order::{Operation, Terminal},
};

use super::{
    MOST_OPEN,
    aggregate::{self, End as Ending, Opened},
    frame::Open,
};
use crate::{auth::actor::Actor, code::Code, problem::Problem, state::Api, written::By};

/// Why there is no conversation.
pub(super) enum Begun {
    Refused(Problem),
    Over(Ending),
}

impl From<Problem> for Begun {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<StoreError> for Begun {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

/// As the host is asked for it.
pub(super) fn terminal(opened: &TerminalOpened, (cols, rows): (u16, u16)) -> Terminal {
    Terminal {
        cols,
        rows,
        container: opened.container.clone(),
        shell: opened.shell.clone(),
        idle_s: opened.idle_s,
        lease_s: opened.lease_s,
        reattach: false,
    }
}

/// A new session: first the event, then the host.
pub(super) async fn start(
    api: &Api,
    actor: &Actor,
    server: &ServerId,
    session: CommandId,
    open: &Open,
) -> Result<Opened, Begun> {
    let limits = &api.config().terminal;
    let event = TerminalOpened {
        session,
        container: open.container.clone(),
        shell: open.shell.clone(),
        recorded: super::is_recorded(api, server).await?,
        idle_s: limits.idle_s,
        lease_s: limits.lease_s,
    };
    let order = Operation::Terminal(terminal(&event, (open.cols, open.rows)));
    order
        .validate()
        .map_err(|invalid| Problem::field(invalid.field, invalid.reason))?;
    if api.store().open_terminals(actor.user).await? >= MOST_OPEN {
        return Err(Problem::new(Code::TooManyTerminals).into());
    }
    let by = actor.by();
    let seq = aggregate::open(api, &by, server, event.clone()).await?;
    if let Err(problem) = api.orders().open(&by, server, session, order).await {
        let ending = Ending {
            message: Some(
                problem
                    .occasion()
                    .unwrap_or(problem.code().title())
                    .to_owned(),
            ),
            ..Ending::of(TerminalEnd::Refused)
        };
        aggregate::close(api, &by, server, session, seq, &ending).await?;
        return Err(problem.into());
    }
    Ok(Opened {
        actor: by.to_string(),
        event,
        seq,
    })
}

/// A session that was opened before, by the same person. Somebody else's does not exist.
pub(super) async fn come_back(
    api: &Api,
    actor: &Actor,
    server: &ServerId,
    session: CommandId,
    open: &Open,
) -> Result<Opened, Begun> {
    let by = actor.by();
    let Some(opened) = aggregate::find(api, server, session).await? else {
        return Err(how_it_ended(api, actor, server, session).await?);
    };
    if opened.actor != by.to_string() {
        return Err(Problem::new(Code::NoTerminal).into());
    }
    let order = Terminal {
        reattach: true,
        ..terminal(&opened.event, (open.cols, open.rows))
    };
    let asked = api
        .orders()
        .open(&by, server, session, Operation::Terminal(order));
    match asked.await {
        Ok(()) => Ok(opened),
        Err(problem) if problem.code() == Code::NotOnHost => {
            let ending = Ending::of(TerminalEnd::AgentStopped);
            aggregate::close(api, &By::system(), server, session, opened.seq, &ending).await?;
            Err(Begun::Over(ending))
        }
        // The host may be back in a moment, and the session with it.
        Err(problem) if matches!(problem.code(), Code::HostOffline | Code::HostSilent) => {
            Err(Problem::new(Code::Busy)
                .detail("The host does not answer at the moment.")
                .into())
        }
        Err(problem) => Err(problem.into()),
    }
}

async fn how_it_ended(
    api: &Api,
    actor: &Actor,
    server: &ServerId,
    session: CommandId,
) -> Result<Begun, Problem> {
    let known = api.store().terminal(server, session).await?;
    Ok(match known.filter(|known| known.user == Some(actor.user)) {
        Some(known) => Begun::Over(Ending {
            reason: known
                .reason
                .as_deref()
                .map_or(TerminalEnd::Unknown, TerminalEnd::parse),
            exit_code: known.exit_code,
            message: known.message,
            output_bytes: known.output_bytes,
        }),
        None => Begun::Refused(Problem::new(Code::NoTerminal)),
    })
}
