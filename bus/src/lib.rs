//! The bus: everything this system says to NATS, and the only crate that knows the client library.
//!
//! | module | answers |
//! |---|---|
//! | [`mod@connect`] | how a process gets its connection, and what it does while there is none |
//! | [`stream`] | which streams exist |
//! | [`topology`] | how `nats/topology.toml` becomes streams: create or update, never delete |
//! | [`publish`] | how an event gets into a stream once, although the network may say nothing or say it twice |
//! | [`append`] | how a decision is added to an aggregate unless somebody else was first |
//! | [`read`] | the newest event of a subject, and ordered reading that never skips |
//! | [`projector`] | the consumer family that turns events into rows, exactly once |
//! | [`worker`] | the consumer family that acts on the world, at least once, and parks what it cannot do |
//!
//! # What is guaranteed
//! An `Ok` from a publish or append means that the stream holds the event. An `Err` of kind `Unknown` means that nobody
//! can say; repeating with the same id is always safe. The library's own `Ok` on a plain publish means nothing
//! (it buffers while disconnected), so plain publishing exists only for replies and live bytes.

#![warn(missing_docs)]

pub mod append;
pub mod cause;
pub mod connect;
pub mod projector;
pub mod publish;
pub mod read;
pub mod stream;
pub mod topology;
pub mod worker;

pub use append::AppendError;
pub use cause::Chain;
pub use connect::{
    Bus, ConnectError, ConnectOptions, Credentials, Link, Message, RequestError, Subscription,
    connect, connect_once,
};
pub use publish::{Pending, PublishError, Stored};
pub use read::{From, ReadError, Reader, Recorded, StreamInfo};
pub use stream::StreamName;
