//! Alerts: what is wrong now and was before, what people do about it, the rules that say so, and when nobody is told.
//!
//! An alert may be seen by whoever sees its server, and handled by whoever may handle alerts of it. A rule is its author's:
//! it watches the servers whose rules the author may change, and those who see everything see and change all of them.

pub mod handling;
pub mod list;
pub mod rules;
pub mod show;
pub mod silences;
pub mod starter;
pub mod thresholds;
pub mod trial;
pub mod wording;
