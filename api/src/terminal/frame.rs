//! Frames of `/api/v1/ws/terminal/{server_id}`.
//!
//! Text frames are JSON; binary frames are bytes of the terminal: to the host as they are, from the host behind eight bytes
//! that say, as a big-endian number, how many bytes of the session came before them.

use axum::extract::ws::Utf8Bytes;
use bytes::{BufMut, Bytes, BytesMut};
use chatops_schemas::{event::terminal::TerminalEnd, ids::CommandId};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// What a client says.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// First frame.
    Open(Open),
    /// Everything before this offset is on the screen.
    Ack {
        /// The offset.
        off: u64,
    },
    /// The window has another size.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// End the session.
    Close,
    /// Are you there?
    Ping,
}

/// What a terminal is opened with, or come back to.
#[derive(Deserialize, JsonSchema)]
pub struct Open {
    /// Access token, without cookies.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub token: Option<SecretString>,
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
    /// A shell in this container.
    #[serde(default)]
    pub container: Option<String>,
    /// This shell.
    #[serde(default)]
    pub shell: Option<String>,
    /// Come back to this session.
    #[serde(default)]
    pub session: Option<CommandId>,
    /// With the output from this offset on.
    #[serde(default)]
    pub from: u64,
}

/// What we say.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame<'a> {
    /// It is open.
    Opened {
        /// Its name, to come back to.
        session: CommandId,
        /// Whether it was open before.
        reattached: bool,
        /// Whether what it shows is recorded.
        recorded: bool,
        /// Seconds without input after which it ends.
        idle_s: u32,
        /// Seconds that it waits for its opener to come back.
        lease_s: u32,
        /// Most bytes that are sent beyond the last `ack`.
        window: u64,
    },
    /// Output up to this offset is gone for good.
    Lost {
        /// Where it goes on.
        up_to: u64,
    },
    /// The end; the socket closes.
    Ended {
        /// Why.
        reason: TerminalEnd,
        /// Exit code of the shell, if it ended by itself.
        exit_code: Option<i32>,
        /// In words.
        message: Option<&'a str>,
    },
    /// It cannot be opened; the socket closes.
    Error {
        /// Stable code, with a page under `/api/v1/errors`.
        code: &'static str,
        /// What it means.
        message: &'static str,
        /// What is special about this occurrence.
        detail: Option<&'a str>,
    },
    /// Answers `ping`.
    Pong,
}

impl ServerFrame<'_> {
    /// As text.
    pub fn text(&self) -> Utf8Bytes {
        // Our own plain structures always become JSON.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// Output as a binary frame.
pub fn output(off: u64, data: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(8 + data.len());
    frame.put_u64(off);
    frame.put_slice(data);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_names_its_place() {
        assert_eq!(
            output(258, b"hi").as_ref(),
            [0, 0, 0, 0, 0, 0, 1, 2, b'h', b'i']
        );
    }

    #[test]
    fn a_client_says_little() {
        let open = r#"{"type":"open","cols":80,"rows":24}"#;
        assert!(
            matches!(serde_json::from_str(open), Ok(ClientFrame::Open(open)) if open.from == 0 && open.session.is_none())
        );
        for bad in [
            r#"{"type":"open"}"#,
            r#"{"type":"open","cols":-1,"rows":1}"#,
            r#"{"type":"ack"}"#,
            "{}",
            "",
        ] {
            assert!(serde_json::from_str::<ClientFrame>(bad).is_err(), "{bad}");
        }
    }
}
