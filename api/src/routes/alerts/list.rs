//! `GET /alerts`: the alerts, newest first.

use axum::{Json, extract::State};
use chatops_projections::view::AlertQuery;
use chatops_schemas::{
    access::Level,
    ids::{RuleId, ServerId},
    rule::Severity,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::alert::{Alert, AlertCounts},
    extract::Query,
    problem::{Document, Problem},
    routes::audit::filter,
    state::Api,
};

/// Which alerts; what is absent or empty lets everything through, but for `state`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AlertFilter {
    /// `open` (also when absent), `resolved` or `all`.
    #[param(nullable = false, example = "open")]
    state: Option<String>,
    /// `critical`, `warning`, `info`, or several of them with commas.
    #[param(nullable = false, example = "critical,warning")]
    severity: Option<String>,
    /// On this server.
    #[param(nullable = false)]
    server_id: Option<String>,
    /// Of this rule.
    #[param(nullable = false)]
    rule_id: Option<Uuid>,
    /// On servers with this label.
    #[param(nullable = false)]
    tag: Option<String>,
    /// Part of the name, the wording, the device or the server's name.
    #[param(nullable = false)]
    text: Option<String>,
    /// Only those that somebody has acknowledged (`true`), or nobody has (`false`).
    #[param(nullable = false)]
    acknowledged: Option<bool>,
    /// Raised not before this moment: RFC 3339, milliseconds since 1970, or `now-6h`.
    #[param(nullable = false)]
    from: Option<String>,
    /// Raised before this moment.
    #[param(nullable = false)]
    to: Option<String>,
    /// Most alerts in the answer; 50 when absent.
    #[param(nullable = false, minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// A page of alerts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertList {
    /// Newest first.
    items: Vec<Alert>,
    /// Give it as `cursor` to get what follows; `null`: this was the end.
    #[schema(required)]
    next: Option<String>,
    /// Of all servers that you see, whatever was asked for.
    counts: AlertCounts,
}

fn query(filter: AlertFilter, api: &Api) -> Result<AlertQuery, Problem> {
    let limit = filter.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 500"));
    }
    let after = filter.cursor.filter(|cursor| !cursor.is_empty());
    if after
        .as_deref()
        .is_some_and(|cursor| cursor.parse::<u64>().is_err())
    {
        return Err(Problem::field("cursor", "is not the next of a page before"));
    }
    let open = match filter.state.as_deref() {
        None | Some("" | "open") => Some(true),
        Some("resolved") => Some(false),
        Some("all") => None,
        Some(_) => {
            return Err(Problem::field(
                "state",
                "must be one of open, resolved, all",
            ));
        }
    };
    let now = api.clock().now();
    Ok(AlertQuery {
        open,
        severity: severities(filter.severity.as_deref().unwrap_or_default())?,
        server: match filter.server_id.as_deref() {
            None | Some("") => None,
            Some(id) => Some(
                ServerId::parse(id)
                    .map_err(|error| Problem::field("server_id", error.to_string()))?,
            ),
        },
        rule: filter.rule_id.map(RuleId),
        tag: filter::text("tag", filter.tag.as_deref())?,
        text: filter::text("text", filter.text.as_deref())?,
        acknowledged: filter.acknowledged,
        from: filter::moment("from", filter.from.as_deref(), now)?,
        to: filter::moment("to", filter.to.as_deref(), now)?,
        after,
        limit,
    })
}

fn severities(text: &str) -> Result<Vec<Severity>, Problem> {
    let all = [Severity::Critical, Severity::Warning, Severity::Info];
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let known = all.into_iter().find(|severity| severity.as_str() == name);
            known.ok_or_else(|| Problem::field("severity", "must be of critical, warning, info"))
        })
        .collect()
}

/// List alerts
#[utoipa::path(get, path = "/alerts", tag = "Alerts", operation_id = "alerts_list",
    params(AlertFilter),
    responses(
        (status = 200, description = "a page of alerts", body = AlertList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Query(filter): Query<AlertFilter>,
) -> Result<Json<AlertList>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    let query = query(filter, &api)?;
    if let Some(server) = &query.server {
        access::server(&api, &actor, server, Action::SeeServer).await?;
    }
    let Some(visible) = access::visible(&actor.subject(), Level::View) else {
        return Ok(Json(AlertList {
            items: Vec::new(),
            next: None,
            counts: AlertCounts::default(),
        }));
    };
    let counts = api.store().alert_counts(visible).await?;
    let page = api.store().alerts(visible, &query).await?;
    Ok(Json(AlertList {
        items: page.items.into_iter().map(Alert::from).collect(),
        next: page.next,
        counts: counts.into(),
    }))
}
