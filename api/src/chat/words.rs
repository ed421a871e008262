//! What somebody wants who wrote a line. Pure.

use chatops_schemas::rule::wording::{time_ms, time_text};

/// Longest silence from a chat: a week. Who wants a longer one says so in the app, where they see what it is about.
const LONGEST_MS: u64 = 7 * 86_400_000;

/// What can be said.
pub const HELP: &str = "\
`alerts` what is open\n\
`status web-01` how a server is\n\
`ack 3f9a2c [note]` you take care of an alert; `ack web-01` of all of a server\n\
`resolve 3f9a2c [note]` it is over, and does not come back before its condition was false\n\
`silence web-01 2h [why]` nobody is told of its alerts for a while; a rule's name does, too\n\
`run \"restart app\" on web-01` a saved script\n\
`link CODE` who you are: make a code in the app\n\
Names with spaces go in quotes.";

/// A line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// What can I say?
    Help,
    /// This is who I am.
    Link(String),
    /// What is open?
    Alerts,
    /// How is this server?
    Status(String),
    /// I take care of it.
    Acknowledge {
        /// The end of an alert's id, or a server.
        what: String,
        /// In their words.
        note: String,
    },
    /// It is over.
    Resolve {
        /// As in [`Words::Acknowledge`].
        what: String,
        /// In their words.
        note: String,
    },
    /// Tell nobody for a while.
    Silence {
        /// A server or a rule.
        what: String,
        /// For how long, in milliseconds.
        for_ms: u64,
        /// Why.
        reason: String,
    },
    /// Run a script.
    Run {
        /// Its name.
        script: String,
        /// Where.
        server: String,
    },
}

impl Words {
    /// Understands a line.
    ///
    /// # Errors
    /// What was expected, for whoever wrote it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut words = split(line)?.into_iter();
        let verb = words.next().unwrap_or_default();
        let mut next = |what: &str| {
            words
                .next()
                .ok_or_else(|| format!("`{verb}` needs {what}. Try `help`."))
        };
        match verb.to_lowercase().as_str() {
            "" | "help" => Ok(Self::Help),
            "link" => next("the code that the app shows").map(Self::Link),
            "alerts" => Ok(Self::Alerts),
            "status" => next("the name of a server").map(Self::Status),
            "ack" | "acknowledge" => Ok(Self::Acknowledge {
                what: next("an alert or the name of a server")?,
                note: rest(words),
            }),
            "resolve" => Ok(Self::Resolve {
                what: next("an alert or the name of a server")?,
                note: rest(words),
            }),
            "silence" => {
                let what = next("the name of a server or a rule")?;
                let time = next("a time such as 2h")?;
                let for_ms = time_ms(&time).filter(|ms| (60_000..=LONGEST_MS).contains(ms));
                let for_ms = for_ms.ok_or_else(|| {
                    format!(
                        "{time:?} is no time between a minute and {}. Try `silence {what} 2h`.",
                        time_text(LONGEST_MS)
                    )
                })?;
                Ok(Self::Silence {
                    what,
                    for_ms,
                    reason: rest(words),
                })
            }
            "run" => {
                let words: Vec<String> = words.collect();
                match words.as_slice() {
                    [script @ .., on, server] if on == "on" && !script.is_empty() => {
                        Ok(Self::Run {
                            script: script.join(" "),
                            server: server.clone(),
                        })
                    }
                    _ => Err("Say which script and where: `run \"restart app\" on web-01`.".into()),
                }
            }
            _ => Err(format!("I do not know {verb:?}. Try `help`.")),
        }
    }
}

fn rest(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

/// Words, and what stands in quotes as one. Chats make quotes curly.
fn split(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err("A quotation mark is never closed.".to_owned());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        let said = |line| Words::parse(line).unwrap();
        assert_eq!(said("  "), Words::Help);
        assert_eq!(said("ALERTS"), Words::Alerts);
        assert_eq!(said("status \"Web 01\""), Words::Status("Web 01".into()));
        assert_eq!(
            said("ack 3f9a2c I am on it"),
            Words::Acknowledge {
                what: "3f9a2c".into(),
                note: "I am on it".into()
            }
        );
        assert_eq!(
            said("silence web-01 1h30m new disks"),
            Words::Silence {
                what: "web-01".into(),
                for_ms: 5_400_000,
                reason: "new disks".into()
            }
        );
        for line in [
            "run \u{201c}restart app\u{201d} on web-01",
            "run restart app on web-01",
        ] {
            let run = Words::Run {
                script: "restart app".into(),
                server: "web-01".into(),
            };
            assert_eq!(said(line), run);
        }
    }

    #[test]
    fn what_is_missing_is_asked_for() {
        for (line, expected) in [
            ("status", "the name of a server"),
            ("silence web-01", "a time"),
            ("silence web-01 soon", "no time"),
            ("silence web-01 8d", "no time"),
            ("run x", "which script and where"),
            ("run on web-01", "which script and where"),
            ("link", "the code"),
            ("dance", "do not know"),
            ("status \"web", "never closed"),
        ] {
            let said = Words::parse(line).unwrap_err();
            assert!(said.contains(expected), "{line}: {said}");
        }
    }
}
