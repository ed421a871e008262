//! One type per kind of id, so that a key can never be passed where a server is meant.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    event::people::{Granted, Grantee},
};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Length outside the allowed range.
    #[error("an id has 1 to {max} characters, this one has {len}")]
    Length {
        /// What was given.
        len: usize,
        /// What is allowed.
        max: usize,
    },
    /// A character that could change the meaning of a subject.
    #[error("an id holds only letters, digits, '_' and '-', not {0:?}")]
    Character(char),
    /// Not a UUID.
    #[error("not a UUID: {0}")]
    Uuid(String),
}

/// A server (monitored host). It becomes one token of a subject, so it is `[A-Za-z0-9_-]{1,64}` and nothing else:
/// no dot, no wildcard, no space can ever reach the subject tree through it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct ServerId(String);

/// Longest accepted [`ServerId`] and [`KeyId`].
pub const MAX_TOKEN: usize = 64;

fn check_token(text: &str) -> Result<(), IdError> {
    if text.is_empty() || text.len() > MAX_TOKEN {
        return Err(IdError::Length {
            len: text.len(),
            max: MAX_TOKEN,
        });
    }
    match text
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || *c == '_' || *c == '-'))
    {
        Some(c) => Err(IdError::Character(c)),
        None => Ok(()),
    }
}

/// An agent's API key, without its secret. Same alphabet as [`ServerId`]: it is the NATS user name and a subject token.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct KeyId(String);

/// A personal API token, without its secret.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct TokenId(String);

macro_rules! token_id {
    ($name:ident) => {
        impl $name {
            /// Parses and validates; the only way to make one.
            pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                check_token(&text)?;
                Ok(Self(text))
            }

            /// The text form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

token_id!(ServerId);
token_id!(KeyId);
token_id!(TokenId);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text).map(Self).map_err(|_| IdError::Uuid(text.chars().take(64).collect()))
            }
        }
    };
}

uuid_id!(
    /// One event, for ever. UUIDv7 when it starts a chain (unguessable: the streams remember ids to refuse duplicates,
    /// and a guessable id would let one agent suppress another's event), UUIDv5 when another event caused it.
    EventId
);
uuid_id!(
    /// A person.
    UserId
);
uuid_id!(
    /// Several persons.
    TeamId
);
uuid_id!(
    /// That something is shared with somebody: see [`GrantId::of`].
    GrantId
);
uuid_id!(
    /// A link by which somebody may make an account.
    InvitationId
);

uuid_id!(
    /// Something that one host is asked to do: a command, a question, a session.
    CommandId
);

uuid_id!(
    /// One operation on many hosts.
    JobId
);
uuid_id!(
    /// Something to run that is kept under a name.
    ScriptId
);
uuid_id!(
    /// A job that is started again and again.
    ScheduleId
);
uuid_id!(
    /// An alert rule.
    RuleId
);
uuid_id!(
    /// One alert, from when it was raised to when it was over: see [`AlertId::of`].
    AlertId
);
uuid_id!(
    /// A time in which nobody is told of alerts.
    SilenceId
);
uuid_id!(
    /// A way to tell people of alerts.
    ChannelId
);

impl AlertId {
    /// The alert that a rule raises because of one event: whoever evaluates that event again finds the same.
    pub fn of(rule: RuleId, server: &ServerId, device: &str, stream: &str, seq: u64) -> Self {
        let name = format!("{stream}:{seq} {server} {device}");
        Self(Uuid::new_v5(&rule.0, name.as_bytes()))
    }
}

impl CommandId {
    /// The command of a job on one of its hosts: whoever works it out works out the same.
    pub fn of_job(job: JobId, server: &ServerId) -> Self {
        Self(Uuid::new_v5(&job.0, format!("on {server}").as_bytes()))
    }
}

impl JobId {
    /// The job that a schedule starts at a planned moment: whoever starts it starts the same.
    pub fn of_schedule(schedule: ScheduleId, planned: Timestamp) -> Self {
        Self(Uuid::new_v5(
            &schedule.0,
            format!("at {}", planned.micros()).as_bytes(),
        ))
    }
}

impl GrantId {
    /// The one id of this pair: sharing the same with the same again changes the level, so that nothing is shared twice
    /// at two levels.
    pub fn of(to: &Grantee, on: &Granted) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x6f70_735f_7631_5f67_7261_6e74_5f69_6430);
        let to = match to {
            Grantee::User(user) => format!("user:{user}"),
            Grantee::Team(team) => format!("team:{team}"),
        };
        let on = match on {
            Granted::Server(server) => format!("server:{server}"),
            Granted::Tag(tag) => format!("tag:{tag}"),
        };
        Self(Uuid::new_v5(&NAMESPACE, format!("{to} {on}").as_bytes()))
    }
}

impl EventId {
    /// The id of an event that follows from stream position `seq` of `stream` by `rule`: the same cause always gives
    /// the same id, so a repeated derivation is recognised as a duplicate.
    pub fn derived(stream: &str, seq: u64, rule: &str) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x6f70_735f_7631_5f64_6572_6976_6564_2e30);
        Self(Uuid::new_v5(
            &NAMESPACE,
            format!("{stream}:{seq}:{rule}").as_bytes(),
        ))
    }
}

impl ServerId {
    /// Text form of a fresh UUID: what the server gives to a newly registered host.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid.simple().to_string())
    }
}
