//! The AsyncAPI 3.0 document: which messages travel where, for programs in any language. [`Document::nats`] describes the
//! subject tree; the API adds its sockets and commits the whole as `api/asyncapi.json`.
//!
//! Addresses are made by the functions of [`crate::subject`], payloads from the types themselves, and a test refuses an
//! event type that has no channel: the document cannot be forgotten when something is added.

pub mod channel;

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use self::channel::{Carries, Channel, Writer, channels};
use crate::catalogue;

/// How a frame or a message is written.
const JSON: &str = "application/json";
const MSGPACK: &str = "application/msgpack";
const BYTES: &str = "application/octet-stream";

/// Who may come in at a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// A signed-in person, or a personal token.
    Person,
    /// An agent with its key.
    Agent,
}

/// A WebSocket.
#[derive(Debug, Clone)]
pub struct Socket {
    /// Path, with its parameters in braces.
    pub path: &'static str,
    /// Name of the channel: letters, digits and underscores.
    pub name: String,
    /// One line.
    pub title: String,
    /// How the conversation goes.
    pub description: String,
    /// Who comes in.
    pub door: Door,
    /// The first frame without its credential.
    pub first: Value,
    /// What can be subscribed to.
    pub topics: &'static [&'static str],
    /// Frames of the client, by name.
    pub client: Vec<(&'static str, Value)>,
    /// Frames of the server, by name.
    pub server: Vec<(&'static str, Value)>,
}

/// A document in the making.
#[derive(Debug, Clone, Default)]
pub struct Document {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
}

/// The schema of a type.
pub fn schema_of<T: JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

impl Document {
    /// The subject tree.
    pub fn nats() -> Self {
        let mut document = Self::default();
        for (kind, ver, schema) in catalogue::schemas() {
            document.message(kind, MSGPACK, &format!("{kind}.v{ver}"), Some(schema));
            let message = &mut document.messages[kind];
            message["x-event"] = json!({"type": kind, "ver": ver});
            message["headers"] = json!({
                "type": "object",
                "properties": {"Nats-Msg-Id": {"type": "string", "description": "The envelope's id: the stream refuses a repetition."}},
                "required": ["Nats-Msg-Id"],
            });
        }
        for channel in channels() {
            document.subject(&channel);
        }
        document
    }

    fn subject(&mut self, channel: &Channel) {
        let names: Vec<String> = match channel.carries {
            Carries::Events(_) => channel.events().map(str::to_owned).collect(),
            Carries::Message(name, schema) => {
                self.message(name, MSGPACK, name, Some(schema()));
                vec![name.to_owned()]
            }
            Carries::Json(name, schema, _) => {
                self.message(name, JSON, name, Some(schema()));
                let events = channel.events().map(str::to_owned);
                std::iter::once(name.to_owned()).chain(events).collect()
            }
            Carries::Bytes(name, what) => {
                self.message(name, BYTES, name, None);
                self.messages[name]["description"] = json!(what);
                vec![name.to_owned()]
            }
        };
        let mut entry = channel_of(&channel.address, channel.title, &names, "nats");
        entry["bindings"] = json!({"nats": {}});
        if let Some((stream, stored)) = &channel.stream {
            entry["x-jetstream"] = json!({"stream": stream, "subject": stored});
        }
        self.channels.insert(channel.name.to_owned(), entry);
        let (publish, consume) = match channel.writer {
            Writer::Agent => ("receive", "An agent publishes, the hub receives."),
            Writer::Hub => ("send", "The hub publishes."),
        };
        let mut operation = operation_of(publish, channel.name, &names, consume);
        if let Some(reply) = channel.reply {
            let (name, schema) = reply;
            self.message(name, channel.content_type(), name, Some(schema()));
            let at = format!("{}_reply", channel.name);
            let names = [name.to_owned()];
            let mut entry = channel_of(
                "",
                "The answer, on the subject that the request names",
                &names,
                "nats",
            );
            entry["address"] = Value::Null;
            self.channels.insert(at.clone(), entry);
            operation["reply"] = json!({
                "address": {"location": "$message.header#/reply"},
                "channel": {"$ref": format!("#/channels/{at}")},
                "messages": [{"$ref": format!("#/channels/{at}/messages/{name}")}],
            });
        }
        self.operations
            .insert(format!("{publish}_{}", channel.name), operation);
    }

    /// Adds a socket.
    pub fn socket(&mut self, socket: &Socket) {
        let mut names = [Vec::new(), Vec::new()];
        for (side, frames) in [&socket.client, &socket.server].into_iter().enumerate() {
            for (frame, schema) in frames {
                let name = format!("{}.{frame}", socket.name);
                self.message(&name, JSON, &name, Some(schema.clone()));
                names[side].push(name);
            }
        }
        let [client, server] = names;
        let all = [client.as_slice(), server.as_slice()].concat();
        let mut entry = channel_of(socket.path, &socket.title, &all, "https");
        entry["description"] = json!(socket.description);
        entry["bindings"] = json!({"ws": {"method": "GET"}});
        entry["x-door"] = json!(match socket.door {
            Door::Person => "person",
            Door::Agent => "agent",
        });
        entry["x-first-frame"] = socket.first.clone();
        if !socket.topics.is_empty() {
            entry["x-topics"] = json!(socket.topics);
        }
        self.channels.insert(socket.name.clone(), entry);
        for (action, names, who) in [
            ("receive", client, "Frames of the client."),
            ("send", server, "Frames of the server."),
        ] {
            let operation = operation_of(action, &socket.name, &names, who);
            self.operations
                .insert(format!("{action}_{}", socket.name), operation);
        }
    }

    fn message(
        &mut self,
        name: &str,
        content_type: &str,
        schema_name: &str,
        schema: Option<Value>,
    ) {
        let mut message = json!({"name": name, "title": name, "contentType": content_type});
        if let Some(schema) = schema {
            self.schema(schema_name, schema);
            message["payload"] = json!({"$ref": format!("#/components/schemas/{schema_name}")});
        }
        self.messages.insert(name.to_owned(), message);
    }

    /// Files a schema; its own definitions become neighbours under its name, because a reference in it means the whole
    /// document here.
    fn schema(&mut self, name: &str, mut schema: Value) {
        let parts = schema.as_object_mut().and_then(|map| {
            map.remove("$schema");
            map.remove("$defs")
        });
        lead(&mut schema, name);
        self.schemas.insert(name.to_owned(), schema);
        let Some(Value::Object(parts)) = parts else {
            return;
        };
        for (part, mut schema) in parts {
            lead(&mut schema, name);
            self.schemas.insert(format!("{name}.{part}"), schema);
        }
    }

    /// The document.
    pub fn finish(self, version: &str) -> Value {
        let mut document = json!({
            "asyncapi": "3.0.0",
            "info": {
                "title": "ChatOps",
                "version": version,
                "description": "What travels on NATS and on WebSockets. Events are MessagePack maps with the fields of the envelope (`schemas/src/envelope.rs`); `x-jetstream` names the stream that keeps them and the subject under which it does. Subjects and event versions are stable: a field is only ever added.",
                "license": {"name": "MIT OR Apache-2.0"},
            },
            "defaultContentType": MSGPACK,
            "servers": {
                "nats": {"host": "localhost:4222", "protocol": "nats", "description": "The hub's NATS; agents use their API key's id and secret as user and password."},
                "https": {"host": "localhost:8443", "protocol": "wss", "description": "The hub's own port."},
            },
            "channels": self.channels,
            "operations": self.operations,
            "components": {"messages": self.messages, "schemas": self.schemas},
        });
        document.sort_all_objects();
        document
    }
}

fn channel_of(address: &str, title: &str, messages: &[String], server: &str) -> Value {
    let messages: Map<String, Value> = messages
        .iter()
        .map(|message| {
            let to = format!("#/components/messages/{message}");
            (message.clone(), json!({"$ref": to}))
        })
        .collect();
    let parameters: Map<String, Value> = address
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| {
            (
                name.to_owned(),
                json!({"description": channel::meaning(name)}),
            )
        })
        .collect();
    let mut entry = json!({
        "address": address,
        "title": title,
        "messages": messages,
        "servers": [{"$ref": format!("#/servers/{server}")}],
    });
    if !parameters.is_empty() {
        entry["parameters"] = Value::Object(parameters);
    }
    entry
}

