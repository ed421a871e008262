//! The AsyncAPI document: the subject tree of [`chatops_schemas::asyncapi`] and the sockets, committed as
//! `api/asyncapi.json`. The guarded walk takes its list of sockets and topics from it.
//!
//! A socket is a route of the OpenAPI document that answers 101. One that has no entry in [`described`] fails a test, so a
//! new socket cannot stay without a description, and therefore not without a line in the table of expectations.

use chatops_schemas::{
    asyncapi::{Document, Door, Socket, schema_of},
    wire::{AgentFrame, ServerFrame},
};
use serde_json::{Value, json};

use crate::{
    live::{command, container_logs, frame, job, one_server, tail, viewer, watched},
    terminal,
};

/// Topics of `ws/live`.
const TOPICS: [&str; 5] = [
    viewer::TOPICS[0],
    viewer::TOPICS[1],
    viewer::TOPICS[2],
    watched::TOPICS[0],
    watched::TOPICS[1],
];

/// What a socket says beyond what its route says.
struct Frames {
    path: &'static str,
    first: Value,
    topics: &'static [&'static str],
    client: Vec<(&'static str, Value)>,
    server: Vec<(&'static str, Value)>,
}

/// One entry per socket of the routes.
fn described() -> Vec<Frames> {
    vec![
        Frames {
            path: "/api/v1/ws/live",
            first: json!({"type": "hello"}),
            topics: &TOPICS,
            client: vec![("client", schema_of::<frame::ClientFrame>())],
            server: vec![
                ("server", schema_of::<frame::ServerFrame>()),
                ("batch", batch()),
                ("command", schema_of::<command::Frame<'_>>()),
                ("job", schema_of::<job::Frame<'_>>()),
            ],
        },
        Frames {
            path: "/api/v1/ws/metrics/{server_id}",
            first: json!({"type": "auth"}),
            topics: &[],
            client: vec![("client", schema_of::<one_server::ClientFrame>())],
            server: vec![
                ("server", schema_of::<one_server::ServerFrame<'_>>()),
                ("metrics", metrics()),
            ],
        },
        Frames {
            path: "/api/v1/ws/logs/{server_id}",
            first: json!({"type": "auth"}),
            topics: &[],
            client: vec![("client", schema_of::<tail::ClientFrame>())],
            server: vec![
                ("server", schema_of::<tail::ServerFrame<'_>>()),
                ("lines", lines()),
            ],
        },
        Frames {
            path: "/api/v1/ws/containers/{server_id}/{container}/logs",
            first: json!({"type": "auth"}),
            topics: &[],
            client: vec![("client", schema_of::<container_logs::ClientFrame>())],
            server: vec![("server", schema_of::<container_logs::ServerFrame<'_>>())],
        },
        Frames {
            path: "/api/v1/ws/terminal/{server_id}",
            first: json!({"type": "open", "cols": 80, "rows": 24}),
            topics: &[],
            client: vec![
                ("client", schema_of::<terminal::frame::ClientFrame>()),
                ("input", bytes("What is typed.")),
            ],
            server: vec![
                ("server", schema_of::<terminal::frame::ServerFrame<'_>>()),
                (
                    "output",
                    bytes("Eight bytes with the offset, the highest first, then output."),
                ),
            ],
        },
    ]
}

/// Batches are put together from JSON that was made once for everybody: see [`frame::batches`].
fn batch() -> Value {
    json!({
        "type": "object",
        "required": ["type", "seq", "items"],
        "properties": {
            "type": {"const": "batch"},
            "seq": {"type": "integer", "description": "Position: what to `resume` from."},
            "skipped": {"type": "integer", "description": "Items that were left out because this client is behind."},
            "items": {"type": "array", "items": {
                "type": "object",
                "required": ["k", "server"],
                "properties": {
                    "k": {"enum": ["row", "sample", "presence", "server", "alert"]},
                    "server": {"description": "Its id; of a server that was added or changed, the whole of it."},
                    "seq": {"type": "integer"},
                    "op": {"enum": [
                        "registered", "updated", "deleted",
                        "raised", "acknowledged", "unacknowledged", "resolved", "cleared", "told",
                    ]},
                    "alert": {"type": "string", "format": "uuid"},
                    "rule": {"type": "string", "format": "uuid"},
                    "open": {
                        "type": "object",
                        "description": "How many alerts are open on the server now: `open`, `unacknowledged`, `critical`, `warning`, `info`.",
                    },
                },
            }},
        },
    })
}

/// A binary frame.
fn bytes(description: &str) -> Value {
    json!({"type": "string", "format": "binary", "description": description})
}

fn metrics() -> Value {
    json!({
        "type": "object",
        "required": ["type", "seq", "timestamp", "data"],
        "properties": {
            "type": {"const": "metrics"},
            "seq": {"type": "integer", "description": "Position: what to `resume` from."},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"$ref": "#/components/schemas/metrics.sample.v1.Sample"},
            "skipped": {"type": "integer"},
        },
    })
}

fn lines() -> Value {
    json!({
        "type": "object",
        "required": ["type", "position", "lines"],
        "properties": {
            "type": {"const": "lines"},
            "position": {"type": "integer", "description": "What to `resume` from."},
            "lines": {"type": "array", "items": {"type": "object", "description": "As in `GET /api/v1/logs`."}},
            "dropped": {"type": "array", "items": {
                "type": "object",
                "required": ["reason", "lines"],
                "properties": {
                    "reason": {"enum": ["rate", "spool", "source"]},
                    "lines": {"type": "integer"},
                },
            }},
        },
    })
}

/// The socket of the agents' edge, which is no route of ours.
fn agents() -> Socket {
    Socket {
        path: "/api/v1/agents/ws",
        name: "agents_ws".to_owned(),
        title: "An agent that is let through by HTTPS only".to_owned(),
        description: "See docs/agent-protocol.md.".to_owned(),
        door: Door::Agent,
        first: json!({"type": "auth"}),
        topics: &[],
        client: vec![("agent", schema_of::<AgentFrame>())],
        server: vec![("server", schema_of::<ServerFrame>())],
    }
}

/// The document.
pub fn document() -> Value {
    let mut document = Document::nats();
    document.socket(&agents());
    let routes = serde_json::to_value(crate::openapi::document()).unwrap_or_default();
    for frames in described() {
        let route = &routes["paths"][frames.path]["get"];
        let text = |field: &str| route[field].as_str().unwrap_or_default().to_owned();
        document.socket(&Socket {
            path: frames.path,
            name: name_of(frames.path),
            title: text("summary"),
            description: text("description"),
            door: Door::Person,
            first: frames.first,
            topics: frames.topics,
            client: frames.client,
            server: frames.server,
        });
    }
    document.finish(crate::VERSION)
}

/// `/api/v1/ws/metrics/{server_id}` becomes `ws_metrics_server_id`.
fn name_of(path: &str) -> String {
    path.trim_start_matches("/api/v1/")
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("_")
}

/// The document as it is committed: pretty, with a newline at the end.
pub fn text() -> String {
    // Our own plain value always becomes JSON.
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_socket_of_the_routes_is_described() {
        let routes = serde_json::to_value(crate::openapi::document()).unwrap();
        let mut sockets: Vec<_> = routes["paths"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, item)| item["get"]["responses"].get("101").is_some())
            .map(|(path, _)| path.clone())
            .collect();
        let mut described: Vec<_> = described().iter().map(|one| one.path.to_owned()).collect();
        sockets.sort();
        described.sort();
        assert_eq!(described, sockets, "see asyncapi.rs");
    }
}
