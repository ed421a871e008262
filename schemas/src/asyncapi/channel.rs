//! The channels of the subject tree: what each carries, who writes it, and which stream keeps it.

use serde_json::Value;
use uuid::Uuid;

use super::schema_of;
use crate::{
    audit::head::Head,
    catalogue,
    ids::{AlertId, ChannelId, CommandId, KeyId, RuleId, ServerId},
    order::{Reply, SignedOrder, Verb},
    session, subject,
    subject::{Entity, Way},
    wire::WhoAmI,
};

/// Makes the schema of a message.
type Schema = fn() -> Value;

/// What a channel carries.
#[derive(Debug, Clone, Copy)]
pub enum Carries {
    /// Events whose type begins with one of these.
    Events(&'static [&'static str]),
    /// One kind of message, as MessagePack.
    Message(&'static str, Schema),
    /// One kind of message, as JSON, and events whose type begins with one of these.
    Json(&'static str, Schema, &'static [&'static str]),
    /// Bytes that have no schema; what they are.
    Bytes(&'static str, &'static str),
}

/// Who publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// A host.
    Agent,
    /// A part of the hub.
    Hub,
}

/// One shape of subject.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Name in the document.
    pub name: &'static str,
    /// One line.
    pub title: &'static str,
    /// The subject, with its variable tokens in braces.
    pub address: String,
    /// Name of the stream that keeps it, and the subject under which it is kept.
    pub stream: Option<(&'static str, String)>,
    /// Who publishes.
    pub writer: Writer,
    /// What.
    pub carries: Carries,
    /// What is answered to a request.
    pub reply: Option<(&'static str, Schema)>,
}

impl Channel {
    /// The event types on it.
    pub fn events(&self) -> impl Iterator<Item = &'static str> {
        let prefixes = match self.carries {
            Carries::Events(prefixes) | Carries::Json(_, _, prefixes) => prefixes,
            _ => &[],
        };
        catalogue::TYPES
            .iter()
            .map(|(kind, _)| *kind)
            .filter(|kind| prefixes.iter().any(|prefix| kind.starts_with(prefix)))
    }

    pub(super) const fn content_type(&self) -> &'static str {
        match self.carries {
            Carries::Message(..) => super::MSGPACK,
            _ => super::JSON,
        }
    }

    fn kept(mut self, stream: &'static str) -> Self {
        self.stream = Some((stream, self.address.clone()));
        self
    }

    fn kept_as(mut self, stream: &'static str, subject: &str) -> Self {
        self.stream = Some((stream, braced(subject)));
        self
    }

    fn answered(mut self, name: &'static str, schema: Schema) -> Self {
        self.reply = Some((name, schema));
        self
    }
}

/// What a variable part of an address means.
pub fn meaning(parameter: &str) -> &'static str {
    match parameter {
        "server" | "server_id" => "A server's id: letters, digits, `_`, `-`, at most 64.",
        "kind" => "What kind of fact or of event at the door.",
        "command" => "A command's id, a UUID.",
        "session" => "A session's id, a UUID.",
        "source" => "A source of log lines: letters, digits, `_`, `-`.",
        "rule" => "A rule's id.",
        "entity" => {
            "What it is: user, name, server, key, token, team, grant, invitation, settings, enrolment, …"
        }
        "id" => "The aggregate's id.",
        "key" => "An API key's id.",
        "partition" => "0 to 7, made of the server's id.",
        "consumer" => "Who could not handle it.",
        "stream" => "Where it came from.",
        "verb" => "`exec`, `cancel`, `ask` or `open`.",
        _ => "See the description.",
    }
}

// Ids that stand for "any": they are valid, so the functions of the subject tree take them, and they occur in no subject.
const SERVER: &str = "any-server";
const KEY: &str = "any-key";
const COMMAND: Uuid = Uuid::from_u128(0xc0de_0000_0000_4000_8000_0000_0000_c0de);
const WORDS: [(&str, &str); 12] = [
    (SERVER, "{server}"),
    (KEY, "{key}"),
    ("any-kind", "{kind}"),
    ("any-source", "{source}"),
    ("any-rule", "{rule}"),
    ("any-instance", "{instance}"),
    ("any-channel", "{channel}"),
    ("any-alert", "{alert}"),
    ("any-id", "{id}"),
    ("any-consumer", "{consumer}"),
    ("any-stream", "{stream}"),
    ("any-session", "{session}"),
];

fn braced(subject: &str) -> String {
    let subject = subject.replace(&CommandId(COMMAND).to_string(), "{command}");
    WORDS.iter().fold(subject, |subject, (word, braced)| {
        subject.replace(word, braced)
    })
}

fn channel(
    name: &'static str,
    title: &'static str,
    subject: &str,
    writer: Writer,
    carries: Carries,
) -> Channel {
    Channel {
        name,
        title,
        address: braced(subject),
        stream: None,
        writer,
        carries,
        reply: None,
    }
}

