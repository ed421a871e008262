//! `POST /api/v1/alerts/rules/trial`: what a rule would have done, before it tells anybody.
//!
//! The readings come from the database and the stream and go through the code that judges live ones. It keeps nothing and
//! tells nobody. Reading a month is work: a process tries two rules at once, others wait for a moment and are then sent away,
//! and a trial that takes too long ends with what it has found. Whoever wants to see many servers advance asks for a few of
//! them at a time, as the web app does.

use std::time::Duration;

use axum::{Json, extract::State};
use chatops_alerting::{
    history::{Bounds, Detail, Found, Part, Span},
    trial,
};
use chatops_schemas::{
    clock::Timestamp,
    ids::ServerId,
    rule::{Condition, Rule},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::wording::Asked;
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::{alert::Watching, moment::Moment},
    code::Code,
    extract::Body,
    problem::{Document, Problem},
    routes::audit::filter,
    state::Api,
    trial::{TrialError, on_server},
    written,
};

/// Most servers in one trial.
const SERVERS: usize = 20;
/// Most episodes of a server in an answer.
const EPISODES: usize = 500;
/// Most stretches of a server in memory.
const STRETCHES: usize = 50_000;
/// How far back: hours are kept for longer, but tell little of a rule.
const BACK_MS: i64 = 400 * 86_400_000;
/// So many days ago, by a clock that is not ours.
const SLACK_MS: i64 = 60_000;
/// Without `from`.
const USUAL_MS: i64 = 86_400_000;
/// How long somebody waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);

/// A rule to be tried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrialRequest {
    /// What it watches, in one line. Either this or `when`. A fact such as `down` cannot be tried.
    #[schema(nullable = false, example = "cpu > 90 for 5m")]
    wording: Option<String>,
    /// What has to be true, as data.
    #[schema(nullable = false, value_type = Option<Object>)]
    when: Option<Value>,
    /// With `when`: for how long, in milliseconds.
    #[schema(nullable = false)]
    for_ms: Option<u64>,
    /// With `when`: how long an alert stays open afterwards, in milliseconds.
    #[schema(nullable = false)]
    keep_ms: Option<u64>,
    /// On the readings of these: 1 to 20.
    #[schema(min_items = 1, max_items = 20)]
    server_ids: Vec<String>,
    /// From when: RFC 3339, milliseconds since 1970, or `now-6h`. At most 400 days ago; `now-24h` when absent.
    #[schema(nullable = false, example = "now-24h")]
    from: Option<String>,
    /// Until when; `now` when absent.
    #[schema(nullable = false)]
    to: Option<String>,
}

/// What a rule would have done.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialAnswer {
    #[serde(flatten)]
    watching: Watching,
    /// From when.
    from: Moment,
    /// Until when.
    to: Moment,
    /// Whether all readings were looked at, each as the host took it. If not, `parts` say of what there were only means; else
    /// it took too long, or there was too much to find.
    complete: bool,
    /// In the order in which they were asked for.
    servers: Vec<TrialServer>,
}

/// What a rule would have done on one server.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialServer {
    /// Which server.
    #[schema(value_type = String)]
    server_id: ServerId,
    /// Its name.
    name: String,
    /// Whether all its readings were looked at, each as the host took it.
    complete: bool,
    /// What was looked at, in order of time. Readings are kept for some days, then their means.
    parts: Vec<TrialPart>,
    /// Readings looked at, or means.
    readings: u64,
    /// How many alerts there would have been.
    fired: u64,
    /// The first 500 of them.
    episodes: Vec<TrialEpisode>,
    /// How often the condition was true for too short a time.
    passed: u64,
    /// How many alerts would have begun within ten minutes of the end of the one before.
    flaps: u64,
    /// The shortest wait, in milliseconds, with which no alert would have come back within ten minutes; an hour when there
    /// is none.
    suggested_for_ms: u64,
}

/// A stretch of time.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialPart {
    /// `raw`: each reading. `1m`, `1h`: means of a minute or an hour, in which short peaks cannot be seen.
    resolution: &'static str,
    /// The first of them.
    from: Moment,
    /// The last of them.
    to: Moment,
    /// How many.
    readings: u64,
}

impl From<Part> for TrialPart {
    fn from(part: Part) -> Self {
        Self {
            resolution: match part.detail {
                Detail::Each => "raw",
                Detail::Minutes => "1m",
                Detail::Hours => "1h",
            },
            from: part.from.into(),
            to: part.to.into(),
            readings: part.readings,
        }
    }
}

/// An alert that would have been.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialEpisode {
    /// The device; empty for the host.
    device: String,
    /// From when the condition was true.
    since: Moment,
    /// When somebody would have been told.
    raised: Moment,
    /// When it was over; `null`: it was not at the end of the readings.
    #[schema(required)]
    resolved: Option<Moment>,
    /// The number of each comparison when it was raised, in the order of the wording.
    values: Vec<Option<f64>>,
}

