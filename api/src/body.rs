//! Shapes of answers that several routes share. Shapes that one route uses alone live in its file.
//!
//! All of them are part of the public contract (`api/openapi.json`): fields are added, never changed in meaning.
//! Moments are RFC 3339 in UTC with milliseconds, sizes are bytes, percentages are 0–100 with one decimal.

pub mod alert;
pub mod audit;
pub mod command;
pub mod container;
pub mod host;
pub mod job;
pub mod key;
pub mod log;
pub mod moment;
pub mod people;
pub mod row;
pub mod server;
pub mod session;
pub mod silence;
pub mod token;
pub mod user;
