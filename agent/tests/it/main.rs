//! The agent as it ships: the built program, a real nats-server, a real WebSocket peer, real signals.

#![expect(
    clippy::unwrap_used,
    reason = "a panic in a test is the failure report"
)]

mod agent;
mod cli;
mod commands;
mod crashes;
mod gateway;
mod granting;
mod logs;
mod nats;
mod orders;
mod readings;
mod refusals;
mod server;
mod spool;
mod with_engine;
mod with_podman;
