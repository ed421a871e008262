//! Terminals and their recordings.

use chatops_schemas::{
    clock::Timestamp,
    ids::{CommandId, ServerId, UserId},
};

/// A terminal that was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct TerminalSession {
    /// The session.
    pub session: CommandId,
    /// Where.
    pub server: ServerId,
    /// Who opened it.
    pub user: Option<UserId>,
    /// Their name.
    pub user_name: Option<String>,
    /// In this container instead of on the host.
    pub container: Option<String>,
    /// The shell that was asked for.
    pub shell: Option<String>,
    /// Whether it is or was recorded.
    pub recorded: bool,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it ended; `None`: it is open.
    pub closed_at: Option<Timestamp>,
    /// Why it ended.
    pub reason: Option<String>,
    /// Exit code of the shell, if it ended by itself.
    pub exit_code: Option<i32>,
    /// In words.
    pub message: Option<String>,
    /// Bytes that it wrote.
    pub output_bytes: u64,
    /// What was recorded of it and is still kept.
    pub recording: Option<TerminalRecording>,
    /// What a decision about it must expect.
    pub cmd_seq: u64,
}

/// What is recorded of a terminal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TerminalRecording {
    /// When it begins.
    pub started_at: Timestamp,
    /// Columns at the beginning.
    pub cols: u16,
    /// Rows at the beginning.
    pub rows: u16,
    /// Bytes kept.
    pub bytes: u64,
    /// Offset in the session's output up to which it is recorded.
    pub position: u64,
    /// Pieces kept.
    pub pieces: i32,
    /// Whether something is missing.
    pub cut: bool,
    /// How long it is.
    pub duration_ms: u64,
}

/// A piece of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalPiece {
    /// Counts from 0.
    pub n: i32,
    /// Milliseconds since the beginning.
    pub at_ms: u64,
    /// What.
    pub what: TerminalShown,
}

/// What a recording holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalShown {
    /// Output.
    Output(Vec<u8>),
    /// A new size.
    Size(u16, u16),
}

/// What was decided about recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TerminalPolicy {
    /// `None`: nothing was decided.
    pub recorded: Option<bool>,
    /// What another decision must expect.
    pub ctl_seq: u64,
}
