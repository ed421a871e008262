//! For machines that watch this one, and for people who look things up.

pub mod asyncapi;
pub mod error_page;
pub mod health;
pub mod openapi;
pub mod prometheus;
pub mod ready;
