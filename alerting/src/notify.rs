//! Tells people: one message to one channel, once. Called by whoever keeps the list of what is to be told; it also decides
//! when to try again, from what [`SendError`] says.
//!
//! | module | answers |
//! |---|---|
//! | [`message`] | what is told, and the usual words for it |
//! | [`template`] | own words instead, within strict limits |
//! | [`guard`] | which addresses may be connected to |
//! | [`sender`] | how it is sent to each kind of channel |
//! | [`outcome`] | what came back, and whether trying again can help |
//!
//! Guarantees: a message carries its stable id to wherever it goes, so that a message sent twice can be seen as one. No
//! error, no answer and no `Debug` holds a secret. A connection is only made to an address that the guard has checked.
//! Nothing is kept between two messages but idle connections: when the process dies in the middle of a message, nobody
//! knows whether it arrived, and it is sent again under the same id.

pub mod guard;
mod markup;
pub mod message;
pub mod outcome;
mod secret;
pub mod sender;
pub mod template;

pub use message::Message;
pub use outcome::{Answer, SendError};
pub use secret::Secret;
pub use sender::Sender;
