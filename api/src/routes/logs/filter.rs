//! Which lines a person asks for; the same words in every route of logs, and in the address of the page.

use chatops_projections::view::{LogPlace, LogQuery, LogSearchError};
use chatops_schemas::{
    clock::Timestamp,
    event::log::{LineId, LogLevel, is_source},
    ids::ServerId,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{code::Code, problem::Problem, routes::metrics::time_text, state::Api};

/// Longest text or pattern.
const MAX_TEXT: usize = 512;
/// Most names in a list.
const MAX_NAMES: usize = 500;
/// What is looked at unless a beginning is named.
const HOUR_MILLIS: i64 = 3_600_000;

/// Filters; those that are absent or empty let everything through.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogFilter {
    /// Ids of servers, with commas between. Not with a server in the path.
    #[param(nullable = false, example = "web-01,web-02")]
    servers: Option<String>,
    /// Names of sources, with commas between.
    #[param(nullable = false, example = "nginx")]
    sources: Option<String>,
    /// Levels, with commas between.
    #[param(nullable = false, example = "warn,error,fatal")]
    levels: Option<String>,
    /// In the message or in a field's value, upper and lower case alike.
    #[param(nullable = false, example = "timed out")]
    text: Option<String>,
    /// A regular expression (PostgreSQL's) that the message has to match somewhere.
    #[param(nullable = false, example = "status=5\\d\\d")]
    pattern: Option<String>,
    /// Not before this moment: RFC 3339, milliseconds since 1970, or `now-6h`. An hour before `to` when absent.
    #[param(nullable = false, example = "now-1h")]
    from: Option<String>,
    /// Before this moment; now when absent.
    #[param(nullable = false)]
    to: Option<String>,
}

fn names(given: Option<&str>) -> impl Iterator<Item = &str> {
    let parts = given.unwrap_or_default().split(',');
    parts.map(str::trim).filter(|name| !name.is_empty())
}

fn text(field: &'static str, given: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    if given.len() > MAX_TEXT || given.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Problem::field(
            field,
            "must be at most 512 bytes without control characters",
        ));
    }
    Ok(Some(given.to_owned()))
}

fn moment(
    field: &'static str,
    given: Option<&str>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Problem> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    time_text::parse(given, now).map(Some).ok_or_else(|| {
        Problem::field(
            field,
            "must be RFC 3339, milliseconds since 1970, or now-6h",
        )
    })
}

/// Levels by their names.
pub(crate) fn levels<'a>(given: impl Iterator<Item = &'a str>) -> Result<Vec<LogLevel>, Problem> {
    given
        .map(|name| {
            LogLevel::parse(name).ok_or_else(|| {
                Problem::field(
                    "levels",
                    "must be out of trace, debug, info, warn, error, fatal and unknown",
                )
            })
        })
        .collect()
}

impl LogFilter {
    /// As the database is asked.
    pub(super) fn query(&self, api: &Api) -> Result<LogQuery, Problem> {
        let now = api.clock().now();
        let servers: Vec<ServerId> = names(self.servers.as_deref())
            .map(|id| ServerId::parse(id).map_err(|_| Problem::field("servers", "is not an id")))
            .collect::<Result<_, _>>()?;
        let sources: Vec<String> = names(self.sources.as_deref()).map(str::to_owned).collect();
        if let Some(wrong) = sources.iter().find(|name| !is_source(name)) {
            let error = format!("{:?} is not the name of a source", clip(wrong));
            return Err(Problem::field("sources", error));
        }
        if servers.len() > MAX_NAMES || sources.len() > MAX_NAMES {
            return Err(Problem::field("servers", "has more than 500 names"));
        }
        // Lines of a clock that is ahead are found, too.
        let to = moment("to", self.to.as_deref(), now)?.unwrap_or(now.plus_millis(120_000));
        let from =
            moment("from", self.from.as_deref(), now)?.unwrap_or(to.plus_millis(-HOUR_MILLIS));
        if from >= to {
            return Err(Problem::field("from", "must be before `to`"));
        }
        Ok(LogQuery {
            servers,
            sources,
            levels: levels(names(self.levels.as_deref()))?,
            text: text("text", self.text.as_deref())?,
            pattern: text("pattern", self.pattern.as_deref())?,
            from,
            to,
        })
    }

    /// As an event about a download says it: nothing but what was asked.
    pub(super) fn words(&self) -> String {
        let fields = [
            ("servers", &self.servers),
            ("sources", &self.sources),
            ("levels", &self.levels),
            ("text", &self.text),
            ("pattern", &self.pattern),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let given = fields.into_iter().filter_map(|(name, value)| {
            let value = value.as_deref().filter(|value| !value.is_empty())?;
            Some((name, value))
        });
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(given)
            .finish()
    }
}

fn clip(text: &str) -> String {
    text.chars().take(64).collect()
}

/// `next` of a page before.
pub(super) fn place(after: Option<&str>) -> Result<Option<LogPlace>, Problem> {
    let Some(after) = after.filter(|after| !after.is_empty()) else {
        return Ok(None);
    };
    let id: LineId = after
        .parse()
        .map_err(|_| Problem::field("after", "is not the next of a page before"))?;
    // The calendar of the database.
    let known = Timestamp::from_micros(0)..Timestamp::from_millis(253_402_300_799_000);
    if !known.contains(&id.at) {
        return Err(Problem::field("after", "is not the next of a page before"));
    }
    Ok(Some(LogPlace(id)))
}

impl From<LogSearchError> for Problem {
    fn from(error: LogSearchError) -> Self {
        match error {
            LogSearchError::Pattern(why) => Self::field("pattern", why),
            LogSearchError::TooSlow => Self::new(Code::Timeout).detail(
                "This search takes too long. Name a shorter time, a source or a simpler pattern.",
            ),
            LogSearchError::Store(error) => error.into(),
        }
    }
}
