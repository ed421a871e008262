//! Keeps a child running: one that ends by itself, or cannot recover from a full disk, is told and started again, at once
//! and then ever more slowly.

use std::{process::ExitStatus, time::Duration};

use rand::Rng;
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    child::{Plan, Running},
    disk,
    place::Place,
    process::{self, Kind},
};
use crate::output::Output;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A child that ran this long had recovered: the next failure counts as its first.
const RECOVERED: Duration = Duration::from_secs(60);
const CHECK: Duration = Duration::from_secs(10);
/// Free space with which a start after a full disk makes sense.
const ROOM: u64 = 64 << 20;

/// A kept child. Dropping it asks the child to leave without waiting for it.
#[derive(Debug)]
pub(super) struct Keeper {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Takes over a running child.
    pub(super) fn keep(running: Running, place: Place, output: Output) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(keep(running, place, output, stop.clone()));
        Self { stop, task }
    }

    /// Asks the child to leave and returns when it has.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        // The task ends only by returning or by a panic, and either way the child is no longer kept.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn keep(mut running: Running, place: Place, output: Output, stop: CancellationToken) {
    let plan = running.plan().clone();
    let mut pause = FIRST_PAUSE;
    let mut check = interval(CHECK);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let started = Instant::now();
        let why = loop {
            tokio::select! {
                () = stop.cancelled() => {
                    running.stop().await;
                    return;
                }
                status = running.ended() => break ended(&running, status),
                _ = check.tick() => {
                    plan.trim_log();
                    if stuck(&running, &place) {
                        running.stop().await;
                        break format!("{} met a full disk, which has room again", plan.name);
                    }
                }
            }
        };
        if started.elapsed() > RECOVERED {
            pause = FIRST_PAUSE;
        }
        metrics::counter!("chatops_up_child_restarts_total", "child" => plan.name).increment(1);
        output.warn(format_args!("{why}; starting it again"));
        running = match again(&plan, &place, &output, &mut pause, &stop).await {
            Some(running) => running,
            None => return,
        };
        output.note(format_args!("{} runs again", plan.name));
    }
}

fn ended(running: &Running, status: std::io::Result<ExitStatus>) -> String {
    let status = status
        .map(|status| status.to_string())
        .unwrap_or_else(|error| error.to_string());
    let what = format!("{} ended ({status})", running.plan().name);
    running.explain(&what).to_string()
}

/// nats-server refuses every event of a stream after one write to it has failed, until it is started again. The others
/// recover by themselves.
fn stuck(running: &Running, place: &Place) -> bool {
    running.plan().kind == Kind::Nats
        && running.met_full_disk()
        && disk::free(place.root()).is_ok_and(|bytes| bytes > ROOM)
}

/// Tries until the program starts; `None` when asked to stop meanwhile.
async fn again(
    plan: &Plan,
    place: &Place,
    output: &Output,
    pause: &mut Duration,
    stop: &CancellationToken,
) -> Option<Running> {
    loop {
        let jittered = pause.mul_f64(rand::rng().random_range(0.8..1.2));
        *pause = (*pause * 2).min(LONGEST_PAUSE);
        tokio::select! {
            () = stop.cancelled() => return None,
            () = sleep(jittered) => {}
        }
        // Sessions of a killed PostgreSQL hold its shared memory for a moment and would refuse the new one.
        process::stop(place, plan.kind).await;
        match plan.start() {
            Ok(running) => return Some(running),
            Err(trouble) => output.warn(format_args!("{trouble}; {}", trouble.remedy())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_that_ends_is_started_again_until_stopped() {
        let root = tempfile::tempdir().unwrap();
        let place = Place::prepare(root.path()).unwrap();
        let plan = Plan {
            kind: Kind::Agent,
            name: "child",
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), "echo line".into()],
            environment: Vec::new(),
            identity: None,
            log: place.log("child"),
        };
        let keeper = Keeper::keep(plan.start().unwrap(), place.clone(), Output::new());
        chatops_testkit::eventually("it ran three times", Duration::from_secs(20), async || {
            std::fs::read_to_string(&plan.log).is_ok_and(|said| said.lines().count() >= 3)
        })
        .await;
        keeper.stop().await;
    }
}
