//! Of jobs, scripts and schedules.

use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    event::{command::Asked, job::*, schedule::*, script::*},
    ids::{JobId, ScheduleId, ScriptId, ServerId},
    order::Program,
};
use uuid::Uuid;

use super::{Example, example, server, session};

fn job() -> JobId {
    JobId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0005))
}

fn script() -> ScriptId {
    ScriptId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0006))
}

fn schedule() -> ScheduleId {
    ScheduleId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0007))
}

fn plan() -> Plan {
    Plan {
        asked: Asked::Run {
            program: Program::Argv(vec!["/usr/local/bin/deploy".into(), "--all".into()]),
            cwd: Some("/srv".into()),
            env: vec!["RELEASE".into()],
            stdin_bytes: 0,
            output_limit: 1 << 20,
        },
        timeout_ms: 600_000,
        valid_ms: 60_000,
        concurrency: 10,
        canary: 2,
        stop_after: 3,
        script: Some(ScriptVersion {
            script: script(),
            version: 4,
        }),
        sealed: true,
    }
}

pub(super) fn all() -> Vec<Example> {
    vec![
        example(
            JobStarted {
                job: job(),
                name: Some("weekly upgrade".into()),
                plan: plan(),
                chosen: Chosen::Tag("edge".into()),
                servers: vec![server(), ServerId::parse("web-02").unwrap()],
                needs_approval: true,
                schedule: Some(schedule()),
                retries: Some(JobId(session())),
            },
            Payload::JobStarted,
        ),
        example(JobApproved { job: job() }, Payload::JobApproved),
        example(JobPaused { job: job() }, Payload::JobPaused),
        example(JobResumed { job: job() }, Payload::JobResumed),
        example(
            JobCancelRequested { job: job() },
            Payload::JobCancelRequested,
        ),
        example(
            JobEnded {
                job: job(),
                outcome: JobOutcome::Stopped,
                succeeded: 5,
                failed: 3,
                skipped: 12,
                message: Some("nobody approved it in time".into()),
            },
            Payload::JobEnded,
        ),
        example(
            ScriptSaved {
                script: script(),
                version: 4,
                name: "deploy".into(),
                description: Some("Rolls a release out.".into()),
                program: Program::Shell("deploy --to \"$RELEASE\"".into()),
                cwd: Some("/srv".into()),
                parameters: vec![
                    Parameter {
                        name: "RELEASE".into(),
                        description: Some("Which one".into()),
                        kind: Kind::Choice(vec!["stable".into(), "next".into()]),
                        default: Some("stable".into()),
                        required: true,
                    },
                    Parameter {
                        name: "TOKEN".into(),
                        description: None,
                        kind: Kind::Secret,
                        default: None,
                        required: false,
                    },
                ],
                timeout_ms: 600_000,
                needs_approval: true,
            },
            Payload::ScriptSaved,
        ),
        example(ScriptDeleted { script: script() }, Payload::ScriptDeleted),
        example(
            ScheduleSaved {
                schedule: schedule(),
                name: "nightly".into(),
                cron: "30 2 * * 1-5".into(),
                zone: "Europe/Berlin".into(),
                missed: Missed::RunAll(3),
                plan: plan(),
                chosen: Chosen::Ids,
                servers: vec![server()],
            },
            Payload::ScheduleSaved,
        ),
        example(
            ScheduleEnabled {
                schedule: schedule(),
            },
            Payload::ScheduleEnabled,
        ),
        example(
            ScheduleDisabled {
                schedule: schedule(),
                reason: Some("whoever saved it may not run this any more".into()),
            },
            Payload::ScheduleDisabled,
        ),
        example(
            ScheduleDeleted {
                schedule: schedule(),
            },
            Payload::ScheduleDeleted,
        ),
        example(
            ScheduleFired {
                schedule: schedule(),
                planned: Timestamp::from_micros(1_770_000_060_000_000),
                job: Some(job()),
                reason: Some("made up for 2 more".into()),
            },
            Payload::ScheduleFired,
        ),
    ]
}
