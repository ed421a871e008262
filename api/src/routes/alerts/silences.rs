//! `/alerts/silences`: times in which nobody is told of some alerts. They are raised and kept all the same.
//!
//! A silence is its person's own and holds back only alerts that they may handle; those who see everything see and end all
//! of them. It is not changed: end it and make another.

use std::collections::HashMap;

use axum::{Json, extract::State, http::StatusCode};
use chatops_alerting::silence::Silence as Asked;
use chatops_projections::view::{self, AlertQuery};
use chatops_schemas::{
    access::Level,
    clock::Timestamp,
    event::{
        Event as _,
        silence::{SilenceEnded, SilenceSaved, Times},
    },
    ids::{RuleId, ServerId, SilenceId},
    rule::Scope,
    subject::Entity,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::{
        alert::ScopeBody,
        silence::{Silence, SilenceState, Surroundings},
    },
    code::Code,
    extract::{Body, Path, Query},
    problem::{Document, Problem},
    routes::audit::filter,
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// Alerts that are looked at to say how many a silence is about.
const LOOKED_AT: u32 = 10_000;

/// Which silences.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SilenceFilter {
    /// `current` (also when absent): those that hold or will hold. `all`: those that are over, too.
    #[param(nullable = false, example = "current")]
    state: Option<String>,
}

/// When nobody is to be told.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SilenceTimesRequest {
    /// Once.
    Once {
        /// Its beginning: RFC 3339, milliseconds since 1970, or `now-5m`; now when absent.
        #[schema(nullable = false)]
        from: Option<String>,
        /// Its end.
        #[schema(example = "2026-05-01T12:00:00Z")]
        until: String,
    },
    /// A maintenance window.
    Recurring {
        /// When each begins: five fields as in crontab.
        #[schema(example = "30 2 * * 0")]
        cron: String,
        /// Name of a time zone.
        #[schema(example = "Europe/Berlin")]
        zone: String,
        /// How long each is, in milliseconds: a minute to a day.
        #[schema(example = 3_600_000)]
        stretch_ms: u64,
        /// After this there are no more.
        until: Option<String>,
    },
}

/// A silence as somebody wants it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SilenceRequest {
    /// Why; 1 to 128 characters.
    #[schema(example = "New disks")]
    reason: String,
    /// Alerts of which servers.
    scope: ScopeBody,
    /// Alerts of which rules; none named: of every rule.
    #[serde(default)]
    #[schema(value_type = Vec<uuid::Uuid>, required = false)]
    rules: Vec<RuleId>,
    /// When.
    times: SilenceTimesRequest,
}

/// Silences.
#[derive(Debug, Serialize, ToSchema)]
pub struct SilenceList {
    /// Newest first.
    silences: Vec<Silence>,
}

impl SilenceRequest {
    fn saved(self, id: SilenceId, now: Timestamp) -> Result<SilenceSaved, Problem> {
        let required = |field, text: &str| {
            filter::moment(field, Some(text), now)?
                .ok_or_else(|| Problem::field(field, "must be given"))
        };
        let times = match self.times {
            SilenceTimesRequest::Once { from, until } => Times::Once {
                from: filter::moment("times.from", from.as_deref(), now)?.unwrap_or(now),
                until: required("times.until", &until)?,
            },
            SilenceTimesRequest::Recurring {
                cron,
                zone,
                stretch_ms,
                until,
            } => Times::Recurring {
                cron,
                zone,
                stretch_ms,
                until: filter::moment("times.until", until.as_deref(), now)?,
            },
        };
        let saved = SilenceSaved {
            silence: id,
            reason: self.reason.trim().to_owned(),
            scope: self.scope.scope()?,
            rules: self.rules,
            times,
        };
        saved
            .validate()
            .map_err(|invalid| Problem::field(invalid.field, invalid.reason))?;
        let asked = Asked::new(&saved, now)
            .map_err(|wrong| Problem::field(format!("times.{}", wrong.field), wrong.reason))?;
        match asked.now(now).or(asked.next(now)) {
            Some(_) => Ok(saved),
            None => Err(Problem::field("times.until", "is over already")),
        }
    }
}

/// What this person sees around silences.
async fn surroundings(
    api: &Api,
    actor: &Actor,
) -> Result<(HashMap<ServerId, Vec<String>>, Vec<(ServerId, RuleId)>), Problem> {
    // The scope of the credential was asked for before; what they see does not depend on it.
    let subject = actor.subject().unlimited();
    let Some(visible) = access::visible(&subject, Level::View) else {
        return Ok((HashMap::new(), Vec::new()));
    };
    let servers = api.store().tags_of_servers(visible).await?;
    let query = AlertQuery {
        open: Some(true),
        limit: LOOKED_AT,
        ..AlertQuery::default()
    };
    let open = api.store().alerts(visible, &query).await?.items;
    let open = open.into_iter().map(|alert| (alert.server, alert.rule));
    Ok((servers, open.collect()))
}

