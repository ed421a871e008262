//! What a server measured.

pub mod history;
pub mod latest;
pub mod series;
mod time_text;
