//! The bus against real nats-servers: the newest supported one, and the oldest where it matters.

mod append;
mod connect;
mod ground;
mod projector;
mod publish;
mod read;
mod topology;
mod worker;
