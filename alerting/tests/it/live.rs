//! Rules at work on a real stream.

mod by_hand;
mod facts;
mod ground;
mod same;
mod tried;
