//! Of log lines.

use chatops_schemas::{catalogue::Payload, clock::Timestamp, event::log::*};

use super::{Example, example};

pub(super) fn all() -> Vec<Example> {
    vec![example(
        LogBatch {
            source: "nginx".into(),
            kind: LogKind::File,
            lines: vec![LogLine {
                time: Timestamp::from_micros(1_770_000_000_023_456),
                level: LogLevel::Error,
                message: "upstream timed out\n  while reading".into(),
                fields: [("status".to_owned(), "504".to_owned())].into(),
                origin: Some("/var/log/nginx/error.log".into()),
                cut: Some(17),
            }],
            dropped: vec![Dropped {
                reason: DropReason::Rate,
                lines: 1200,
            }],
        },
        Payload::LogBatch,
    )]
}
