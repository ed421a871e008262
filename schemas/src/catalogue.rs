//! The closed list of event types. What is not in it is unknown: skipped and counted, never guessed at.

use serde_json::Value;

use crate::event::{
    Event, Invalid, access, alert, audit, channel, command, container, credential, ctl, fact, job,
    log, metric, people, result, rule, schedule, script, silence, terminal,
};

macro_rules! catalogue {
    ($($variant:ident($path:ty)),* $(,)?) => {
        /// Any payload of the current versions.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Payload {
            $(
                #[doc = concat!("[`", stringify!($path), "`].")]
                $variant($path),
            )*
        }

        /// Every known `(type, current version)`.
        pub const TYPES: &[(&str, u16)] = &[$((<$path as Event>::TYPE, <$path as Event>::VERSION)),*];

        impl Payload {
            pub(crate) fn decode(kind: &str, bytes: &[u8]) -> Option<Result<crate::envelope::Envelope<Self>, crate::codec::DecodeError>> {
                $(
                    if kind == <$path as Event>::TYPE {
                        return Some(crate::codec::decode::<$path>(bytes).map(|event| event.map(Self::$variant)));
                    }
                )*
                None
            }

            /// As JSON, for people and tools that read along.
            pub fn to_json(&self) -> Result<Value, serde_json::Error> {
                match self {
                    $(Self::$variant(data) => serde_json::to_value(data),)*
                }
            }

            /// Applies the payload's own [`Event::validate`].
            pub fn validate(&self) -> Result<(), Invalid> {
                match self {
                    $(Self::$variant(data) => data.validate(),)*
                }
            }
        }

        /// JSON Schemas of all payloads in their current version, with their type and version.
        pub fn schemas() -> Vec<(&'static str, u16, Value)> {
            vec![$((
                <$path as Event>::TYPE,
                <$path as Event>::VERSION,
                schemars::schema_for!(crate::envelope::Envelope<$path>).to_value(),
            )),*]
        }
    };
}

catalogue! {
    MetricsSample(metric::Sample),
    AgentHello(fact::AgentHello),
    AgentConnected(fact::AgentConnected),
    AgentDisconnected(fact::AgentDisconnected),
    AgentRefused(fact::AgentRefused),
    NameClaimed(ctl::NameClaimed),
    NameReleased(ctl::NameReleased),
    UserRegistered(ctl::UserRegistered),
    UserProfileChanged(ctl::UserProfileChanged),
    UserPasswordChanged(ctl::UserPasswordChanged),
    ServerRegistered(ctl::ServerRegistered),
    ServerChanged(ctl::ServerChanged),
    ServerDeleted(ctl::ServerDeleted),
    KeyIssued(ctl::KeyIssued),
    KeyRevoked(ctl::KeyRevoked),
    KeyRetired(ctl::KeyRetired),
    EnrolmentOffered(ctl::EnrolmentOffered),
    UserRoleChanged(people::UserRoleChanged),
    UserDeactivated(people::UserDeactivated),
    UserReactivated(people::UserReactivated),
    TeamCreated(people::TeamCreated),
    TeamChanged(people::TeamChanged),
    TeamDeleted(people::TeamDeleted),
    TeamMemberAdded(people::TeamMemberAdded),
    TeamMemberRemoved(people::TeamMemberRemoved),
    GrantGiven(people::GrantGiven),
    GrantRevoked(people::GrantRevoked),
    InvitationMade(people::InvitationMade),
    InvitationRevoked(people::InvitationRevoked),
    InvitationAccepted(people::InvitationAccepted),
    SettingsChanged(people::SettingsChanged),
    SignedIn(access::SignedIn),
    SignInFailed(access::SignInFailed),
    SignedOut(access::SignedOut),
    SessionEnded(access::SessionEnded),
    AccessDenied(access::AccessDenied),
    Exported(access::Exported),
    RestoreAccepted(audit::RestoreAccepted),
    TokenIssued(credential::TokenIssued),
    TokenRevoked(credential::TokenRevoked),
    SecondFactorEnabled(credential::SecondFactorEnabled),
    SecondFactorDisabled(credential::SecondFactorDisabled),
    RecoveryCodesMade(credential::RecoveryCodesMade),
    SessionsEnded(credential::SessionsEnded),
    PasskeyAdded(credential::PasskeyAdded),
    PasskeyRemoved(credential::PasskeyRemoved),
    IdentityLinked(credential::IdentityLinked),
    IdentityUnlinked(credential::IdentityUnlinked),
    CommandRequested(command::CommandRequested),
    CommandApproved(command::CommandApproved),
    CommandDelivered(command::CommandDelivered),
    CommandCancelRequested(command::CommandCancelRequested),
    CommandEnded(command::CommandEnded),
    ResultStarted(result::ResultStarted),
    ResultOutput(result::ResultOutput),
    ResultFinished(result::ResultFinished),
    TerminalOpened(terminal::TerminalOpened),
    TerminalClosed(terminal::TerminalClosed),
    TerminalRecordingErased(terminal::TerminalRecordingErased),
    TerminalRecordingDecided(terminal::TerminalRecordingDecided),
    LogBatch(log::LogBatch),
    JobStarted(job::JobStarted),
    JobApproved(job::JobApproved),
    JobPaused(job::JobPaused),
    JobResumed(job::JobResumed),
    JobCancelRequested(job::JobCancelRequested),
    JobEnded(job::JobEnded),
    ScriptSaved(script::ScriptSaved),
    ScriptDeleted(script::ScriptDeleted),
    ScheduleSaved(schedule::ScheduleSaved),
    ScheduleEnabled(schedule::ScheduleEnabled),
    ScheduleDisabled(schedule::ScheduleDisabled),
    ScheduleDeleted(schedule::ScheduleDeleted),
    ScheduleFired(schedule::ScheduleFired),
    ContainerChanged(container::ContainerChanged),
    RuleSaved(rule::RuleSaved),
    RuleDeleted(rule::RuleDeleted),
    SilenceSaved(silence::SilenceSaved),
    SilenceEnded(silence::SilenceEnded),
    AlertRaised(alert::AlertRaised),
    AlertAcknowledged(alert::AlertAcknowledged),
    AlertUnacknowledged(alert::AlertUnacknowledged),
    AlertResolved(alert::AlertResolved),
    AlertCleared(alert::AlertCleared),
    ToldAlert(alert::ToldAlert),
    ChannelSaved(channel::ChannelSaved),
    ChannelDeleted(channel::ChannelDeleted),
}
