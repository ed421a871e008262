//! Frames of the gateway, in and out. Pure.

use chatops_schemas::{
    clock::Timestamp,
    ids::{CommandId, ServerId},
    wire::{AgentFrame, ServerFrame},
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Codes that say that an event itself is wrong: sending it again would not help.
pub(super) const IS_FINAL: [&str; 6] = [
    "malformed_frame",
    "frame_too_large",
    "invalid_sample",
    "invalid_event",
    "timestamp_out_of_range",
    "unknown_type",
];

/// Encodes a frame as a MessagePack map.
pub(super) fn encode(frame: &AgentFrame) -> Result<Vec<u8>, String> {
    rmp_serde::to_vec_named(frame).map_err(|error| error.to_string())
}

/// Decodes a text frame.
pub(super) fn decode_text(text: &str) -> Result<ServerFrame, String> {
    serde_json::from_str(text).map_err(|error| unreadable(&error))
}

/// Decodes a binary frame. Kind and contents are read in two steps: a tagged type would have serde keep the contents in
/// between in a form that no longer knows that ids are bytes and times are numbers.
pub(super) fn decode(bytes: &[u8]) -> Result<ServerFrame, String> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        name: String,
    }
    #[derive(Deserialize)]
    struct AuthSuccess {
        server_id: ServerId,
        #[serde(default)]
        message: String,
        #[serde(default)]
        interval_ms: Option<u32>,
        server_time: Timestamp,
        #[serde(default)]
        orders: bool,
    }
    #[derive(Deserialize)]
    struct Received {
        id: Uuid,
        #[serde(default)]
        seq: u64,
    }
    #[derive(Deserialize)]
    struct Request {
        request: u64,
        verb: String,
        #[serde(with = "serde_bytes")]
        data: Vec<u8>,
    }
    #[derive(Deserialize)]
    struct Session {
        session: CommandId,
        way: String,
        #[serde(with = "serde_bytes")]
        data: Vec<u8>,
    }
    #[derive(Deserialize)]
    struct Error {
        code: String,
        #[serde(default)]
        message: String,
        #[serde(default)]
        id: Option<Uuid>,
    }
    Ok(match read::<Kind>(bytes)?.name.as_str() {
        "auth_success" => {
            let AuthSuccess {
                server_id,
                message,
                interval_ms,
                server_time,
                orders,
            } = read(bytes)?;
            ServerFrame::AuthSuccess {
                server_id,
                message,
                interval_ms,
                server_time,
                orders,
            }
        }
        "metrics_received" => {
            let Received { id, seq } = read(bytes)?;
            ServerFrame::MetricsReceived { id, seq }
        }
        "event_received" => {
            let Received { id, seq } = read(bytes)?;
            ServerFrame::EventReceived { id, seq }
        }
        "request" => {
            let Request {
                request,
                verb,
                data,
            } = read(bytes)?;
            ServerFrame::Request {
                request,
                verb,
                data,
            }
        }
        "session" => {
            let Session { session, way, data } = read(bytes)?;
            ServerFrame::Session { session, way, data }
        }
        "error" => {
            let Error { code, message, id } = read(bytes)?;
            ServerFrame::Error { code, message, id }
        }
        // A newer server may say things this agent has never heard of; like a pong they are a sign of life.
        "ping" => ServerFrame::Ping,
        _ => ServerFrame::Pong,
    })
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    rmp_serde::from_slice(bytes).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::fmt::Display) -> String {
    format!("the server sent a frame that cannot be read: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames() -> Vec<ServerFrame> {
        vec![
            ServerFrame::AuthSuccess {
                server_id: ServerId::parse("web-1").unwrap(),
                message: "welcome".into(),
                interval_ms: Some(5000),
                server_time: Timestamp::from_millis(1_700_000_000_123),
                orders: true,
            },
            ServerFrame::EventReceived {
                id: Uuid::from_u128(6),
                seq: 41,
            },
            ServerFrame::Request {
                request: 9,
                verb: "exec".into(),
                data: vec![0, 0xff],
            },
            ServerFrame::Session {
                session: CommandId(Uuid::from_u128(5)),
                way: "in".into(),
                data: vec![0xc1],
            },
            ServerFrame::MetricsReceived {
                id: Uuid::from_u128(7),
                seq: 42,
            },
            ServerFrame::Error {
                code: "x".into(),
                message: "y".into(),
                id: Some(Uuid::from_u128(8)),
            },
            ServerFrame::Error {
                code: "x".into(),
                message: "y".into(),
                id: None,
            },
            ServerFrame::Ping,
            ServerFrame::Pong,
        ]
    }

    #[test]
    fn every_frame_of_the_server_is_read_in_both_forms() {
        for frame in frames() {
            assert_eq!(
                decode(&rmp_serde::to_vec_named(&frame).unwrap()).unwrap(),
                frame
            );
            assert_eq!(
                decode_text(&serde_json::to_string(&frame).unwrap()).unwrap(),
                frame
            );
        }
    }

    #[test]
    fn a_frame_of_a_newer_server_is_a_sign_of_life() {
        let newer =
            rmp_serde::to_vec_named(&serde_json::json!({"type": "confetti", "amount": 3})).unwrap();
        assert_eq!(decode(&newer).unwrap(), ServerFrame::Pong);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
