//! Rules for texts that people type, collected per field.

use crate::problem::{FieldError, Problem};

/// Collects refused fields.
#[derive(Debug, Default)]
pub(super) struct Check(Vec<FieldError>);

impl Check {
    pub(super) fn refuse(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError {
            field: field.into(),
            message: message.into(),
        });
    }

    /// Trims and checks a text for people; nothing is escaped here, because showing is the reader's business.
    pub(super) fn text(&mut self, field: &str, value: &str, max: usize) -> String {
        let value = value.trim();
        if value.is_empty() {
            self.refuse(field, "must not be empty");
        } else if value.chars().count() > max {
            self.refuse(field, format!("has more than {max} characters"));
        } else if value.chars().any(is_invisible) {
            self.refuse(field, "holds a control character");
        }
        value.to_owned()
    }

    /// Like [`Self::text`]; an empty text is none.
    pub(super) fn optional(
        &mut self,
        field: &str,
        value: Option<&str>,
        max: usize,
    ) -> Option<String> {
        let value = value.map(str::trim).filter(|value| !value.is_empty())?;
        Some(self.text(field, value, max))
    }

    pub(super) fn done<T>(self, value: T) -> Result<T, Problem> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(Problem::fields(self.0))
        }
    }
}

/// Control characters, and those that turn the direction of the text around them: with these one name can look like
/// another.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
