//! The subject tree `ops.v1.…`. Subjects are built and parsed here and nowhere else; every variable token is an id type
//! whose alphabet holds no dot and no wildcard.
//!
//! ```text
//! ops.v1.metrics.<server>            samples            stored as ops.v1.metrics.<partition>.<server>
//! ops.v1.fact.<server>.<kind>        hello, container, presence; `presence` is written by the gate alone
//! ops.v1.result.<server>.<command>   command results
//! ops.v1.log.<server>.<source>       log batches
//! ops.v1.cmd.<server>.<command>      command aggregate
//! ops.v1.alert.<server>.<rule>.<instance>  alerts of a rule on a server, or on one of its devices
//! ops.v1.told.<channel>.<alert>      who was told of an alert
//! ops.v1.ctl.<entity>.<id>           control aggregates
//! ops.v1.access.<kind>               who came in, who was turned away, who took data out
//! ops.v1.audit, ops.v1.auditsth      hash chain and signed heads
//! ops.v1.dlq.<consumer>.<stream>     parked messages
//! ops.v1.rpc.<server>.<verb>         requests to an agent
//! ops.v1.io.<server>.<session>.<way> terminal and log bytes
//! ops.v1.whoami.<key>                an agent asks the gate which server it is
//! ops.v1.gateways                    presence asks the gateways which sessions they hold
//! ```

use crate::{
    ids::{AlertId, ChannelId, CommandId, KeyId, RuleId, ServerId},
    order::Verb,
};

/// Partitions of the metrics stream. Changing it remaps every server: see ARCHITECTURE.md.
pub const PARTITIONS: u32 = 8;

/// Kind token of connection facts, which agents may not publish.
pub const PRESENCE: &str = "presence";
/// Kind token of [`AgentHello`](crate::event::fact::AgentHello).
pub const HELLO: &str = "hello";
/// Kind token of [`ContainerChanged`](crate::event::container::ContainerChanged).
pub const CONTAINER: &str = "container";

/// Every subject of [`whoami`].
pub const WHOAMI: &str = "ops.v1.whoami.*";
/// Asks every WebSocket gateway which sessions it holds.
pub const GATEWAYS: &str = "ops.v1.gateways";

/// Where entries of the audit chain go.
pub const AUDIT: &str = "ops.v1.audit";
/// Where signed heads of it go.
pub const AUDIT_HEADS: &str = "ops.v1.auditsth";

/// Entities that have control aggregates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entity {
    /// A person's account.
    User,
    /// A sign-in name; its id is the SHA-256 of the folded name, so that any text fits one token.
    Name,
    /// A monitored host.
    Server,
    /// An API key.
    Key,
    /// A personal API token.
    Token,
    /// Several persons.
    Team,
    /// Something that is shared with somebody.
    Grant,
    /// A link by which somebody may make an account.
    Invitation,
    /// Settings of the whole system; the one id is [`SYSTEM`].
    Settings,
    /// An offer to a host to become a server.
    Enrolment,
    /// One operation on many hosts.
    Job,
    /// Something to run that is kept under a name.
    Script,
    /// A job that is started again and again.
    Schedule,
    /// What people want to be told of.
    Rule,
    /// A time in which nobody is told.
    Silence,
    /// A way to tell people.
    Channel,
}

/// The only settings aggregate.
pub const SYSTEM: &str = "system";

impl Entity {
    /// Subject token.
    pub const fn token(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Name => "name",
            Self::Server => "server",
            Self::Key => "key",
            Self::Token => "token",
            Self::Team => "team",
            Self::Grant => "grant",
            Self::Invitation => "invitation",
            Self::Settings => "settings",
            Self::Enrolment => "enrolment",
            Self::Job => "job",
            Self::Script => "script",
            Self::Schedule => "schedule",
            Self::Rule => "rule",
            Self::Silence => "silence",
            Self::Channel => "channel",
        }
    }
}

/// Where an agent publishes samples.
pub fn metrics(server: &ServerId) -> String {
    format!("ops.v1.metrics.{server}")
}

