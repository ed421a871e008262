//! `GET /audit/{seq}`: one entry, with what its event says and what was so before, as long as the events are kept.

use axum::{Json, extract::State};
use chatops_bus::{Recorded, StreamName};
use chatops_schemas::{audit::Hash, codec};
use futures::StreamExt;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::audit::AuditEntry,
    code::Code,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
    written,
};

/// An entry and what it is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditDetail {
    /// The entry.
    entry: AuditEntry,
    /// `kept`: the event is there and has the digest of the entry. `gone`: its retention has ended. `differs`: what lies
    /// there is not what the entry was made from.
    #[schema(example = "kept")]
    event: &'static str,
    /// What was known of the target before, from the earlier events about it; `null` when there is none.
    #[schema(required, value_type = Option<Object>)]
    before: Option<Value>,
    /// The same with this event.
    #[schema(required, value_type = Option<Object>)]
    after: Option<Value>,
}

/// Show an audit entry
#[utoipa::path(get, path = "/audit/{seq}", tag = "Audit", operation_id = "audit_show",
    params(("seq" = u64, Path)),
    responses(
        (status = 200, description = "the entry", body = AuditDetail),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1230", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1902", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(seq): Path<String>,
) -> Result<Json<AuditDetail>, Problem> {
    access::may(&actor, Action::SeeAudit)?;
    let absent = || Problem::new(Code::NoAuditEntry);
    let seq: u64 = seq.parse().map_err(|_| absent())?;
    let row = api.store().audit_entry(seq).await?.ok_or_else(absent)?;
    let (source, digest) = (row.entry.content.source.clone(), row.entry.content.digest);
    let stream = StreamName::ALL
        .into_iter()
        .find(|stream| stream.as_str() == source.stream);
    let event = match stream {
        Some(stream) => api
            .bus()
            .get(stream, source.seq)
            .await
            .map_err(|error| written::unread(&error))?
            .map(|event| (stream, event)),
        None => None,
    };
    let mut detail = AuditDetail {
        entry: row.into(),
        event: "gone",
        before: None,
        after: None,
    };
    let Some((stream, event)) = event else {
        return Ok(Json(detail));
    };
    if Hash::of(&event.payload) != digest {
        detail.event = "differs";
        return Ok(Json(detail));
    }
    detail.event = "kept";
    // Only aggregates have a before; events of the door stand for themselves.
    if stream == StreamName::Ctl {
        detail.before = before(&api, &event).await?.map(Value::Object);
    }
    let mut after = match &detail.before {
        Some(Value::Object(before)) => before.clone(),
        _ => Map::new(),
    };
    after.extend(payload(&event).unwrap_or_default());
    detail.after = Some(Value::Object(after));
    Ok(Json(detail))
}

/// The fields of all earlier events of the aggregate, later ones over earlier ones.
async fn before(api: &Api, event: &Recorded) -> Result<Option<Map<String, Value>>, Problem> {
    let mut earlier = api
        .bus()
        .read_to_end(StreamName::Ctl, &event.subject, 1)
        .await
        .map_err(|error| written::unread(&error))?;
    let mut known: Option<Map<String, Value>> = None;
    while let Some(one) = earlier.next().await {
        let one = one.map_err(|error| written::unread(&error))?;
        if one.seq >= event.seq {
            break;
        }
        if let Some(fields) = payload(&one) {
            known.get_or_insert_default().extend(fields);
        }
    }
    Ok(known)
}

fn payload(event: &Recorded) -> Option<Map<String, Value>> {
    match codec::decode_any(&event.payload)
        .ok()?
        .data
        .to_json()
        .ok()?
    {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}
