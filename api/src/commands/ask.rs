//! How a wish becomes `command.requested`: signed, with everything secret in the vault before the event names it.

use std::collections::BTreeMap;

use chatops_bus::StreamName;
use chatops_schemas::{
    event::command::{Asked, CommandRequested},
    ids::{CommandId, ServerId},
    order::{Operation, Program, Run},
    subject,
};

use crate::{
    auth::seal,
    code::Code,
    jobs::runner::APPROVAL_MS,
    problem::Problem,
    state::Api,
    written::{self, By},
};

/// What is wanted, checked but for what the operation's own rules say.
#[derive(Clone)]
pub struct Wish {
    /// Where.
    pub server: ServerId,
    /// What.
    pub operation: Operation,
    /// Milliseconds within which it has to begin.
    pub ttl_ms: u32,
    /// Milliseconds it may run.
    pub timeout_ms: u64,
    /// What it repeats.
    pub repeats: Option<CommandId>,
}

/// What was stored.
#[derive(Debug)]
pub struct Requested {
    /// Position of the event.
    pub seq: u64,
    /// The event.
    pub event: CommandRequested,
}

/// The part that may be in an event, and whether that is all of it.
fn asked(operation: &Operation) -> Option<(Asked, bool)> {
    Some(match operation {
        Operation::Run(run) => {
            let asked = Asked::Run {
                program: run.program.clone(),
                cwd: run.cwd.clone(),
                env: run.env.keys().cloned().collect(),
                stdin_bytes: run.stdin.as_ref().map_or(0, |stdin| stdin.len() as u64),
                output_limit: run.output_limit,
            };
            (asked, run.env.is_empty() && run.stdin.is_none())
        }
        Operation::Container(order) => (Asked::Container(order.clone()), true),
        Operation::Signal(order) => (Asked::Signal(order.clone()), true),
        Operation::Unit(order) => (Asked::Unit(order.clone()), true),
        _ => return None,
    })
}

/// The operation that was asked for, of a command that was given nothing secret.
pub fn again(asked: Asked, timeout_ms: u64) -> Operation {
    match asked {
        Asked::Run {
            program,
            cwd,
            output_limit,
            ..
        } => Operation::Run(Run {
            program,
            cwd,
            env: BTreeMap::new(),
            stdin: None,
            timeout_ms,
            output_limit,
        }),
        Asked::Container(order) => Operation::Container(order),
        Asked::Signal(order) => Operation::Signal(order),
        Asked::Unit(order) => Operation::Unit(order),
    }
}

/// A shell line or a program with arguments; exactly one of both.
pub fn program(command: Option<String>, argv: Option<Vec<String>>) -> Result<Program, Problem> {
    match (command, argv) {
        (Some(line), None) => Ok(Program::Shell(line)),
        (None, Some(argv)) => Ok(Program::Argv(argv)),
        (None, None) => Err(Problem::field("command", "is missing; or give argv")),
        (Some(_), Some(_)) => Err(Problem::field("argv", "cannot be given beside command")),
    }
}

/// Signs and stores it. The caller has decided that this person may. With `needs_approval` it waits for another person.
pub async fn request(
    api: &Api,
    by: &By,
    id: CommandId,
    wish: Wish,
    needs_approval: bool,
) -> Result<Requested, Problem> {
    let Some((asked, whole)) = asked(&wish.operation) else {
        tracing::error!("something that is no command was to be stored as one");
        return Err(Problem::new(Code::Internal));
    };
    let waits = if needs_approval { APPROVAL_MS } else { 0 };
    let not_after = api
        .clock()
        .now()
        .plus_millis(i64::from(wish.ttl_ms).saturating_add(waits));
    let order = api
        .orders()
        .sign(by, &wish.server, id, not_after, wish.operation)?;
    if !whole {
        let sealed = api.seal()?.close(&seal::of_order(id), &order)?;
        api.store().put_order(id, &sealed).await?;
    }
    let requested = CommandRequested {
        command: id,
        asked,
        not_after,
        timeout_ms: wish.timeout_ms,
        order: whole.then(|| order.to_vec()),
        needs_approval,
        job: None,
        repeats: wish.repeats,
    };
    let event = written::event_about(api, by, &wish.server, requested.clone());
    let subject = subject::command(&wish.server, id);
    let appended = api.bus().append(StreamName::Cmd, &subject, 0, &event).await;
    match appended {
        Ok(seq) => {
            tracing::info!(command.id = %id, server.id = %wish.server, event.seq = seq, "command requested");
            Ok(Requested {
                seq,
                event: requested,
            })
        }
        Err(error) => {
            if !whole && let Err(error) = api.store().forget_order(id).await {
                tracing::warn!(%error, "an order that was never asked for stays in the vault for three days");
            }
            Err(written::refused(&error))
        }
    }
}
