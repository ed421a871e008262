use std::collections::BTreeSet;

use chatops_schemas::{
    event::{
        command::Asked,
        job::{Chosen, Plan},
    },
    ids::JobId,
    order::Program,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn job(hosts: usize, concurrency: u32, canary: u32, stop_after: u32) -> JobStarted {
    JobStarted {
        job: JobId(Uuid::from_u128(7)),
        name: None,
        plan: Plan {
            asked: Asked::Run {
                program: Program::Shell("true".into()),
                cwd: None,
                env: vec![],
                stdin_bytes: 0,
                output_limit: 1024,
            },
            timeout_ms: 1000,
            valid_ms: 1000,
            concurrency,
            canary,
            stop_after,
            script: None,
            sealed: false,
        },
        chosen: Chosen::Ids,
        servers: (0..hosts)
            .map(|n| ServerId::parse(format!("h{n}")).unwrap())
            .collect(),
        needs_approval: false,
        schedule: None,
        retries: None,
    }
}

fn command(state: &State, server: &ServerId) -> CommandId {
    CommandId::of_job(state.started().job, server)
}

fn asked(steps: &[Step]) -> Vec<String> {
    steps
        .iter()
        .filter_map(|step| match step {
            Step::Ask(server) => Some(server.to_string()),
            Step::Stop(_) | Step::End(..) => None,
        })
        .collect()
}

fn learn(state: &mut State, host: usize, now: Host) {
    let server = state.started().servers[host].clone();
    let command = command(state, &server);
    state.learnt(command, now);
}

#[test]
fn one_failed_canary_keeps_all_others_from_beginning() {
    let mut state = State::new(job(10, 5, 2, 0));
    assert_eq!(asked(&state.steps()), ["h0", "h1"]);
    learn(&mut state, 0, Host::Succeeded);
    learn(&mut state, 1, Host::Asked);
    assert!(state.steps().is_empty(), "the second one is not back");
    learn(&mut state, 1, Host::Failed);
    let counts = Counts {
        succeeded: 1,
        failed: 1,
        skipped: 8,
    };
    assert_eq!(state.steps(), [Step::End(JobOutcome::Stopped, counts)]);
}

#[test]
fn pausing_lets_run_what_runs_and_begins_nothing() {
    let mut state = State::new(job(4, 2, 0, 0));
    assert_eq!(asked(&state.steps()), ["h0", "h1"]);
    learn(&mut state, 0, Host::Asked);
    learn(&mut state, 1, Host::Asked);
    state.paused();
    learn(&mut state, 0, Host::Succeeded);
    assert!(state.steps().is_empty());
    state.resumed();
    assert_eq!(asked(&state.steps()), ["h2"]);
}

#[test]
fn cancelling_stops_what_runs_once_and_ends_when_it_has_ended() {
    let mut state = State::new(job(4, 2, 0, 0));
    learn(&mut state, 0, Host::Asked);
    learn(&mut state, 1, Host::Asked);
    state.cancelled();
    assert_eq!(state.steps().len(), 2);
    assert!(state.steps().is_empty(), "told once");
    learn(&mut state, 0, Host::Failed);
    learn(&mut state, 1, Host::Failed);
    let counts = Counts {
        succeeded: 0,
        failed: 2,
        skipped: 2,
    };
    assert_eq!(state.steps(), [Step::End(JobOutcome::Cancelled, counts)]);
}

#[test]
fn nothing_is_asked_before_somebody_approved() {
    let mut started = job(2, 2, 0, 0);
    started.needs_approval = true;
    let mut state = State::new(started);
    state.resumed();
    assert!(state.steps().is_empty());
    state.approved();
    assert_eq!(asked(&state.steps()), ["h0", "h1"]);
}

/// What happens in the world between two looks of the runner.
#[derive(Debug, Clone, Copy)]
enum Happening {
    /// One of the running hosts ends.
    Ends(usize, bool),
    Pause,
    Resume,
    Cancel,
    /// The runner dies; a new one reads everything anew.
    Dies,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(n, ok)| Happening::Ends(n, ok)),
        1 => Just(Happening::Pause),
        1 => Just(Happening::Resume),
        1 => Just(Happening::Cancel),
        2 => Just(Happening::Dies),
    ]
}

