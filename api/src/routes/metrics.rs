//! What a server measured.

pub mod history;
pub mod latest;
pub mod series;
pub(crate) mod time_text;
