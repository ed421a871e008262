//! Of terminals.

use chatops_schemas::{catalogue::Payload, event::terminal::*};

use super::{Example, command, example, server};

pub(super) fn all() -> Vec<Example> {
    vec![
        example(
            TerminalOpened {
                session: command(),
                container: Some("web".into()),
                shell: Some("/bin/bash".into()),
                recorded: true,
                idle_s: 3600,
                lease_s: 600,
            },
            Payload::TerminalOpened,
        ),
        example(
            TerminalClosed {
                session: command(),
                reason: TerminalEnd::Exited,
                exit_code: Some(130),
                message: Some("the shell ended".into()),
                output_bytes: 4096,
            },
            Payload::TerminalClosed,
        ),
        example(
            TerminalRecordingErased { session: command() },
            Payload::TerminalRecordingErased,
        ),
        example(
            TerminalRecordingDecided {
                server: Some(server()),
                recorded: Some(false),
            },
            Payload::TerminalRecordingDecided,
        ),
    ]
}