impl From<trial::Episode> for TrialEpisode {
    fn from(episode: trial::Episode) -> Self {
        Self {
            device: episode.device,
            since: episode.since.into(),
            raised: episode.raised.into(),
            resolved: episode.resolved.map(Moment::from),
            values: episode.values,
        }
    }
}

impl TrialServer {
    fn of(server_id: ServerId, name: String, found: Found) -> Self {
        let report = found.report;
        Self {
            server_id,
            name,
            complete: found.complete,
            parts: found.parts.into_iter().map(TrialPart::from).collect(),
            readings: report.readings,
            fired: report.episodes.len() as u64,
            episodes: report
                .episodes
                .into_iter()
                .take(EPISODES)
                .map(TrialEpisode::from)
                .collect(),
            passed: report.passed,
            flaps: report.flaps,
            suggested_for_ms: report.suggested_for_ms,
        }
    }
}

fn rule(asked: Asked) -> Result<Rule, Problem> {
    let field = if asked.wording.is_some() {
        "wording"
    } else {
        "when"
    };
    let rule = asked.draft()?;
    match rule.when {
        Condition::Fact(_) => Err(Problem::field(
            field,
            "cannot be tried: what is measured does not show it; only rules about numbers can be tried",
        )),
        _ => Ok(rule),
    }
}

fn servers(asked: Vec<String>) -> Result<Vec<ServerId>, Problem> {
    if asked.is_empty() || asked.len() > SERVERS {
        return Err(Problem::field("server_ids", "must name 1 to 20 servers"));
    }
    let mut servers = Vec::new();
    for id in asked {
        let id =
            ServerId::parse(id).map_err(|error| Problem::field("server_ids", error.to_string()))?;
        if !servers.contains(&id) {
            servers.push(id);
        }
    }
    Ok(servers)
}

fn span(
    from: Option<&str>,
    to: Option<&str>,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), Problem> {
    let to = filter::moment("to", to, now)?.unwrap_or(now).min(now);
    let from = filter::moment("from", from, now)?.unwrap_or(to.plus_millis(-USUAL_MS));
    if from < now.plus_millis(-BACK_MS - SLACK_MS) {
        return Err(Problem::field("from", "is more than 400 days ago"));
    }
    if from >= to {
        return Err(Problem::field("from", "must be before `to`, and past"));
    }
    Ok((from, to))
}

/// Try an alert rule on what was measured
///
/// Tells what the rule would have done on servers that you see. Nobody is told, and nothing is kept.
#[utoipa::path(post, path = "/alerts/rules/trial", tag = "Alerts", operation_id = "alerts_rules_trial",
    request_body = TrialRequest,
    responses(
        (status = 200, description = "what it would have done", body = TrialAnswer),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1902, CO1905", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<TrialRequest>,
) -> Result<Json<TrialAnswer>, Problem> {
    access::may(&actor, Action::TryRule)?;
    // So that there is time to answer before the request is given up.
    let deadline = Instant::now() + api.config().request_timeout.mul_f64(0.8);
    let rule = rule(Asked {
        wording: request.wording,
        when: request.when,
        for_ms: request.for_ms,
        keep_ms: request.keep_ms,
    })?;
    let now = api.clock().now();
    let (from, to) = span(request.from.as_deref(), request.to.as_deref(), now)?;
    let mut chosen = Vec::new();
    for id in servers(request.server_ids)? {
        chosen.push(access::server(&api, &actor, &id, Action::SeeServer).await?);
    }
    let _place = tokio::time::timeout(PATIENCE, api.trials().acquire())
        .await
        .map_err(|_| {
            Problem::new(Code::Busy)
                .detail("Other rules are being tried.")
                .retry_after(PATIENCE.as_secs())
        })?
        .map_err(|error| Problem::internal(&error))?;
    let bounds = Bounds {
        deadline: Some(deadline),
        stretches: Some(STRETCHES),
    };
    let span = Span { from, to: Some(to) };
    let mut past = api.store().past();
    let mut servers = Vec::new();
    for server in chosen {
        let bounds = (span, bounds);
        let found = on_server(&mut past, api.bus(), &rule, &server.id, bounds, &mut |_| {}).await;
        let found = found.map_err(|error| match error {
            TrialError::Rule(error) => Problem::internal(&error),
            TrialError::Store(error) => Problem::from(error),
            TrialError::Read(error) => written::unread(&error),
        })?;
        servers.push(TrialServer::of(server.id, server.name, found));
    }
    Ok(Json(TrialAnswer {
        watching: Watching::of(&rule),
        from: from.into(),
        to: to.into(),
        complete: servers.iter().all(|server| server.complete),
        servers,
    }))
}
