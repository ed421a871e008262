//! WebSockets for browsers.

pub mod fleet;
pub mod logs;
pub mod metrics;
