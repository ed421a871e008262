//! Of commands, and of what hosts tell of them.

use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    event::{command::*, result::*},
    ids::CommandId,
    order::Program,
    session::Stream,
};

use super::{Example, command, example, session};

pub(super) fn all() -> Vec<Example> {
    vec![
        example(
            CommandRequested {
                command: command(),
                asked: Asked::Run {
                    program: Program::Shell("uptime && df -h /".into()),
                    cwd: Some("/var/tmp".into()),
                    env: vec!["DEPLOY_TOKEN".into()],
                    stdin_bytes: 12,
                    output_limit: 1 << 20,
                },
                not_after: Timestamp::from_micros(1_770_000_030_123_456),
                timeout_ms: 60_000,
                order: Some(vec![0x83, 0xa3, 0x6b, 0x65, 0x79]),
                needs_approval: true,
                job: Some(session()),
                repeats: Some(CommandId(session())),
            },
            Payload::CommandRequested,
        ),
        example(
            CommandApproved { command: command() },
            Payload::CommandApproved,
        ),
        example(
            CommandDelivered {
                command: command(),
                attempt: 2,
            },
            Payload::CommandDelivered,
        ),
        example(
            CommandCancelRequested {
                command: command(),
                order: None,
            },
            Payload::CommandCancelRequested,
        ),
        example(
            CommandEnded {
                command: command(),
                outcome: Outcome::Finished,
                exit_code: Some(2),
                signal: Some(9),
                message: Some("no such container: web".into()),
                started_at: Some(Timestamp::from_micros(1_770_000_000_223_456)),
                duration_ms: Some(812),
                stdout_bytes: 1234,
                stderr_bytes: 56,
                cut_bytes: 7,
            },
            Payload::CommandEnded,
        ),
        example(
            ResultStarted {
                command: command(),
                pid: Some(4242),
            },
            Payload::ResultStarted,
        ),
        example(
            ResultOutput {
                command: command(),
                n: 3,
                stream: Stream::Stderr,
                off: 4096,
                data: b"no such file\n".to_vec(),
            },
            Payload::ResultOutput,
        ),
        example(
            ResultFinished {
                command: command(),
                outcome: Outcome::TimedOut,
                exit_code: Some(1),
                signal: Some(15),
                message: Some("ended after 60 s".into()),
                started_at: Some(Timestamp::from_micros(1_770_000_000_223_456)),
                duration_ms: Some(60_000),
                pieces: 4,
                stdout_bytes: 1234,
                stderr_bytes: 56,
                cut_bytes: 7,
            },
            Payload::ResultFinished,
        ),
    ]
}
