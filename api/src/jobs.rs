//! One operation on many hosts: what is decided when a job starts, what is done about it until it ends, and the schedules
//! that start jobs.
//!
//! | module | answers |
//! |---|---|
//! | [`state`] | what is to be done next for a job; pure |
//! | [`chatops_alerting::timetable`] | when a schedule runs; pure |
//! | [`start`] | which hosts are meant, and whether this person may |
//! | [`runner`] | carries jobs from host to host |
//! | [`scheduler`] | starts jobs when their moment has come |
//! | [`values`] | what a job was given that is no event's business |

pub mod runner;
pub mod scheduler;
pub mod start;
pub mod state;
pub mod values;

pub use runner::Runner;
pub use scheduler::Scheduler;
