//! Bytes of a WebSocket message or an HTTP body in, a frame out, and back. Pure.
//!
//! JSON in text frames, MessagePack maps in binary frames; the same shapes. The original agents are met where they
//! are: their sample, times without a zone, numbers of seconds.

mod wrapped;

use axum::extract::ws::Message;
use chatops_schemas::{
    clock::Timestamp,
    wire::{AgentFrame, MAX_FRAME_BYTES, MetricsData, ServerFrame},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::value;

/// How a peer writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Encoding {
    #[default]
    Json,
    Msgpack,
}

/// A frame, or a body, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejected {
    /// Stable code.
    pub(super) code: &'static str,
    /// What is wrong and what is allowed.
    pub(super) message: String,
    /// Id of the reading, where it could be read.
    pub(super) id: Option<Uuid>,
}

impl Rejected {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            id: None,
        }
    }

    fn malformed(message: impl Into<String>) -> Self {
        Self::new("malformed_frame", message)
    }
}

pub(super) const UNKNOWN_TYPE: &str = "unknown_type";
pub(super) const TOO_LARGE: &str = "frame_too_large";

/// Reads a frame.
pub(super) fn decode(encoding: Encoding, bytes: &[u8]) -> Result<AgentFrame, Rejected> {
    if encoding == Encoding::Msgpack
        && let Some(frame) = wrapped::decode(bytes)
    {
        return frame;
    }
    let mut map = object(encoding, bytes)?;
    let kind = match map.remove("type") {
        Some(Value::String(kind)) => kind,
        Some(_) => return Err(Rejected::malformed("field type: expected a text")),
        None => return Err(Rejected::malformed("field type is missing")),
    };
    match kind.as_str() {
        "auth" => Ok(AgentFrame::Auth {
            api_key: field(&mut map, "api_key")?,
            orders: optional(&mut map, "orders")?.unwrap_or(false),
        }),
        "hello" => field(&mut map, "data").map(|data| AgentFrame::Hello { data }),
        "metrics" => metrics(map),
        "command_response" => whole(map).map(AgentFrame::CommandResponse),
        "docker_response" => whole(map).map(AgentFrame::DockerResponse),
        "ping" => Ok(AgentFrame::Ping),
        "pong" => Ok(AgentFrame::Pong),
        other => Err(Rejected::new(
            UNKNOWN_TYPE,
            format!("unknown frame type {:?}", shortened(other)),
        )),
    }
}

/// Reads an HTTP body: a `metrics` frame with or without its `type`, or a bare sample.
pub(super) fn decode_posted(encoding: Encoding, bytes: &[u8]) -> Result<AgentFrame, Rejected> {
    let mut map = object(encoding, bytes)?;
    if map.contains_key("data") {
        return metrics(map);
    }
    let mut outer = Map::new();
    for name in ["id", "timestamp", "boot", "n"] {
        outer.extend(map.remove_entry(name));
    }
    outer.insert("data".into(), Value::Object(map));
    metrics(outer)
}

/// Writes a frame. In MessagePack ids are 16 bytes and times are microseconds, as in the events themselves.
pub(super) fn encode(encoding: Encoding, frame: &ServerFrame) -> Option<Message> {
    // Our own frames hold nothing that cannot be encoded.
    match encoding {
        Encoding::Json => serde_json::to_string(frame)
            .ok()
            .map(|text| Message::Text(text.into())),
        Encoding::Msgpack => rmp_serde::to_vec_named(frame)
            .ok()
            .map(|bytes| Message::Binary(bytes.into())),
    }
}

fn object(encoding: Encoding, bytes: &[u8]) -> Result<Map<String, Value>, Rejected> {
    if bytes.len() > MAX_FRAME_BYTES {
        return Err(Rejected::new(
            TOO_LARGE,
            format!(
                "{} bytes, at most {MAX_FRAME_BYTES} are accepted",
                bytes.len()
            ),
        ));
    }
    let value = match encoding {
        Encoding::Json => value::from_json(bytes),
        Encoding::Msgpack => value::from_msgpack(bytes),
    };
    match value.map_err(Rejected::malformed)? {
        Value::Object(map) => Ok(map),
        _ => Err(Rejected::malformed("expected a map")),
    }
}

fn metrics(mut map: Map<String, Value>) -> Result<AgentFrame, Rejected> {
    let id = optional::<Uuid>(&mut map, "id")?;
    let rest = (|| {
        Ok(AgentFrame::Metrics {
            id,
            timestamp: match map.remove("timestamp") {
                None | Some(Value::Null) => None,
                Some(value) => Some(moment(&value)?),
            },
            boot: optional(&mut map, "boot")?,
            n: optional(&mut map, "n")?,
            data: field::<MetricsData>(&mut map, "data")?,
        })
    })();
    rest.map_err(|rejected: Rejected| Rejected { id, ..rejected })
}

/// A frame without a `data` of its own. What went wrong is told without what was in it: output may hold anything.
fn whole<T: DeserializeOwned>(map: Map<String, Value>) -> Result<T, Rejected> {
    serde_json::from_value(Value::Object(map))
        .map_err(|_| Rejected::malformed("a field has a type that it must not have"))
}

fn field<T: DeserializeOwned>(
    map: &mut Map<String, Value>,
    name: &'static str,
) -> Result<T, Rejected> {
    let value = map
        .remove(name)
        .ok_or_else(|| Rejected::malformed(format!("field {name} is missing")))?;
    serde_json::from_value(value).map_err(|error| {
        // A parser's message repeats what it found; of a key nothing may be repeated.
        let detail = match name {
            "api_key" => "expected a text".to_owned(),
            _ => error.to_string(),
        };
        Rejected::malformed(format!("field {name}: {detail}"))
    })
}

fn optional<T: DeserializeOwned>(
    map: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<T>, Rejected> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => field(map, name).map(Some),
    }
}

/// RFC 3339 (UTC when it names no zone), or seconds, milliseconds or microseconds since 1970: between 1973 and 5138
/// their magnitudes do not overlap.
fn moment(value: &Value) -> Result<Timestamp, Rejected> {
    let read = match value {
        Value::String(text) => Timestamp::parse_rfc3339(text)
            .or_else(|_| Timestamp::parse_rfc3339(&format!("{}Z", text.replacen(' ', "T", 1))))
            .ok(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Some(match whole.unsigned_abs() {
                0..100_000_000_000 => Timestamp::from_millis(whole * 1000),
                100_000_000_000..100_000_000_000_000 => Timestamp::from_millis(whole),
                _ => Timestamp::from_micros(whole),
            }),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "saturates, and is then refused as out of range"
            )]
            (None, Some(seconds)) => Some(Timestamp::from_micros((seconds * 1e6) as i64)),
            (None, None) => None,
        },
        _ => None,
    };
    read.ok_or_else(|| {
        Rejected::malformed("field timestamp: expected RFC 3339 text or a number since 1970")
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
