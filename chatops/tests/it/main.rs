//! The built binary on real servers, as a person runs it: ports of its own, a data directory of its own, nothing left
//! behind.
#![expect(
    clippy::unwrap_used,
    reason = "a panic is the failure report of a test"
)]

mod agent;
mod alerting;
mod apart;
mod audit;
mod commands;
mod crash;
mod enrol;
mod gateway;
mod http;
mod installation;
mod jobs;
mod kill;
mod logs;
mod notifier;
mod refusal;
mod rules;
mod secrets;
mod serve;
mod start;
mod terminal;
mod tls;
mod tls_files;
