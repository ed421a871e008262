//! Which entry an event becomes. One function, the same for the appender that writes the chain and for everybody who checks
//! it against the events; total over the catalogue, because the `match` has no rest.
//!
//! What it makes of an event never changes: entries lie in chains for ever, and a check derives them again. The files
//! `golden/audit/<type>.txt` hold it to that.

use std::net::IpAddr;

use super::{
    Hash,
    entry::{Content, Outcome, Source, clip},
    restore,
};
use crate::{
    catalogue::Payload,
    clock::Timestamp,
    codec::{self, DecodeError},
    envelope::Envelope,
    event::{alert::Cause, command::Outcome as Ended, job::JobOutcome, terminal::TerminalEnd},
    ids::ServerId,
    subject::SYSTEM,
};

/// Action of an entry about an event that nobody can read.
pub const UNREADABLE: &str = "audit.unreadable";

/// What an event means for the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derived {
    /// It becomes this.
    Entry(Content),
    /// It becomes nothing, for this reason.
    NotAudited(&'static str),
    /// A newer version of this program wrote it: whoever appends must wait for the upgrade, not skip.
    NeedsUpgrade(String),
}

/// An event as it lies in its stream.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Name of the stream.
    pub stream: &'a str,
    /// Position there.
    pub seq: u64,
    /// When it was stored.
    pub at: Timestamp,
    /// The encoded event.
    pub bytes: &'a [u8],
}

/// Decides about one event.
pub fn derive(stored: Stored<'_>) -> Derived {
    let event = match codec::decode_any(stored.bytes) {
        Ok(event) => event,
        Err(error @ (DecodeError::NewerVersion { .. } | DecodeError::UnknownType(_))) => {
            return Derived::NeedsUpgrade(error.to_string());
        }
        // It lies there and nobody can say what it is. That is worth an entry, too.
        Err(_) => {
            let about = format!("{}:{}", stored.stream, stored.seq);
            let line = Line::new(about, Outcome::Failed).actor("unknown");
            return Derived::Entry(line.into_content(stored, UNREADABLE, None));
        }
    };
    match line(&event) {
        Ok(line) => Derived::Entry(line.into_content(stored, &event.kind, Some(&event))),
        Err(reason) => Derived::NotAudited(reason),
    }
}

/// What is special about a type.
struct Line {
    target: String,
    outcome: Outcome,
    actor: Option<String>,
    address: Option<String>,
}

impl Line {
    fn new(target: String, outcome: Outcome) -> Self {
        Self {
            target,
            outcome,
            actor: None,
            address: None,
        }
    }

    fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    fn address(mut self, address: Option<&String>) -> Self {
        self.address = address.cloned();
        self
    }

    fn into_content(
        self,
        stored: Stored<'_>,
        action: &str,
        event: Option<&Envelope<Payload>>,
    ) -> Content {
        let named = event.and_then(|event| event.actor.clone());
        let from = event.and_then(|event| event.address.clone());
        Content {
            at: stored.at,
            actor: clip(&named.or(self.actor).unwrap_or_else(|| "unknown".to_owned())),
            action: clip(action),
            target: clip(&self.target),
            // Addresses only: a field that others fill must not become a place for texts.
            address: from
                .or(self.address)
                .and_then(|text| text.parse::<IpAddr>().ok())
                .map(|address| address.to_string()),
            outcome: self.outcome,
            source: Source {
                stream: clip(stored.stream),
                seq: stored.seq,
            },
            cause: event.and_then(|event| event.cause),
            digest: Hash::of(stored.bytes),
        }
    }
}

fn ok(kind: &str, id: impl std::fmt::Display) -> Result<Line, &'static str> {
    Ok(Line::new(format!("{kind}:{id}"), Outcome::Ok))
}

fn of(server: Option<&ServerId>) -> String {
    server.map_or_else(|| "server:".to_owned(), |server| format!("server:{server}"))
}

