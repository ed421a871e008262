//! WebSockets for browsers.

pub mod fleet;
pub mod metrics;
