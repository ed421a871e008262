//! Read models against a real TimescaleDB and a real nats-server.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod alerts;
mod connections;
mod exactly_once;
mod fences;
mod ground;
mod logs;
mod migrations;
mod people;
mod reads;
mod rollups;
mod samples;
mod sharing;
mod vault;
