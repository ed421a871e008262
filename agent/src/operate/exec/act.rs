//! What is not a program: signals and containers; and what is one under another name: units. Used by [`super::Exec`].

use std::{fs, time::Duration};

use chatops_schemas::{
    event::{command::Outcome, result::ResultFinished},
    ids::CommandId,
    order::{
        ContainerOrder, Operation, Program, Refusal, RefusalCode, Run, SignalOrder, UnitAction,
        UnitOrder,
    },
};
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use tokio::{sync::watch, time::timeout};

use super::{Halt, Host, failed, over, words};
use crate::{
    collect::{process, systemd},
    operate::container,
};

/// Longest time that an engine may take; a stop waits for its container.
const ENGINE: Duration = Duration::from_secs(15 * 60);
/// Longest time that the service manager may take to start or stop a unit.
const MANAGER_MS: u64 = 5 * 60 * 1000;
/// What it may say.
const MANAGER_OUTPUT: u64 = 64 * 1024;

/// What a command is to be carried out with.
pub(super) enum Work {
    Run(Run),
    Container(ContainerOrder),
    Signal(SignalOrder),
}

/// Refuses what this host cannot do, before anything is written down.
pub(super) fn prepare(operation: Operation) -> Result<Work, Refusal> {
    match operation {
        Operation::Run(run) => Ok(Work::Run(run)),
        Operation::Container(order) => Ok(Work::Container(order)),
        Operation::Signal(order) if signal_of(&order.signal).is_some() => Ok(Work::Signal(order)),
        Operation::Signal(order) => Err(Refusal::new(
            RefusalCode::Unsupported,
            format!("this agent sends no signal {:?}", order.signal),
        )),
        Operation::Unit(order) if systemd::present() => Ok(Work::Run(unit(&order))),
        Operation::Unit(_) => Err(Refusal::new(
            RefusalCode::Unsupported,
            "this host is not managed by systemd, so it has no units",
        )),
        Operation::Cancel(_)
        | Operation::Ask(_)
        | Operation::Terminal(_)
        | Operation::Follow(_) => Err(Refusal::new(RefusalCode::NotOurs, "this is not a command")),
    }
}

/// A unit's order as a program.
fn unit(order: &UnitOrder) -> Run {
    let action = match order.action {
        UnitAction::Start => "start",
        UnitAction::Stop => "stop",
        UnitAction::Restart => "restart",
        UnitAction::Reload => "reload",
    };
    let words = ["systemctl", "--no-ask-password", action, "--", &order.unit];
    Run {
        program: Program::Argv(words.map(str::to_owned).to_vec()),
        cwd: None,
        env: Default::default(),
        stdin: None,
        timeout_ms: MANAGER_MS,
        output_limit: MANAGER_OUTPUT,
    }
}

/// Acts on a container. What the engine has been asked for cannot be taken back: a cancel changes nothing, and when the
/// agent is stopped nobody knows how it ended.
pub(super) async fn container(
    id: CommandId,
    host: &Host,
    order: &ContainerOrder,
    mut halted: watch::Receiver<Option<Halt>>,
) -> ResultFinished {
    let stopping = halted.wait_for(|halt| *halt == Some(Halt::Stopping));
    let unknown = |message: &str| ResultFinished {
        message: Some(message.to_owned()),
        ..over(id, Outcome::Unknown)
    };
    tokio::select! {
        done = timeout(ENGINE, container::act(host, order)) => match done {
            Ok(Ok(())) => over(id, Outcome::Finished),
            Ok(Err(refusal)) => failed(id, words(&refusal.message)),
            Err(_) => unknown("the engine has not answered for a quarter of an hour"),
        },
        _ = stopping => unknown("the agent was stopped before the engine had answered"),
    }
}

fn signal_of(name: &str) -> Option<Signal> {
    Some(match name {
        "TERM" => Signal::TERM,
        "KILL" => Signal::KILL,
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "QUIT" => Signal::QUIT,
        "STOP" => Signal::STOP,
        "CONT" => Signal::CONT,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        _ => return None,
    })
}

/// Signals exactly the process that was meant: its descriptor is held while its start is compared.
pub(super) fn signal(id: CommandId, order: &SignalOrder) -> ResultFinished {
    let SignalOrder { pid, .. } = order;
    let gone = || failed(id, format!("process {pid} does not exist any more"));
    let (Some(process), Some(signal)) = (
        i32::try_from(*pid).ok().and_then(Pid::from_raw),
        signal_of(&order.signal),
    ) else {
        return gone();
    };
    let descriptor = match pidfd_open(process, PidfdFlags::empty()) {
        Ok(descriptor) => descriptor,
        Err(Errno::SRCH | Errno::INVAL) => return gone(),
        Err(error) => return failed(id, format!("process {pid} cannot be signalled: {error}")),
    };
    let line = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    if process::parse(&line).is_none_or(|found| found.started != order.start_ticks) {
        return gone();
    }
    match pidfd_send_signal(&descriptor, signal) {
        Ok(()) => over(id, Outcome::Finished),
        Err(Errno::SRCH) => gone(),
        Err(error) => failed(id, format!("process {pid} cannot be signalled: {error}")),
    }
}