async fn shown(
    api: &Api,
    actor: &Actor,
    silences: Vec<view::Silence>,
) -> Result<Vec<Silence>, Problem> {
    let (servers, open) = surroundings(api, actor).await?;
    let around = Surroundings {
        now: api.clock().now(),
        servers: &servers,
        open: &open,
    };
    let silences = silences.into_iter();
    Ok(silences
        .map(|silence| Silence::of(silence, &around))
        .collect())
}

async fn known(api: &Api, actor: &Actor, id: SilenceId) -> Result<view::Silence, Problem> {
    let of = (!actor.role.is_everywhere()).then_some(actor.user);
    let found = api.store().silences(of, Some(id), true).await?.pop();
    found.ok_or(Problem::new(Code::NoSilence))
}

/// List silences
#[utoipa::path(get, path = "/alerts/silences", tag = "Alerts", operation_id = "alerts_silences_list",
    params(SilenceFilter),
    responses(
        (status = 200, description = "one's own, or all for those who see everything", body = SilenceList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(
    State(api): State<Api>,
    actor: Actor,
    Query(filter): Query<SilenceFilter>,
) -> Result<Json<SilenceList>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    let all = match filter.state.as_deref() {
        None | Some("" | "current") => false,
        Some("all") => true,
        Some(_) => return Err(Problem::field("state", "must be current or all")),
    };
    let of = (!actor.role.is_everywhere()).then_some(actor.user);
    let silences = api.store().silences(of, None, all).await?;
    let mut silences = shown(&api, &actor, silences).await?;
    silences.retain(|silence| all || silence.state != SilenceState::Over);
    Ok(Json(SilenceList { silences }))
}

/// Make a silence
///
/// Alerts are raised and kept all the same, and each message that is not sent is written down with this silence as the
/// reason. The answer says what it is about now, and whether that is a lot.
#[utoipa::path(post, path = "/alerts/silences", tag = "Alerts", operation_id = "alerts_silences_create",
    request_body = SilenceRequest,
    responses(
        (status = 201, description = "the silence", body = Silence),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn create(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<SilenceRequest>,
) -> Result<Written<Json<Silence>>, Problem> {
    access::may(&actor, Action::SaveSilence)?;
    let id = SilenceId(api.ids().next());
    let saved = request.saved(id, api.clock().now())?;
    let seq = save(&api, &actor, saved).await?;
    answer(&api, &actor, id, seq, StatusCode::CREATED).await
}

/// Makes a silence as this person, and says at which position it can be read. Its id has to be fresh.
pub(crate) async fn save(api: &Api, actor: &Actor, saved: SilenceSaved) -> Result<u64, Problem> {
    access::may(actor, Action::SaveSilence)?;
    if let Scope::Servers(servers) = &saved.scope {
        for server in servers {
            access::server(api, actor, server, Action::HandleAlert).await?;
        }
    }
    let id = saved.silence.to_string();
    let event = written::event(api, &actor.by(), saved);
    match written::append(api, Entity::Silence, &id, 0, &event).await? {
        Appended::At(seq) => Ok(seq),
        // Nobody else can have used a fresh id.
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}

/// End a silence
///
/// From now on people are told again. One that was ended stays so; make another to be silent again.
#[utoipa::path(delete, path = "/alerts/silences/{id}", tag = "Alerts", operation_id = "alerts_silences_end",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the silence", body = Silence),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1703", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1604", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn end(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<SilenceId>,
) -> Result<Written<Json<Silence>>, Problem> {
    access::may(&actor, Action::SaveSilence)?;
    for _ in 0..written::ATTEMPTS {
        let now = known(&api, &actor, id).await?;
        if now.ended_at.is_some() {
            return Err(Problem::new(Code::NotNow).detail("It was ended already."));
        }
        let event = written::event(&api, &actor.by(), SilenceEnded { silence: id });
        match written::append(&api, Entity::Silence, &id.to_string(), now.ctl_seq, &event).await? {
            Appended::At(seq) => return answer(&api, &actor, id, seq, StatusCode::OK).await,
            Appended::Conflict => {
                written::visible_now(&api, Entity::Silence, &id.to_string()).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

async fn answer(
    api: &Api,
    actor: &Actor,
    id: SilenceId,
    seq: u64,
    status: StatusCode,
) -> Result<Written<Json<Silence>>, Problem> {
    if !written::visible(api, seq).await? {
        return Ok(Written::Pending(seq));
    }
    let silences = api.store().silences(None, Some(id), true).await?;
    let silence = shown(api, actor, silences).await?.pop();
    Ok(silence.map_or(Written::Pending(seq), |silence| {
        Written::Row(status, Json(silence))
    }))
}