/// The line of an event, or why it has none. A new type does not compile until somebody decides here.
fn line(event: &Envelope<Payload>) -> Result<Line, &'static str> {
    let server = || of(event.server.as_ref());
    match &event.data {
        Payload::MetricsSample(_) => Err("a measurement, nobody's decision"),
        Payload::LogBatch(_) => Err("what programs on a host wrote, nobody's decision"),
        Payload::AgentHello(_) => Err("what a host says of itself, nobody's decision"),
        Payload::ContainerChanged(_) => Err("what happened on a host, nobody's decision"),
        Payload::AgentConnected(data) => Ok(Line::new(server(), Outcome::Ok)
            .actor(format!("key:{}", data.key))
            .address(data.address.as_ref())),
        Payload::AgentDisconnected(data) => Ok(Line::new(server(), Outcome::Ok)
            .actor("system")
            .address(data.address.as_ref())),
        Payload::AgentRefused(data) => Ok(Line::new(server(), Outcome::Denied)
            .actor(format!("key:{}", data.key))
            .address(data.address.as_ref())),
        Payload::NameClaimed(data) => ok("user", data.user),
        Payload::NameReleased(data) => ok("user", data.user),
        Payload::UserRegistered(data) => ok("user", data.user),
        Payload::UserProfileChanged(data) => ok("user", data.user),
        Payload::UserPasswordChanged(data) => ok("user", data.user),
        Payload::ServerRegistered(data) => ok("server", &data.server),
        Payload::ServerChanged(data) => ok("server", &data.server),
        Payload::ServerDeleted(data) => ok("server", &data.server),
        Payload::KeyIssued(data) => ok("key", &data.key),
        Payload::KeyRevoked(data) => ok("key", &data.key),
        Payload::KeyRetired(data) => ok("key", &data.key),
        Payload::EnrolmentOffered(data) => ok("server", &data.server),
        Payload::UserRoleChanged(data) => ok("user", data.user),
        Payload::UserDeactivated(data) => ok("user", data.user),
        Payload::UserReactivated(data) => ok("user", data.user),
        Payload::TeamCreated(data) => ok("team", data.team),
        Payload::TeamChanged(data) => ok("team", data.team),
        Payload::TeamDeleted(data) => ok("team", data.team),
        Payload::TeamMemberAdded(data) => ok("team", data.team),
        Payload::TeamMemberRemoved(data) => ok("team", data.team),
        Payload::GrantGiven(data) => ok("grant", data.grant),
        Payload::GrantRevoked(data) => ok("grant", data.grant),
        Payload::InvitationMade(data) => ok("invitation", data.invitation),
        Payload::InvitationRevoked(data) => ok("invitation", data.invitation),
        Payload::InvitationAccepted(data) => ok("invitation", data.invitation),
        Payload::SettingsChanged(_) => ok("settings", SYSTEM),
        Payload::SignedIn(data) => ok("session", data.session),
        Payload::SignInFailed(data) => {
            let target = match (&data.user, &data.name_digest) {
                (Some(user), _) => format!("user:{user}"),
                (None, Some(digest)) => format!("name:{digest}"),
                (None, None) => "name:".to_owned(),
            };
            Ok(Line::new(target, Outcome::Failed).actor("stranger"))
        }
        Payload::SignedOut(data) => ok("session", data.session),
        Payload::SessionEnded(data) => ok("session", data.session),
        Payload::AccessDenied(data) => Ok(Line::new(
            format!("{}:{}", data.target_kind, data.target),
            Outcome::Denied,
        )),
        Payload::Exported(data) => ok("export", &data.what),
        Payload::RestoreAccepted(data) => Ok(Line::new(restore::target(data), Outcome::Ok)),
        Payload::TokenIssued(data) => ok("token", &data.token),
        Payload::TokenRevoked(data) => ok("token", &data.token),
        Payload::SecondFactorEnabled(data) => ok("user", data.user),
        Payload::SecondFactorDisabled(data) => ok("user", data.user),
        Payload::RecoveryCodesMade(data) => ok("user", data.user),
        Payload::SessionsEnded(data) => ok("user", data.user),
        Payload::PasskeyAdded(data) => ok("passkey", &data.passkey),
        Payload::PasskeyRemoved(data) => ok("passkey", &data.passkey),
        Payload::IdentityLinked(data) => ok("user", data.user),
        Payload::IdentityUnlinked(data) => ok("user", data.user),
        Payload::CommandRequested(data) => ok("command", data.command),
        Payload::CommandApproved(data) => ok("command", data.command),
        Payload::CommandDelivered(data) => ok("command", data.command),
        Payload::CommandCancelRequested(data) => ok("command", data.command),
        Payload::CommandEnded(data) => {
            let outcome = match data.outcome {
                Ended::Finished if data.exit_code.is_none_or(|code| code == 0) => Outcome::Ok,
                Ended::Denied => Outcome::Denied,
                Ended::Finished
                | Ended::Failed
                | Ended::Cancelled
                | Ended::TimedOut
                | Ended::Expired
                | Ended::Unknown => Outcome::Failed,
            };
            Ok(Line::new(format!("command:{}", data.command), outcome))
        }
        Payload::TerminalOpened(data) => ok("terminal", data.session),
        Payload::TerminalClosed(data) => {
            let outcome = match data.reason {
                TerminalEnd::Refused | TerminalEnd::Failed => Outcome::Failed,
                TerminalEnd::Revoked => Outcome::Denied,
                TerminalEnd::Exited
                | TerminalEnd::Closed
                | TerminalEnd::Idle
                | TerminalEnd::Abandoned
                | TerminalEnd::AgentStopped
                | TerminalEnd::Unknown => Outcome::Ok,
            };
            Ok(Line::new(format!("terminal:{}", data.session), outcome))
        }
        Payload::TerminalRecordingErased(data) => ok("terminal", data.session),
        Payload::TerminalRecordingDecided(data) => match &data.server {
            Some(server) => ok("server", server),
            None => ok("settings", "terminal"),
        },
        Payload::JobStarted(data) => ok("job", data.job),
        Payload::JobApproved(data) => ok("job", data.job),
        Payload::JobPaused(data) => ok("job", data.job),
        Payload::JobResumed(data) => ok("job", data.job),
        Payload::JobCancelRequested(data) => ok("job", data.job),
        Payload::JobEnded(data) => {
            let outcome = match data.outcome {
                JobOutcome::Completed if data.failed == 0 => Outcome::Ok,
                JobOutcome::Denied => Outcome::Denied,
                JobOutcome::Completed | JobOutcome::Stopped | JobOutcome::Cancelled => {
                    Outcome::Failed
                }
            };
            Ok(Line::new(format!("job:{}", data.job), outcome))
        }
        Payload::ScriptSaved(data) => ok("script", data.script),
        Payload::ScriptDeleted(data) => ok("script", data.script),
        Payload::ScheduleSaved(data) => ok("schedule", data.schedule),
        Payload::ScheduleEnabled(data) => ok("schedule", data.schedule),
        Payload::ScheduleDisabled(data) => ok("schedule", data.schedule),
        Payload::ScheduleDeleted(data) => ok("schedule", data.schedule),
        Payload::ScheduleFired(data) => ok("schedule", data.schedule),
        Payload::RuleSaved(data) => ok("rule", data.rule),
        Payload::RuleDeleted(data) => ok("rule", data.rule),
        Payload::SilenceSaved(data) => ok("silence", data.silence),
        Payload::SilenceEnded(data) => ok("silence", data.silence),
        Payload::ChannelSaved(data) => ok("channel", data.channel),
        Payload::ChannelDeleted(data) => ok("channel", data.channel),
        Payload::AlertAcknowledged(data) => ok("alert", data.head.alert),
        Payload::AlertUnacknowledged(data) => ok("alert", data.head.alert),
        Payload::AlertResolved(data) if data.cause == Cause::ByHand => ok("alert", data.head.alert),
        Payload::AlertRaised(_) | Payload::AlertResolved(_) | Payload::AlertCleared(_) => {
            Err("what follows from readings and a rule, nobody's decision")
        }
        Payload::ToldAlert(_) => Err("what became of a message, nobody's decision"),
        Payload::ResultStarted(_) | Payload::ResultOutput(_) | Payload::ResultFinished(_) => {
            Err("what a host says of a command; its end is decided in the command's own events")
        }
    }
}
