//! The agent.
pub mod collect;
pub mod spool;
pub mod uplink;
