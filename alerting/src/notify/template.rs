//! Own words for messages: templates in the syntax of Jinja, as far as [`language`] allows. Called before a channel is
//! stored ([`validate`], [`preview`]) and by [`sender`](super::sender) for each message.
//!
//! Guarantees: a template ends, and takes little: its size, its steps and what it writes are bounded, and nothing in the
//! language can build a value larger than those it is given. It reads the message and nothing else. What comes from the
//! message is escaped for where it goes; what the template's author wrote is not, so that it can hold markup. A template
//! that fails never keeps a message back: the usual words are sent instead, and the answer says so.

mod language;

use std::io;

use chatops_schemas::{
    channel::{MAX_TEMPLATE, Target, Templates},
    clock::Timestamp,
    rule::Severity,
};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior,
    value::{Serde, Value, ValueKind},
};
use serde::Serialize;

use super::{
    markup::{Dialect, cut},
    message::{self, Kind, Message, Part},
};

/// Steps that a template may take.
const FUEL: u64 = 50_000;
/// Characters of a title; with markup, twice as many fit everywhere.
const MAX_TITLE: usize = 120;
/// Bytes that a template may write.
const MAX_OUTPUT: usize = 16 * 1024;

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", .line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct TemplateError {
    /// Where, counted from 1, if it is about a place.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
}

impl TemplateError {
    fn new(problem: impl Into<String>) -> Self {
        Self {
            line: None,
            problem: problem.into(),
        }
    }
}

impl From<Error> for TemplateError {
    fn from(error: Error) -> Self {
        let problem = match error.kind() {
            ErrorKind::OutOfFuel => "it takes too many steps".to_owned(),
            ErrorKind::WriteFailure => format!("it writes more than {MAX_OUTPUT} bytes"),
            ErrorKind::UndefinedError => "there is no such field".to_owned(),
            kind => error
                .detail()
                .map_or_else(|| kind.to_string(), str::to_owned),
        };
        Self {
            line: error.line(),
            problem,
        }
    }
}

/// A message in words, ready for where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub title: String,
    /// The rest.
    pub text: String,
}

/// What a template can name.
#[derive(Serialize)]
struct Fields<'a> {
    kind: Kind,
    severity: Severity,
    rule: &'a str,
    wording: &'a str,
    server: &'a str,
    device: Option<&'a str>,
    values: &'a [message::Value],
    since: String,
    at: String,
    lasted: String,
    note: &'a str,
    link: Option<&'a str>,
    id: &'a str,
    title: String,
    text: String,
    grouped: Vec<PartFields<'a>>,
}

#[derive(Serialize)]
struct PartFields<'a> {
    kind: Kind,
    severity: Severity,
    rule: &'a str,
    server: &'a str,
    device: Option<&'a str>,
    values: &'a [message::Value],
    since: String,
    link: Option<&'a str>,
}

impl<'a> PartFields<'a> {
    fn of(part: &'a Part) -> Self {
        Self {
            kind: part.kind,
            severity: part.severity,
            rule: &part.rule,
            server: &part.server,
            device: part.device.as_deref(),
            values: told(&part.values),
            since: message::minute(part.since),
            link: part.link.as_deref(),
        }
    }
}

impl<'a> Fields<'a> {
    fn of(message: &'a Message) -> Self {
        let told_parts = message.grouped.iter().take(message::MAX_GROUPED);
        Self {
            kind: message.kind,
            severity: message.severity,
            rule: &message.rule,
            wording: &message.wording,
            server: &message.server,
            device: message.device.as_deref(),
            values: told(&message.values),
            since: message::minute(message.since),
            at: message::minute(message.at),
            lasted: message::span(message.at.micros_since(message.since)),
            note: message.note.trim(),
            link: message.link.as_deref(),
            id: &message.id,
            title: message.title(),
            text: message.text(),
            grouped: told_parts.map(PartFields::of).collect(),
        }
    }
}

fn told(values: &[message::Value]) -> &[message::Value] {
    &values[..values.len().min(message::MAX_VALUES)]
}

/// Whether this can be a template: it says what is allowed, and works for every kind of message.
///
/// # Errors
/// What is wrong with it, and in which line.
pub fn validate(template: &str) -> Result<(), TemplateError> {
    Kinds::all().try_for_each(|message| render(template, &message, Dialect::Plain).map(|_| ()))
}

/// What a channel with these templates would be told about an alert that has been made up.
///
/// # Errors
/// What is wrong with a template.
pub fn preview(templates: &Templates, target: &Target) -> Result<Words, TemplateError> {
    for template in [&templates.title, &templates.text].into_iter().flatten() {
        validate(template)?;
    }
    let (words, problem) = words(
        &example(Kind::Raised),
        templates,
        dialect(target),
        most(target),
    );
    problem.map_or(Ok(words), Err)
}

/// The markup that templates of this channel are written in.
pub(super) const fn dialect(target: &Target) -> Dialect {
    match target {
        Target::Slack {} => Dialect::Slack,
        Target::Discord {} => Dialect::Discord,
        Target::Telegram { .. } => Dialect::Html,
        Target::Webhook { .. } | Target::Teams {} | Target::Ntfy { .. } | Target::Email { .. } => {
            Dialect::Plain
        }
    }
}

