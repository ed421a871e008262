//! The agent as it ships: the built program, a real nats-server, a real WebSocket peer, real signals.

mod agent;
mod gateway;
mod nats;
mod readings;
mod server;
mod spool;
