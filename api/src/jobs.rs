//! One operation on many hosts: what is decided when a job starts, what is done about it until it ends, and the schedules
//! that start jobs.
//!
//! | module | answers |
//! |---|---|
//! | [`state`] | what is to be done next for a job; pure |
//! | [`timetable`] | when a schedule runs; pure |

pub mod state;
pub mod timetable;
