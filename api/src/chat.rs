//! What people can do from a chat: the same few verbs whatever chat it is, done as the person who is linked to it.
//!
//! | module | answers |
//! |---|---|
//! | [`words`] | what somebody wants who wrote this |
//! | [`act`] | what comes of it, in words |
//! | [`slack`] | whether a request is from the chat that it says it is from, and the first of its kind |
//! | [`link`] | who somebody in a chat is here |
//!
//! Nothing is decided here: each verb goes the way of the route that does the same, with the rights that the person has at
//! that moment, and what is refused is noted for the audit. The API has no state of it; when it dies in the middle, what was
//! stored stays stored, and the chat says that nobody answered.

pub mod act;
pub mod link;
pub mod slack;
pub mod words;
