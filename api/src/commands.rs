//! Commands, as this process meets them: asking for one, and hearing how it goes.
//!
//! | module | answers |
//! |---|---|
//! | [`ask`] | how a wish becomes `command.requested` |
//! | [`follower`] | the one reader of OPS_CMD and OPS_RESULT for everybody here who waits |
//! | [`wait`] | the end of a command, as soon as the stream has it |
//!
//! # When this process dies
//! Before the append, nothing was asked for (an order in the vault without an event is erased after three days). After it,
//! the command goes its way: dispatcher, host and stream know it; only the answer to the request is lost.

pub mod ask;
pub mod follower;
pub mod wait;
