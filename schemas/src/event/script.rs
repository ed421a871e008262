//! A script: something to run that is kept under a name. One aggregate per script, `ops.v1.ctl.script.<script>` in OPS_CTL;
//! each change is a version, and a job says which one it ran.
//!
//! Parameters reach the program as environment variables and as nothing else: a value never becomes part of a line that a
//! shell reads, so that no value can be a command.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid, check_text, job::MAX_NAME};
use crate::{
    ids::ScriptId,
    order::operation::{MAX_COMMAND_BYTES, MAX_TIMEOUT_MS, Program},
};

/// Most parameters of a script.
pub const MAX_PARAMETERS: usize = 32;

/// What a value may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Any text of one line.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// One of these.
    Choice(Vec<String>),
    /// A text that is shown to nobody and is no part of any event.
    Secret,
}

/// Something that whoever runs the script fills in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parameter {
    /// Name of the environment variable.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What a value may be.
    pub kind: Kind,
    /// The value when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Whether a value must be there.
    #[serde(default)]
    pub required: bool,
}

impl Parameter {
    /// Whether this may be its value; the words say what is wrong.
    pub fn accepts(&self, value: &str) -> Result<(), String> {
        if value.contains('\0') || value.len() > 4096 {
            return Err("holds a NUL character or has more than 4,096 bytes".to_owned());
        }
        match &self.kind {
            Kind::Text if value.contains(['\n', '\r']) => Err("is more than one line".to_owned()),
            Kind::Number if value.parse::<i64>().is_err() => Err("is no whole number".to_owned()),
            Kind::Flag if !matches!(value, "true" | "false") => {
                Err("is neither true nor false".to_owned())
            }
            Kind::Choice(choices) if !choices.iter().any(|choice| choice == value) => {
                Err(format!("is none of {}", choices.join(", ")))
            }
            Kind::Text | Kind::Number | Kind::Flag | Kind::Choice(_) | Kind::Secret => Ok(()),
        }
    }

    fn validate(&self) -> Result<(), Invalid> {
        let field = || format!("parameters.{}", self.name);
        let mut letters = self.name.chars();
        let starts = letters
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !starts
            || !letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
            || self.name.len() > 64
        {
            return Err(Invalid::new(
                "parameters",
                "a name holds letters, digits and '_', begins with no digit and has at most 64 characters",
            ));
        }
        // The loader and the shell act on these before the script's first line does.
        let acts = ["PATH", "IFS", "ENV", "HOME", "SHELL", "BASH_ENV"].contains(&&*self.name)
            || self.name.starts_with("LD_");
        if acts {
            return Err(Invalid::new(
                field(),
                "this variable changes how programs are found and begun, it cannot be a parameter",
            ));
        }
        check_text(
            "parameters",
            self.description.as_deref().unwrap_or_default(),
            256,
        )?;
        if let Kind::Choice(choices) = &self.kind {
            if choices.is_empty() || choices.len() > 64 {
                return Err(Invalid::new(field(), "needs 1 to 64 choices"));
            }
            choices
                .iter()
                .try_for_each(|choice| check_text(&field(), choice, 256))?;
        }
        match &self.default {
            Some(_) if self.kind == Kind::Secret => Err(Invalid::new(
                field(),
                "a secret has no default: everybody could read it",
            )),
            Some(value) => self
                .accepts(value)
                .map_err(|why| Invalid::new(field(), format!("the default {why}"))),
            None => Ok(()),
        }
    }
}

/// A script was made or changed: all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScriptSaved {
    /// The script.
    pub script: ScriptId,
    /// Counts its versions, from 1.
    pub version: u32,
    /// For people.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is run.
    pub program: Program,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// What is to be filled in.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// Milliseconds that it may run on a host.
    pub timeout_ms: u64,
    /// Whether another person has to approve each run.
    #[serde(default)]
    pub needs_approval: bool,
}

impl Event for ScriptSaved {
    const TYPE: &'static str = "script.saved";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("name", &self.name, MAX_NAME)?;
        let description = self.description.as_deref().unwrap_or_default();
        check_text("description", &description.replace('\n', " "), 2048)?;
        if self.parameters.len() > MAX_PARAMETERS {
            return Err(Invalid::new(
                "parameters",
                format!("more than {MAX_PARAMETERS}"),
            ));
        }
        let mut names = HashSet::new();
        for parameter in &self.parameters {
            parameter.validate()?;
            if !names.insert(&parameter.name) {
                return Err(Invalid::new("parameters", "two have the same name"));
            }
        }
        if self.program.line().len() > 2 * MAX_COMMAND_BYTES {
            return Err(Invalid::new("program", "is too long"));
        }
        if !(1..=MAX_TIMEOUT_MS).contains(&self.timeout_ms) {
            return Err(Invalid::new("timeout_ms", "must be 1 to a day"));
        }
        Ok(())
    }
}

/// It is gone; jobs that ran it still say so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScriptDeleted {
    /// The script.
    pub script: ScriptId,
}

impl Event for ScriptDeleted {
    const TYPE: &'static str = "script.deleted";
    const VERSION: u16 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, kind: Kind) -> Parameter {
        Parameter {
            name: name.into(),
            description: None,
            kind,
            default: None,
            required: false,
        }
    }

    #[test]
    fn a_name_cannot_change_what_the_shell_does() {
        for name in [
            "PATH",
            "LD_PRELOAD",
            "BASH_ENV",
            "IFS",
            "1A",
            "",
            "A-B",
            "A B",
            "Ä",
        ] {
            assert!(parameter(name, Kind::Text).validate().is_err(), "{name}");
        }
        assert!(parameter("RELEASE_2", Kind::Text).validate().is_ok());
    }

    #[test]
    fn a_value_is_what_its_parameter_says() {
        let choice = Kind::Choice(vec!["blue".into(), "green".into()]);
        for (kind, good, bad) in [
            (Kind::Text, "$(reboot); `x`", "two\nlines"),
            (Kind::Number, "-12", "12 apples"),
            (Kind::Flag, "true", "yes"),
            (choice, "blue", "red"),
            (Kind::Secret, "any thing", "nul \0"),
        ] {
            let parameter = parameter("X", kind);
            assert!(parameter.accepts(good).is_ok(), "{parameter:?}");
            assert!(parameter.accepts(bad).is_err(), "{parameter:?}");
        }
        let mut secret = parameter("X", Kind::Secret);
        secret.default = Some("hunter2".into());
        assert!(secret.validate().is_err());
    }
}
