//! The payloads, one file per area.

pub mod access;
pub mod alert;
pub mod audit;
pub mod channel;
pub mod command;
pub mod container;
pub mod credential;
pub mod ctl;
pub mod fact;
pub mod job;
pub mod log;
pub mod metric;
pub mod people;
pub mod result;
pub mod rule;
pub mod schedule;
pub mod script;
pub mod silence;
pub mod terminal;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A payload that may travel in an [`Envelope`](crate::envelope::Envelope).
pub trait Event:
    Serialize + DeserializeOwned + Clone + std::fmt::Debug + PartialEq + Send + Sync + 'static
{
    /// Name in the past tense or of the thing measured, `area.name`. Never reused for something else.
    const TYPE: &'static str;

    /// Version that this code writes.
    const VERSION: u16;

    /// One step from `from` to `from + 1`, as a pure function on the decoded map; `None` when `from` was never written.
    /// [`codec`](crate::codec) applies steps until the current version is reached.
    fn upcast(from: u16, data: Value) -> Option<Value> {
        let _ = (from, data);
        None
    }

    /// Rules a decoder cannot express: finite numbers, list lengths, text lengths. Checked on arrival.
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// A payload that decodes but says something impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Invalid {
    /// Path of the field, for example `fs[3].mount`.
    pub field: String,
    /// What is wrong with it and what is allowed.
    pub reason: String,
}

impl Invalid {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }
}

/// Checks a text's length in characters and that it holds no control character.
pub(crate) fn check_text(field: &str, text: &str, max: usize) -> Result<(), Invalid> {
    if text.chars().count() > max {
        return Err(Invalid::new(
            field,
            format!("has more than {max} characters"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::new(field, "holds a control character"));
    }
    Ok(())
}
