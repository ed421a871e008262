//! The audit trail. Only those who may see everything may see it.

pub mod export;
pub(crate) mod filter;
pub mod list;
pub mod show;
pub mod verify;
