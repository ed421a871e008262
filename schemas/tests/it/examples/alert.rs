//! Of alert rules, alerts and silences.

use chatops_schemas::{
    catalogue::Payload,
    channel::{Channel, Hours, MailTls, Receives, Target, Templates},
    clock::Timestamp,
    event::{alert::*, channel::*, metric::Process, rule::*, silence::*},
    ids::{AlertId, ChannelId, EventId, RuleId, SilenceId},
    rule::{Rule, Scope, Severity, Wording},
};
use uuid::Uuid;

use super::{Example, example, server};

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + n)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros((1_770_000_000 + second) * 1_000_000)
}

fn rule() -> Rule {
    let text = "(fs:*:share >= 95 clear 90 or fs:*:inodes_share >= 95) and avg(load1, 5m) > 0.5 for 5m keep 1m";
    let Wording {
        when,
        for_ms,
        keep_ms,
    } = Wording::parse(text).unwrap();
    Rule {
        name: "Disk almost full".into(),
        note: "Look for old releases in /srv.".into(),
        enabled: true,
        severity: Severity::Critical,
        scope: Scope::Tags(vec!["production".into()]),
        when,
        for_ms,
        keep_ms,
    }
}

fn head() -> Head {
    Head {
        alert: AlertId(id(0x20)),
        rule: RuleId(id(0x21)),
        rule_version: 3,
        name: "Disk almost full".into(),
        wording: "fs:*:share >= 95 clear 90 for 5m".into(),
        device: "/var".into(),
        severity: Severity::Critical,
        since: at(0),
        raised: at(300),
        source: "OPS_METRICS".into(),
        through: 123_456,
    }
}

fn values() -> Vec<Value> {
    vec![Value {
        series: "fs:*:share".into(),
        value: Some(95.5),
    }]
}

fn channel() -> Channel {
    Channel {
        name: "operations".into(),
        enabled: true,
        target: Target::Email {
            host: "mail.example.org".into(),
            port: 587,
            tls: MailTls::Starttls,
            from: "ChatOps <ops@example.org>".into(),
            to: vec!["ada@example.org".into()],
            user: Some("ops".into()),
        },
        receives: Receives {
            severity: Severity::Warning,
            scope: Scope::All,
            rules: vec![RuleId(id(0x21))],
            after_ms: 300_000,
            repeat_ms: 3_600_000,
            resolved: true,
            hours: Some(Hours {
                zone: "Europe/Berlin".into(),
                days: vec![1, 2, 3, 4, 5],
                from: 480,
                until: 1080,
            }),
        },
        templates: Templates {
            title: Some("{{ rule }}".into()),
            text: None,
        },
    }
}

pub(super) fn all() -> Vec<Example> {
    vec![
        example(
            RuleSaved {
                rule: RuleId(id(0x21)),
                version: 3,
                definition: rule(),
            },
            Payload::RuleSaved,
        ),
        example(
            RuleDeleted {
                rule: RuleId(id(0x21)),
            },
            Payload::RuleDeleted,
        ),
        example(
            SilenceSaved {
                silence: SilenceId(id(0x22)),
                reason: "kernel upgrade".into(),
                scope: Scope::Servers(vec![server()]),
                rules: vec![RuleId(id(0x21))],
                times: Times::Recurring {
                    cron: "0 3 * * 0".into(),
                    zone: "Europe/Berlin".into(),
                    stretch_ms: 3_600_000,
                    until: Some(at(86_400)),
                },
            },
            Payload::SilenceSaved,
        ),
        example(
            SilenceEnded {
                silence: SilenceId(id(0x22)),
            },
            Payload::SilenceEnded,
        ),
        example(
            AlertRaised {
                head: head(),
                values: values(),
                evidence: vec![Evidence {
                    at: at(295),
                    values: vec![None],
                }],
                processes: vec![Process {
                    pid: 42,
                    name: "postgres".into(),
                    user: Some("postgres".into()),
                    cpu: Some(99.5),
                    mem: Some(1 << 30),
                }],
                note: "Look for old releases in /srv.".into(),
                lines: vec!["no space left on device".into()],
            },
            Payload::AlertRaised,
        ),
        example(
            AlertAcknowledged {
                head: head(),
                note: "deleting old releases".into(),
            },
            Payload::AlertAcknowledged,
        ),
        example(
            AlertUnacknowledged { head: head() },
            Payload::AlertUnacknowledged,
        ),
        example(
            AlertResolved {
                head: head(),
                at: at(900),
                cause: Cause::ByHand,
                values: values(),
                note: "done".into(),
            },
            Payload::AlertResolved,
        ),
        example(AlertCleared { head: head() }, Payload::AlertCleared),
        example(
            ToldAlert {
                alert: AlertId(id(0x20)),
                rule: RuleId(id(0x21)),
                channel: ChannelId(id(0x23)),
                channel_name: "operations".into(),
                occasion: Occasion::Raised,
                number: 1,
                of: EventId(id(0x24)),
                attempts: 2,
                delivery: Delivery::Sent {
                    answer: "200 ok".into(),
                    took_ms: 48,
                },
            },
            Payload::ToldAlert,
        ),
        example(
            ChannelSaved {
                channel: ChannelId(id(0x23)),
                version: 2,
                definition: channel(),
                new_secret: true,
            },
            Payload::ChannelSaved,
        ),
        example(
            ChannelDeleted {
                channel: ChannelId(id(0x23)),
            },
            Payload::ChannelDeleted,
        ),
    ]
}