proptest! {
    /// Any life: no host twice, never more at once than allowed, no further host after too many failures or a failed
    /// canary, and an end exactly when nothing runs and nothing will, with the right numbers.
    #[test]
    fn any_life_keeps_the_promises(
        hosts in 1usize..20,
        concurrency in 1u32..6,
        canary in 0u32..4,
        stop_after in 0u32..5,
        life in prop::collection::vec(happening(), 0..80),
    ) {
        let started = job(hosts, concurrency, canary, stop_after);
        let mut state = State::new(started.clone());
        let mut world: Vec<Host> = vec![Host::Waiting; hosts];
        let (mut paused, mut cancelled) = (false, false);
        let mut ended: Option<(JobOutcome, Counts)> = None;
        let place = |server: &ServerId| started.servers.iter().position(|s| s == server).unwrap();
        for happening in life.into_iter().chain((0..200).map(|n| match n {
            0 => Happening::Resume,
            n => Happening::Ends(n, true),
        })) {
            let failed = world.iter().filter(|h| **h == Host::Failed).count();
            let bad_canary = world.iter().take(canary as usize).any(|h| *h == Host::Failed);
            let unproved = world.iter().take(canary as usize).any(|h| *h != Host::Succeeded);
            for step in state.steps() {
                match step {
                    Step::Ask(server) => {
                        let n = place(&server);
                        prop_assert_eq!(world[n], Host::Waiting, "asked twice");
                        prop_assert!(!paused && !cancelled && ended.is_none());
                        prop_assert!(stop_after == 0 || failed < stop_after as usize);
                        prop_assert!(!bad_canary);
                        prop_assert!(!unproved || n < canary as usize);
                        world[n] = Host::Asked;
                        state.learnt(command(&state, &server), Host::Asked);
                    }
                    Step::Stop(server) => {
                        prop_assert!(cancelled);
                        prop_assert_eq!(world[place(&server)], Host::Asked);
                    }
                    Step::End(outcome, counts) => {
                        prop_assert!(!world.contains(&Host::Asked));
                        prop_assert!(ended.is_none_or(|end| end == (outcome, counts)));
                        ended = Some((outcome, counts));
                    }
                }
            }
            let running: Vec<usize> = (0..hosts).filter(|n| world[*n] == Host::Asked).collect();
            prop_assert!(running.len() <= concurrency as usize);
            if ended.is_some() {
                break;
            }
            match happening {
                Happening::Ends(n, ok) if !running.is_empty() => {
                    let n = running[n % running.len()];
                    world[n] = if ok { Host::Succeeded } else { Host::Failed };
                    learn(&mut state, n, world[n]);
                }
                Happening::Ends(..) => {}
                Happening::Pause => { state.paused(); paused = !cancelled; }
                Happening::Resume => { state.resumed(); paused = false; }
                Happening::Cancel => { state.cancelled(); cancelled = true; paused = false; }
                Happening::Dies => {
                    state = State::new(started.clone());
                    if paused { state.paused(); }
                    if cancelled { state.cancelled(); }
                    for (n, host) in world.iter().enumerate() {
                        learn(&mut state, n, *host);
                    }
                }
            }
        }
        let (outcome, counts) = ended.expect("every life ends");
        let count = |wanted| world.iter().filter(|h| **h == wanted).count() as u32;
        prop_assert_eq!(counts, Counts {
            succeeded: count(Host::Succeeded),
            failed: count(Host::Failed),
            skipped: count(Host::Waiting),
        });
        prop_assert!(outcome != JobOutcome::Completed || counts.skipped == 0);
    }

    /// Commands of one job differ from host to host, and from job to job.
    #[test]
    fn commands_of_different_hosts_are_different(hosts in 1usize..50) {
        let one = State::new(job(hosts, 1, 0, 0));
        let mut other = job(hosts, 1, 0, 0);
        other.job = JobId(Uuid::from_u128(8));
        let other = State::new(other);
        let all: BTreeSet<CommandId> =
            one.commands().chain(other.commands()).map(|(command, _)| command).collect();
        prop_assert_eq!(all.len(), 2 * hosts);
    }
}