/// All of them.
pub fn channels() -> Vec<Channel> {
    use Carries::{Bytes, Events, Json, Message};
    use Writer::{Agent, Hub};

    let (Ok(server), Ok(key)) = (ServerId::parse(SERVER), KeyId::parse(KEY)) else {
        return Vec::new();
    };
    let command = CommandId(COMMAND);
    let session =
        |way| subject::io(&server, command, way).replace(&command.to_string(), "any-session");
    let stored_metrics = subject::metrics_stored(&server).replace('*', "{partition}");
    let control =
        subject::ctl(Entity::Server, "any-id").replace(Entity::Server.token(), "{entity}");
    let alerts =
        subject::alert(&server, RuleId(COMMAND), "").replace(&COMMAND.to_string(), "any-rule");
    let alerts = alerts.replace("host", "any-instance");
    let told = subject::told(ChannelId(COMMAND), AlertId(COMMAND));
    let told = told.replacen(&COMMAND.to_string(), "any-channel", 1);
    let told = told.replace(&COMMAND.to_string(), "any-alert");
    let rpc = subject::rpc(&server, Verb::Exec).replace(Verb::Exec.token(), "{verb}");
    vec![
        channel(
            "metrics",
            "Readings of a host",
            &subject::metrics(&server),
            Agent,
            Events(&["metrics."]),
        )
        .kept_as("OPS_METRICS", &stored_metrics),
        channel(
            "fact",
            "What a host is, what happened on it, when it came and went",
            &subject::fact(&server, "any-kind"),
            Agent,
            Events(&["agent.", "container."]),
        )
        .kept("OPS_FACT"),
        channel(
            "result",
            "What a host tells of a command",
            &subject::result(&server, command),
            Agent,
            Events(&["result."]),
        )
        .kept("OPS_RESULT"),
        channel(
            "log",
            "Log lines of opted-in sources",
            &subject::log(&server, "any-source"),
            Agent,
            Events(&["log."]),
        )
        .kept("OPS_LOG"),
        channel(
            "command",
            "The life of a command or of a terminal session",
            &subject::command(&server, command),
            Hub,
            Events(&["command.", "terminal."]),
        )
        .kept("OPS_CMD"),
        channel(
            "alert",
            "Alerts of a rule on a server or on one device of it",
            &alerts,
            Hub,
            Events(&["alert."]),
        )
        .kept("OPS_ALERT"),
        channel(
            "told",
            "Who was told of an alert, or why not",
            &told,
            Hub,
            Events(&["told."]),
        )
        .kept("OPS_ALERT"),
        channel(
            "control",
            "What people decided",
            &control,
            Hub,
            Events(CONTROL),
        )
        .kept("OPS_CTL"),
        channel(
            "access",
            "Who came in, who was turned away, who took data out",
            &subject::access("any-kind"),
            Hub,
            Events(&["access."]),
        )
        .kept("OPS_ACCESS"),
        channel(
            "audit",
            "The audit chain",
            subject::AUDIT,
            Hub,
            Bytes(
                "audit.entry",
                "An entry of the chain in its own encoding, with fixed field order: docs/audit.md.",
            ),
        )
        .kept("OPS_AUDIT"),
        channel(
            "audit_heads",
            "Signed heads of the audit chain, and restores that a person accepted",
            subject::AUDIT_HEADS,
            Hub,
            Json("audit.head", schema_of::<Head>, &["audit."]),
        )
        .kept("OPS_AUDIT_STH"),
        channel(
            "parked",
            "Messages that a consumer could not handle",
            &subject::dlq("any-consumer", "any-stream"),
            Hub,
            Bytes(
                "parked",
                "The message as it was; its headers say where it came from and why it was parked.",
            ),
        )
        .kept("OPS_DLQ"),
        channel(
            "request",
            "A host is asked for something",
            &rpc,
            Hub,
            Message("order", schema_of::<SignedOrder>),
        )
        .answered("order.reply", schema_of::<Reply>),
        channel(
            "session_out",
            "Output of a session",
            &session(Way::Out),
            Agent,
            Message("session.out", schema_of::<session::Out>),
        ),
        channel(
            "session_in",
            "What a person types",
            &session(Way::In),
            Hub,
            Bytes("session.in", "Bytes as they were typed."),
        ),
        channel(
            "session_control",
            "How a session goes on",
            &session(Way::Ctl),
            Hub,
            Message("session.control", schema_of::<session::Control>),
        ),
        channel(
            "whoami",
            "An agent asks which server it speaks for",
            &subject::whoami(&key),
            Agent,
            Bytes("whoami", "Empty."),
        )
        .answered("whoami.answer", schema_of::<WhoAmI>),
    ]
}

/// Everything that a person decides.
const CONTROL: &[&str] = &[
    "name.",
    "user.",
    "server.",
    "key.",
    "enrolment.",
    "team.",
    "grant.",
    "invitation.",
    "settings.",
    "token.",
    "passkey.",
    "script.",
    "schedule.",
    "job.",
    "rule.",
    "silence.",
    "channel.",
];
