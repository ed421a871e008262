//! Lines of logs: `GET /logs…`.

pub mod download;
pub mod entry;
pub mod filter;
pub mod histogram;
pub mod of_server;
pub mod search;
pub mod sources;
