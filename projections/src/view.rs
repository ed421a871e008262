//! Plain structs that readers get. Moments are [`Timestamp`](chatops_schemas::clock::Timestamp)s: RFC 3339 text in JSON.

mod alert;
mod audit;
mod channel;
mod command;
mod container;
mod credential;
mod history;
mod job;
mod key;
mod logs;
mod people;
mod presence;
mod progress;
mod row;
mod server;
mod terminal;
mod user;

pub use alert::{
    Alert, AlertCounts, AlertEnd, AlertEntry, AlertGround, AlertQuery, AlertRule, AlertRuleVersion,
    AlertSeen, AlertStep, GroundServer, RuleInForce, Silence,
};
pub use audit::{AuditChecked, AuditFound, AuditQuery, AuditRestored, AuditRow, AuditTold};
pub use channel::{Channel, ChannelSent, ChannelTold};
pub use command::{Command, CommandEnd, CommandQuery, OutputPiece};
pub use container::ContainerEvent;
pub use credential::{Ceremony, Passkey, Token, TokenBearer, Totp, Way, WayKind};
pub use history::{History, HistoryQuery, HistorySeries, Resolution, SeriesInfo};
pub use job::{Job, JobHost, JobQuery, JobState, Schedule, Script, ScriptVersionRow};
pub use key::{Key, KeyForGate, KeyState};
pub use logs::{
    LogBar, LogContext, LogPage, LogPlace, LogQuery, LogRow, LogSearchError, LogSource,
};
pub use people::{
    AccessFacts, Grant, GrantQuery, Invitation, InvitationState, Person, SystemSettings, Team,
    UserQuery,
};
pub use presence::{ConnectionEvent, OpenSession};
pub use progress::{ParkedEvent, Progress};
pub use row::RowMetrics;
pub use server::{AgentInfo, FleetQuery, FleetTotals, Owner, Registered, Server, ServerStatus};
pub use terminal::{
    TerminalPiece, TerminalPolicy, TerminalRecording, TerminalSession, TerminalShown,
};
pub use user::{Refresh, Rotation, Session, User};
