//! The audit chain: what is done to it is named.

mod chain;
mod derived;
mod tampering;
mod tree;
