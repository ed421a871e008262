//! What is measured of ChatOps itself, one file per part of the report.

pub(super) mod agent;
pub(super) mod alerting;
pub(super) mod backtest;
pub(super) mod commands;
pub(super) mod containers;
pub(super) mod ingest;
pub(super) mod live;
pub(super) mod notified;
pub(super) mod queries;
pub(super) mod shipped;
pub(super) mod sockets;
pub(super) mod storage;
pub(super) mod terminal;
