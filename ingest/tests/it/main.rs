//! The agents' edge against a real nats-server that asks it who may come in.

mod agent;
mod callout;
mod client;
mod dispatch;
mod executor;
mod ground;
mod herd;
mod hostile_sockets;
mod isolation;
mod malicious;
mod posted;
mod presence;
mod recorder;
mod signed;
mod sockets;
