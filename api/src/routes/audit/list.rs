//! `GET /audit`: the trail, newest first.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::filter::AuditFilter;
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::audit::AuditEntry,
    extract::Query,
    problem::{Document, Problem},
    state::Api,
};

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditPage {
    /// Most entries in the answer; 50 when absent.
    #[param(nullable = false, minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
}

/// A page of the trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditList {
    /// Newest first.
    entries: Vec<AuditEntry>,
    /// Give it as `after` to get what follows; `null`: this was the end.
    #[schema(required)]
    next: Option<String>,
}

/// List audit entries
#[utoipa::path(get, path = "/audit", tag = "Audit", operation_id = "audit_list",
    params(AuditFilter, AuditPage),
    responses(
        (status = 200, description = "a page of entries", body = AuditList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Query(filter): Query<AuditFilter>,
    Query(page): Query<AuditPage>,
) -> Result<Json<AuditList>, Problem> {
    access::may(&actor, Action::SeeAudit)?;
    let limit = page.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 500"));
    }
    let before = match page.after.as_deref() {
        None | Some("") => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| Problem::field("after", "is not the next of a page before"))?,
        ),
    };
    let query = filter.query(&api).await?;
    let page = api.store().audit(&query, before, limit).await?;
    Ok(Json(AuditList {
        entries: page.items.into_iter().map(AuditEntry::from).collect(),
        next: page.next,
    }))
}
