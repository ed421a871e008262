//! When is a measured value worth a person's attention, and how is the person told?
//!
//! The evaluation is a pure core: rules and readings in, changes out, no clock and no I/O, so that live evaluation and a trial
//! on stored history are the same code and cannot disagree. [`live`] and [`notifier`] read and write streams, [`notify`] talks
//! to the outside.
//!
//! | module | answers |
//! |---|---|
//! | [`watch`] | what one rule makes of the readings of one server |
//! | [`phase`] | when an instance is pending, firing and over |
//! | [`judge`] | whether a condition is true, false or cannot be said |
//! | [`readings`] | what a window of readings amounts to |
//! | [`trend`] | where a number is going, and how sure that is |
//! | [`notifier`] | who is told of an alert, when, and what became of it |
//! | [`notify`] | how a message gets to people |
//! | [`silence`] | whether a silence holds an alert back at a moment |
//! | [`timetable`] | when something that comes again and again is due, in a time zone |
//! | [`trial`] | when a rule would have fired, and how often it would have flapped |
//! | [`history`] | which stored readings a trial is given |
//! | [`live`] | the rules at work: streams in, alerts out, exactly once |
//!
//! # Time
//! Everything goes by the time at which the host took a reading, never by when it arrived. A reading that is older than the
//! newest one seen cannot change a phase any more; it still counts in windows that reach back to it. Of two readings with
//! the same time the first one counts.

#![warn(missing_docs)]

pub mod history;
pub mod judge;
pub mod live;
pub mod notifier;
pub mod notify;
pub mod phase;
pub mod readings;
pub mod silence;
pub mod timetable;
pub mod trend;
pub mod trial;
pub mod watch;
