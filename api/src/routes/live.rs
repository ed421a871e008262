//! WebSockets for browsers.

pub mod container_logs;
pub mod fleet;
pub mod logs;
pub mod metrics;
pub mod terminal;
