//! The audit chain: what is in it, how it is hashed and signed, and how anybody can check it. Pure: the appender
//! (`audit/`), the projector, the API and `chatops audit verify` all use this and nothing else.
//!
//! | module | answers |
//! |---|---|
//! | [`entry`] | what an entry says and which bytes it is |
//! | [`mod@derive`] | which entry an event becomes: one function for all types, no exceptions |
//! | [`tree`] | how entries become one root (RFC 9162) |
//! | [`head`] | what is signed, and with what |
//! | [`restore`] | what a person accepted after a restore from a backup |
//! | [`verify`] | what is wrong with a chain, by name |
//!
//! # What the chain proves
//! Entry *n* holds the hash of entry *n − 1*, and a signed head holds the root over the first *n* entries. Whoever kept a
//! head outside can tell that entries 1 to *n* are the ones that were signed: none altered, none missing, none in another
//! place. Without a head outside nothing is proven against somebody who can write the streams and read the signing key.
//!
//! # What never enters it
//! Secrets and what people typed. Entries cannot be removed, so they hold ids, wire names, addresses and digests only.

pub mod derive;
pub mod entry;
mod hash;
pub mod head;
pub mod restore;
pub mod tree;
pub mod verify;

pub use derive::{Derived, derive};
pub use entry::{Content, Entry, Outcome, Source};
pub use hash::Hash;
pub use head::{Head, HeadKey};
pub use restore::Restore;
pub use tree::Frontier;
pub use verify::{Finding, Verdict, Verifier};
