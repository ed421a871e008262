//! Containers.

pub mod act;
