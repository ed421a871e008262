//! The HTTP side against a real nats-server and a real TimescaleDB, with the projectors running.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod accounts;
mod alerts;
mod app;
mod audit;
mod browser;
mod channels;
mod chat;
mod commands;
mod enrolment;
mod every_route_is_guarded;
mod host;
mod jobs;
mod keys;
mod live;
mod logs;
mod oidc;
mod openapi;
mod operations;
mod passkeys;
mod questions;
mod second_factor;
mod servers;
mod sessions;
mod sharing;
mod tokens;
mod witness;
