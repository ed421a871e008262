//! The HTTP side against a real nats-server and a real TimescaleDB, with the inventory and presence projectors running.

mod openapi;