fn operation_of(action: &str, channel: &str, messages: &[String], summary: &str) -> Value {
    let messages: Vec<Value> = messages
        .iter()
        .map(|message| json!({"$ref": format!("#/channels/{channel}/messages/{message}")}))
        .collect();
    json!({
        "action": action,
        "channel": {"$ref": format!("#/channels/{channel}")},
        "messages": messages,
        "summary": summary,
    })
}

/// Makes references to a schema's own definitions lead to where [`Document::schema`] files them.
fn lead(value: &mut Value, name: &str) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                let part = value.as_str().and_then(|to| to.strip_prefix("#/$defs/"));
                match part.map(str::to_owned) {
                    Some(part) if key == "$ref" => {
                        *value = json!(format!("#/components/schemas/{name}.{part}"));
                    }
                    _ => lead(value, name),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| lead(item, name)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_type_has_exactly_one_channel() {
        for (kind, _) in catalogue::TYPES {
            let found: Vec<_> = channels()
                .into_iter()
                .filter(|channel| channel.events().any(|name| name == *kind))
                .map(|channel| channel.name)
                .collect();
            assert_eq!(
                found.len(),
                1,
                "{kind} is in {found:?}: see asyncapi/channel.rs"
            );
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_none_leads_outside() {
        let document = Document::nats().finish("0");
        let text = document.to_string();
        assert!(!text.contains("$defs"));
        for reference in text.split("\"$ref\":\"").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            let pointer = pointer.strip_prefix('#').expect(pointer);
            assert!(document.pointer(pointer).is_some(), "{pointer} is missing");
        }
    }

    #[test]
    fn addresses_are_those_of_the_subject_tree() {
        let address = |name: &str| {
            let all = channels();
            all.iter()
                .find(|channel| channel.name == name)
                .unwrap()
                .address
                .clone()
        };
        assert_eq!(address("metrics"), "ops.v1.metrics.{server}");
        assert_eq!(address("result"), "ops.v1.result.{server}.{command}");
        assert_eq!(address("session_out"), "ops.v1.io.{server}.{session}.out");
        assert_eq!(address("whoami"), "ops.v1.whoami.{key}");
    }
}