/// The stored subjects of one partition.
pub fn metrics_partition(partition: u32) -> String {
    format!("ops.v1.metrics.{partition}.*")
}

/// The stored subject of one server, whichever its partition.
pub fn metrics_stored(server: &ServerId) -> String {
    format!("ops.v1.metrics.*.{server}")
}

/// A fact of a server.
pub fn fact(server: &ServerId, kind: &str) -> String {
    format!("ops.v1.fact.{server}.{kind}")
}

/// A control aggregate. `id` is an id type's text or a digest, never a person's text.
pub fn ctl(entity: Entity, id: &str) -> String {
    debug_assert!(
        !id.is_empty()
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    );
    format!("ops.v1.ctl.{}.{id}", entity.token())
}

/// All control aggregates of an entity.
pub fn ctl_every(entity: Entity) -> String {
    format!("ops.v1.ctl.{}.*", entity.token())
}

/// What was seen at the door, by kind: see [`crate::event::access`].
pub fn access(kind: &str) -> String {
    format!("ops.v1.access.{kind}")
}

/// One kind of fact of every server.
pub fn fact_every(kind: &str) -> String {
    format!("ops.v1.fact.*.{kind}")
}

/// The aggregate of a command.
pub fn command(server: &ServerId, command: CommandId) -> String {
    format!("ops.v1.cmd.{server}.{command}")
}

/// What a host tells of a command.
pub fn result(server: &ServerId, command: CommandId) -> String {
    format!("ops.v1.result.{server}.{command}")
}

/// Lines of every source of a server.
pub fn log_every(server: &ServerId) -> String {
    format!("ops.v1.log.{server}.*")
}

/// Lines of every source of every server.
pub const LOGS: &str = "ops.v1.log.>";

/// The source of a subject of [`log`].
pub fn log_source(subject: &str) -> Option<&str> {
    let (_, source) = subject.strip_prefix("ops.v1.log.")?.split_once('.')?;
    crate::event::log::is_source(source).then_some(source)
}

/// The server and the command of a subject of [`command`] or [`result`].
pub fn command_of(subject: &str) -> Option<(ServerId, CommandId)> {
    let rest = subject.strip_prefix("ops.v1.")?;
    let rest = rest
        .strip_prefix("cmd.")
        .or_else(|| rest.strip_prefix("result."))?;
    let (server, command) = rest.split_once('.')?;
    Some((ServerId::parse(server).ok()?, command.parse().ok()?))
}

/// Where a host is asked for something.
pub fn rpc(server: &ServerId, verb: Verb) -> String {
    format!("ops.v1.rpc.{server}.{}", verb.token())
}

/// What a host can be asked, on one subscription.
pub fn rpc_every(server: &ServerId) -> String {
    format!("ops.v1.rpc.{server}.*")
}

/// The verb of a subject of [`rpc`].
pub fn verb_of(subject: &str) -> Option<Verb> {
    Verb::parse(subject.strip_prefix("ops.v1.rpc.")?.split_once('.')?.1)
}

/// Which way bytes of a session go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// From the host: [`crate::session::Out`].
    Out,
    /// To the host: what a person types, as it is.
    In,
    /// To the host: [`crate::session::Control`].
    Ctl,
}

impl Way {
    /// Subject token.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::In => "in",
            Self::Ctl => "ctl",
        }
    }

    /// From a subject token.
    pub fn parse(token: &str) -> Option<Self> {
        [Self::Out, Self::In, Self::Ctl]
            .into_iter()
            .find(|way| way.token() == token)
    }
}

/// Bytes of one session.
pub fn io(server: &ServerId, session: CommandId, way: Way) -> String {
    format!("ops.v1.io.{server}.{session}.{}", way.token())
}

/// Where whoever serves a session's opener says so, for whoever served them before. Agents cannot be heard here.
pub fn attach(server: &ServerId, session: CommandId) -> String {
    format!("ops.v1.io.{server}.{session}.attach")
}

/// Bytes of every session of a server, one way.
pub fn io_every(server: &ServerId, way: Way) -> String {
    format!("ops.v1.io.{server}.*.{}", way.token())
}

