//! `/alerts/{id}/acknowledge`, `/alerts/{id}/resolve`, `/alerts/acknowledge`: what people do about alerts.
//!
//! A decision is made on the newest event of what the rule watches there, and appended only if that is still the newest:
//! of two people who acknowledge at once, one does, and the other learns who was faster. The evaluator appends to the same
//! subject; whoever loses looks again.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use chatops_bus::{AppendError, StreamName};
use chatops_projections::{ALERTS, Visible, view};
use chatops_schemas::{
    catalogue::Payload,
    codec,
    event::{
        Event,
        alert::{AlertAcknowledged, AlertResolved, AlertUnacknowledged, Cause, Head, MAX_NOTE},
    },
    ids::AlertId,
    subject,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::show::known;
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::alert::Alert,
    code::Code,
    extract::{Body, OptionalBody, Path},
    problem::{Chain, Document, Problem},
    state::Api,
    witness,
    written::{self, Pending, Written},
};

/// Most alerts in one request.
const MOST: usize = 200;

/// What to say about it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteRequest {
    /// At most 2000 characters.
    #[schema(nullable = false, example = "I am on it.")]
    note: Option<String>,
}

/// Which alerts to acknowledge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeRequest {
    /// 1 to 200.
    #[schema(value_type = Vec<uuid::Uuid>)]
    ids: Vec<AlertId>,
    /// At most 2000 characters.
    #[schema(nullable = false)]
    note: Option<String>,
}

/// What became of one of several.
#[derive(Debug, Serialize, ToSchema)]
pub struct Acknowledged {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    id: AlertId,
    /// Whether it is acknowledged by you now.
    ok: bool,
    /// Why not.
    #[schema(required)]
    code: Option<&'static str>,
    /// Why not, in words.
    #[schema(required)]
    reason: Option<String>,
}

/// What became of each.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcknowledgedList {
    /// In the order of the request.
    results: Vec<Acknowledged>,
}

/// Where the newest event leaves an alert that is open.
struct Standing {
    head: Head,
    /// Who has acknowledged it; empty: somebody unknown.
    acknowledged_by: Option<String>,
    seq: u64,
}

/// What was decided.
enum Decision<T> {
    Tell(T),
    /// It is so already.
    Nothing,
}

fn note(given: Option<String>) -> Result<String, Problem> {
    let note = given.unwrap_or_default();
    match note.chars().count() {
        0..=MAX_NOTE => Ok(note),
        _ => Err(Problem::field("note", "has more than 2000 characters")),
    }
}

async fn standing(api: &Api, alert: &view::Alert) -> Result<Standing, Problem> {
    let subject = subject::alert(&alert.server, alert.rule, &alert.device);
    let last = api.bus().last(StreamName::Alert, &subject).await;
    let last = last.map_err(|error| written::unread(&error))?;
    // Gone from the stream: as old as an alert can be.
    let last = last.ok_or(Problem::new(Code::AlertOver))?;
    let event = codec::decode_any(&last.payload).map_err(|error| {
        tracing::warn!(error = %Chain(&error), seq = last.seq, "an event of an alert cannot be read");
        Problem::new(Code::Internal)
    })?;
    let (head, acknowledged_by) = match event.data {
        Payload::AlertRaised(data) => (data.head, None),
        Payload::AlertAcknowledged(data) => (data.head, Some(event.actor.unwrap_or_default())),
        Payload::AlertUnacknowledged(data) => (data.head, None),
        _ => return Err(Problem::new(Code::AlertOver)),
    };
    // Another alert of the same rule and device is open: this one was over before it began.
    if head.alert != alert.id {
        return Err(Problem::new(Code::AlertOver));
    }
    Ok(Standing {
        head,
        acknowledged_by,
        seq: last.seq,
    })
}