/// Characters of a text that this channel shows well, and twice as many in the worst case.
pub(super) const fn most(target: &Target) -> usize {
    match target {
        // 4096 bytes, which are at least so many characters.
        Target::Ntfy { .. } => 1000,
        // 4096 characters, of which markup and the link are some.
        Target::Discord {} | Target::Telegram { .. } => 1900,
        Target::Slack {} | Target::Teams {} => 3000,
        Target::Webhook { .. } | Target::Email { .. } => MAX_OUTPUT,
    }
}

/// The words for a message, and what was wrong with the template if these are not its words.
///
/// `most` is the number of characters that the channel shows well; own words with markup may have twice as many, because a
/// cut could fall into the markup.
pub(super) fn words(
    message: &Message,
    templates: &Templates,
    dialect: Dialect,
    most: usize,
) -> (Words, Option<TemplateError>) {
    let usual = |text: String, most| dialect.escape(&cut(&text, most)).into_owned();
    let mut problem = None;
    let mut own = |template: &Option<String>, most: usize| {
        let own = render(template.as_ref()?, message, dialect);
        match own.and_then(|text| fit(text, dialect, most)) {
            Ok(text) => Some(text),
            Err(error) => {
                problem = Some(error);
                None
            }
        }
    };
    let words = Words {
        title: own(&templates.title, MAX_TITLE)
            .map(one_line)
            .unwrap_or_else(|| usual(one_line(message.title()), MAX_TITLE)),
        text: own(&templates.text, most).unwrap_or_else(|| usual(message.text(), most)),
    };
    (words, problem)
}

/// A line break would end a header of a mail.
fn one_line(text: String) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fit(text: String, dialect: Dialect, most: usize) -> Result<String, TemplateError> {
    let text = text.trim();
    if dialect == Dialect::Plain {
        return Ok(cut(text, most).into_owned());
    }
    if text.chars().count() > 2 * most {
        return Err(TemplateError::new(format!(
            "it writes more than the {} characters that this channel shows",
            2 * most
        )));
    }
    Ok(text.to_owned())
}

fn render(template: &str, message: &Message, dialect: Dialect) -> Result<String, TemplateError> {
    if template.len() > MAX_TEMPLATE {
        return Err(TemplateError::new(format!(
            "it has more than {MAX_TEMPLATE} bytes"
        )));
    }
    language::check(template)?;
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(move |out, _, value| {
        let text = plain(value)?;
        out.write_str(&dialect.escape(&text))
            .map_err(|_| Error::from(ErrorKind::WriteFailure))
    });
    environment.add_filter("upper", |value: Value| {
        plain(&value).map(|text| text.to_uppercase())
    });
    environment.add_filter("lower", |value: Value| {
        plain(&value).map(|text| text.to_lowercase())
    });
    environment.add_filter("round", round);
    environment.add_filter("default", |value: Value, instead: Value| {
        if value.is_undefined() || value.is_none() || value.as_str() == Some("") {
            instead
        } else {
            value
        }
    });
    let template = environment.template_from_named_str("template", template)?;
    let mut bounded = Bounded(Vec::new());
    template.render_captured_to(Value::from(Serde(Fields::of(message))), &mut bounded)?;
    String::from_utf8(bounded.0).map_err(|_| TemplateError::new("it writes no text"))
}

/// Only what people can read: lists and objects are gone through, not printed.
fn plain(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::None => Ok(String::new()),
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Bool => Ok(if value.is_true() { "yes" } else { "no" }.to_owned()),
        ValueKind::Number => match f64::try_from(value.clone()) {
            Ok(number) => Ok(message::number(number)),
            Err(_) => Ok(value.to_string()),
        },
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        kind => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a {kind} cannot be printed; go through it with `for`"),
        )),
    }
}

fn round(value: Value, digits: Option<usize>) -> Result<String, Error> {
    let number = f64::try_from(value)
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "only a number can be rounded"))?;
    Ok(format!("{number:.0$}", digits.unwrap_or(0).min(6)))
}

/// Says no when it is full.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A made-up alert.
pub fn example(kind: Kind) -> Message {
    let since = Timestamp::from_millis(1_767_258_000_000);
    Message {
        id: "example".to_owned(),
        first: None,
        kind,
        severity: Severity::Critical,
        rule: "Disk almost full".to_owned(),
        wording: "fs:*:share > 95 clear 90 for 5m".to_owned(),
        server: "web-01".to_owned(),
        device: Some("/var".to_owned()),
        values: vec![message::Value {
            series: "fs:/var:share".to_owned(),
            number: 96.3,
        }],
        since,
        at: since.plus_millis(3_900_000),
        note: "Delete what is older than a week in /var/backups.".to_owned(),
        link: Some("https://chatops.example.org/alerts/example".to_owned()),
        grouped: Vec::new(),
    }
}

/// What there is to tell, in all its kinds.
struct Kinds;

impl Kinds {
    fn all() -> impl Iterator<Item = Message> {
        let kinds = [
            Kind::Raised,
            Kind::Reminder,
            Kind::Acknowledged,
            Kind::Resolved,
            Kind::Test,
        ];
        let bare = Message {
            device: None,
            values: Vec::new(),
            note: String::new(),
            link: None,
            ..example(Kind::Raised)
        };
        let part = Part {
            kind: Kind::Raised,
            severity: Severity::Warning,
            rule: bare.rule.clone(),
            server: bare.server.clone(),
            device: None,
            values: example(Kind::Raised).values,
            since: bare.since,
            link: None,
        };
        let several = Message {
            grouped: vec![part; message::MAX_GROUPED],
            ..example(Kind::Raised)
        };
        kinds.into_iter().map(example).chain([bare, several])
    }
}

#[cfg(test)]
mod tests;