/// The session and the way of a subject of [`io`].
pub fn session_of(subject: &str) -> Option<(CommandId, Way)> {
    let mut tokens = subject.strip_prefix("ops.v1.io.")?.split('.').skip(1);
    let session = tokens.next()?.parse().ok()?;
    let way = Way::parse(tokens.next()?)?;
    tokens.next().is_none().then_some((session, way))
}

/// A batch of log lines. `source` is a token such as an id: letters, digits, `_`, `-`.
pub fn log(server: &ServerId, source: &str) -> String {
    format!("ops.v1.log.{server}.{source}")
}

/// The aggregate of what a rule watches: a server, or one device of it (empty: the server itself).
///
/// Names of devices may hold anything, so the token is the beginning of their SHA-256; the events carry the name.
pub fn alert(server: &ServerId, rule: RuleId, device: &str) -> String {
    let instance = if device.is_empty() {
        "host".to_owned()
    } else {
        crate::audit::Hash::of(device.as_bytes()).to_string()[..32].to_owned()
    };
    format!("ops.v1.alert.{server}.{rule}.{instance}")
}

/// Alerts of every rule on every server.
pub const ALERTS: &str = "ops.v1.alert.*.*.*";

/// Alerts of every rule on one server.
pub fn alerts_of(server: &ServerId) -> String {
    format!("ops.v1.alert.{server}.*.*")
}

/// What became of telling of an alert through a channel.
pub fn told(channel: ChannelId, alert: AlertId) -> String {
    format!("ops.v1.told.{channel}.{alert}")
}

/// What became of telling of every alert through every channel.
pub const TOLD: &str = "ops.v1.told.*.*";

/// Where an agent asks which server it is.
pub fn whoami(key: &KeyId) -> String {
    format!("ops.v1.whoami.{key}")
}

/// The key that asks on a subject of [`whoami`].
pub fn key_of_whoami(subject: &str) -> Option<KeyId> {
    KeyId::parse(subject.strip_prefix("ops.v1.whoami.")?).ok()
}

/// Where parked messages are shown to people. Consumer and stream names are ours and hold no dot.
pub fn dlq(consumer: &str, stream: &str) -> String {
    format!("ops.v1.dlq.{consumer}.{stream}")
}

/// Permissions of an agent's connection, as subjects it may publish to.
pub fn agent_may_publish(server: &ServerId, key: &KeyId) -> Vec<String> {
    vec![
        metrics(server),
        format!("ops.v1.fact.{server}.*"),
        format!("ops.v1.result.{server}.*"),
        format!("ops.v1.log.{server}.*"),
        format!("ops.v1.io.{server}.*.out"),
        whoami(key),
    ]
}

/// Exceptions to [`agent_may_publish`].
pub fn agent_must_not_publish(server: &ServerId) -> Vec<String> {
    vec![fact(server, PRESENCE)]
}

/// Prefix of the reply subjects of an agent's connection: private to its key.
pub fn agent_inbox(key: &KeyId) -> String {
    format!("_INBOX_{key}")
}

/// Permissions of an agent's connection, as subjects it may subscribe to.
pub fn agent_may_subscribe(server: &ServerId, key: &KeyId) -> Vec<String> {
    vec![
        format!("{}.>", agent_inbox(key)),
        format!("ops.v1.rpc.{server}.>"),
        format!("ops.v1.io.{server}.*.in"),
        format!("ops.v1.io.{server}.*.ctl"),
    ]
}

/// The server token of a metrics or fact subject, published or stored; `None` when the subject is of another shape.
pub fn server_of(subject: &str) -> Option<ServerId> {
    let rest = subject.strip_prefix("ops.v1.")?;
    let mut tokens = rest.split('.');
    let server = match (tokens.next()?, tokens.next()?, tokens.next(), tokens.next()) {
        ("metrics", server, None, None) => server,
        ("metrics", partition, Some(server), None) if partition.parse::<u32>().is_ok() => server,
        ("fact" | "result" | "log" | "cmd", server, Some(_), None) => server,
        ("alert", server, Some(_), Some(_)) => server,
        _ => return None,
    };
    ServerId::parse(server).ok()
}