/// Decides on the newest event, appends, and says at which position what was decided can be read.
async fn tell<T: Event>(
    api: &Api,
    actor: &Actor,
    alert: &view::Alert,
    decide: impl Fn(&Standing) -> Result<Decision<T>, Problem>,
) -> Result<u64, Problem> {
    let subject = subject::alert(&alert.server, alert.rule, &alert.device);
    for _ in 0..written::ATTEMPTS {
        let standing = standing(api, alert).await?;
        let data = match decide(&standing)? {
            Decision::Tell(data) => data,
            Decision::Nothing => return Ok(standing.seq),
        };
        let event = written::event_about(api, &actor.by(), &alert.server, data);
        let appended = api
            .bus()
            .append(StreamName::Alert, &subject, standing.seq, &event)
            .await;
        match appended {
            Ok(seq) => return Ok(seq),
            Err(AppendError::Conflict { .. }) => {}
            Err(error) => return Err(written::refused(&error)),
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// Waits until reads show the events of alerts up to here, or for as long as an answer may take.
pub(crate) async fn visible(api: &Api, seq: u64) -> Result<bool, Problem> {
    let patience: Duration = api.config().read_your_writes;
    match api.progress().wait_until(ALERTS, seq, patience).await {
        Ok(visible) => Ok(visible),
        Err(error) if error.is_unavailable() => {
            tracing::warn!(error = %Chain(&error), "a write is stored, but the database does not answer");
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

async fn answer(api: &Api, id: AlertId, seq: u64) -> Result<Written<Json<Alert>>, Problem> {
    if !visible(api, seq).await? {
        return Ok(Written::Pending(seq));
    }
    let alert = api.store().alert(Visible::All, id).await?;
    let alert = alert.ok_or(Problem::new(Code::NoAlert))?;
    Ok(Written::Row(StatusCode::OK, Json(alert.into())))
}

/// Acknowledges an alert as this person, and says at which position that can be read.
pub(crate) async fn acknowledging(
    api: &Api,
    actor: &Actor,
    id: AlertId,
    note: &str,
) -> Result<u64, Problem> {
    let (alert, _) = known(api, actor, id, Action::HandleAlert).await?;
    let me = actor.by().to_string();
    let told = tell(api, actor, &alert, |standing| {
        match standing.acknowledged_by.as_deref() {
            None => Ok(Decision::Tell(AlertAcknowledged {
                head: standing.head.clone(),
                note: note.to_owned(),
            })),
            Some(by) if by == me => Ok(Decision::Nothing),
            Some(by) => Err(Problem::new(Code::AlertTaken).detail(by.to_owned())),
        }
    });
    match told.await {
        Err(problem) if problem.code() == Code::AlertTaken => {
            let name = named(api, problem.occasion().unwrap_or_default()).await?;
            Err(Problem::new(Code::AlertTaken).detail(format!("{name} takes care of it.")))
        }
        told => told,
    }
}

/// Ends an alert as this person, and says at which position that can be read.
pub(crate) async fn resolving(
    api: &Api,
    actor: &Actor,
    id: AlertId,
    note: &str,
) -> Result<u64, Problem> {
    let (alert, _) = known(api, actor, id, Action::HandleAlert).await?;
    tell(api, actor, &alert, |standing| {
        Ok(Decision::Tell(AlertResolved {
            head: standing.head.clone(),
            at: api.clock().now(),
            cause: Cause::ByHand,
            values: Vec::new(),
            note: note.to_owned(),
        }))
    })
    .await
}

/// The sign-in name of an actor that is a person.
async fn named(api: &Api, actor: &str) -> Result<String, Problem> {
    let id = actor.strip_prefix("user:").and_then(|id| id.parse().ok());
    let user = match id {
        Some(id) => api.store().user(chatops_schemas::ids::UserId(id)).await?,
        None => None,
    };
    Ok(user.map_or_else(|| "Somebody".to_owned(), |user| user.username))
}

/// Acknowledge an alert
///
/// You take care of it, and nobody is told of it again. Doing so twice changes nothing.
#[utoipa::path(post, path = "/alerts/{id}/acknowledge", tag = "Alerts", operation_id = "alerts_acknowledge",
    params(("id" = uuid::Uuid, Path)),
    request_body = NoteRequest,
    responses(
        (status = 200, description = "the alert", body = Alert),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1701", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206, CO1704 or CO1705", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn acknowledge(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<AlertId>,
    OptionalBody(request): OptionalBody<NoteRequest>,
) -> Result<Written<Json<Alert>>, Problem> {
    let note = note(request.unwrap_or_default().note)?;
    let seq = acknowledging(&api, &actor, id, &note).await?;
    answer(&api, id, seq).await
}

/// Take an acknowledgement back
///
/// Also somebody else's.
#[utoipa::path(delete, path = "/alerts/{id}/acknowledge", tag = "Alerts", operation_id = "alerts_unacknowledge",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the alert", body = Alert),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1701", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1704", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn take_back(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<AlertId>,
) -> Result<Written<Json<Alert>>, Problem> {
    let (alert, _) = known(&api, &actor, id, Action::HandleAlert).await?;
    let seq = tell(&api, &actor, &alert, |standing| {
        Ok(match standing.acknowledged_by {
            Some(_) => Decision::Tell(AlertUnacknowledged {
                head: standing.head.clone(),
            }),
            None => Decision::Nothing,
        })
    });
    answer(&api, id, seq.await?).await
}

/// Resolve an alert by hand
///
/// It is over, and does not come back before its condition was false for once.
#[utoipa::path(post, path = "/alerts/{id}/resolve", tag = "Alerts", operation_id = "alerts_resolve",
    params(("id" = uuid::Uuid, Path)),
    request_body = NoteRequest,
    responses(
        (status = 200, description = "the alert", body = Alert),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1701", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1704", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn resolve(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<AlertId>,
    OptionalBody(request): OptionalBody<NoteRequest>,
) -> Result<Written<Json<Alert>>, Problem> {
    let note = note(request.unwrap_or_default().note)?;
    let seq = resolving(&api, &actor, id, &note).await?;
    answer(&api, id, seq).await
}

/// Acknowledge several alerts
///
/// Each by itself: what cannot be acknowledged does not hold up the others.
#[utoipa::path(post, path = "/alerts/acknowledge", tag = "Alerts", operation_id = "alerts_acknowledge_many",
    request_body = AcknowledgeRequest,
    responses(
        (status = 200, description = "what became of each", body = AcknowledgedList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1902 or CO1903", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn acknowledge_many(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<AcknowledgeRequest>,
) -> Result<Json<AcknowledgedList>, Problem> {
    // What the credential does not allow is refused as a whole; the rest is asked for each alert.
    if !actor.subject().may_use(Action::HandleAlert.scope()) {
        access::may(&actor, Action::HandleAlert)?;
    }
    if request.ids.is_empty() || request.ids.len() > MOST {
        return Err(Problem::field("ids", "must be 1 to 200"));
    }
    let note = note(request.note)?;
    let mut results = Vec::with_capacity(request.ids.len());
    let mut newest = 0;
    for id in request.ids {
        let problem = match acknowledging(&api, &actor, id, &note).await {
            Ok(seq) => {
                newest = newest.max(seq);
                None
            }
            // Nothing can be done about the others either.
            Err(problem) if problem.code().status().is_server_error() => return Err(problem),
            Err(problem) => {
                // The answer is no refusal as a whole, so the audit is told of each here.
                if let Some(denial) = problem.denial() {
                    witness::denied(&api, &actor.by(), denial);
                }
                Some(problem)
            }
        };
        results.push(Acknowledged {
            id,
            ok: problem.is_none(),
            code: problem.as_ref().map(|problem| problem.code().as_str()),
            reason: problem.as_ref().map(Problem::words),
        });
    }
    visible(&api, newest).await?;
    Ok(Json(AcknowledgedList { results }))
}
