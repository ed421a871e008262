//! `/alerts/channels`: where people are told of alerts.
//!
//! A channel is its person's own and tells only of servers that they may see; those who see everything see, change and remove
//! all of them. What opens its door (the address of a chat's hook, a key, a token, a password) is given once, lies encrypted
//! in the vault, and is in no answer. It goes to nowhere else than it was given for: whoever changes where a channel leads
//! gives it anew. The secret of a channel that was removed is kept for [`KEPT_S`], so that it can be brought back whole, and
//! erased then.

pub mod told;
pub mod try_out;

use axum::{Json, extract::State, http::StatusCode};
use chatops_alerting::notify::{Secret, template};
use chatops_projections::view;
use chatops_schemas::{
    channel::{Channel as Definition, Receives, Target, Templates},
    event::{
        Invalid,
        channel::{ChannelDeleted, ChannelSaved},
    },
    ids::ChannelId,
    subject::Entity,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::ToSchema;

use self::told::ChannelSent;
use crate::{
    access::{self, Action},
    auth::{actor::Actor, seal},
    body::moment::Moment,
    chat::slack,
    code::Code,
    extract::{Body, Path},
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// Most bytes of a secret.
const MAX_SECRET: usize = 4096;
/// Seconds in which a channel that was removed can be brought back with its secret.
const KEPT_S: u32 = 600;

/// A channel as somebody wants it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelRequest {
    /// 1 to 128 characters.
    #[schema(example = "operations")]
    name: String,
    /// Whether it is on; `true` when absent.
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// Where it leads: `kind` is one of webhook (`url`), slack, discord, teams, telegram (`chat_id`), ntfy (`server`,
    /// `topic`), email (`host`, `port`, `tls`, `from`, `to`, `user`).
    #[schema(value_type = Object, example = json!({"kind": "ntfy", "server": "https://ntfy.sh", "topic": "our-alerts"}))]
    target: Value,
    /// Which alerts, and when; every one at once when absent. `severity`, `scope`, `rules`, `after_ms`, `repeat_ms`,
    /// `resolved`, `hours`.
    #[schema(nullable = false, value_type = Option<Object>)]
    receives: Option<Value>,
    /// Own words: `title`, `text`.
    #[schema(nullable = false, value_type = Option<Object>)]
    templates: Option<Value>,
    /// What opens its door. When a channel is changed and leads to where it led before, it may be absent: the one that is
    /// kept stays.
    #[schema(nullable = false, value_type = Option<String>, write_only)]
    secret: Option<SecretString>,
}

/// A channel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertChannel)]
pub struct Channel {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    id: ChannelId,
    /// Counts its versions, from 1.
    version: u32,
    /// For people.
    name: String,
    /// Whether it is on.
    enabled: bool,
    /// Where it leads.
    #[schema(value_type = Object)]
    target: Target,
    /// Which alerts, and when.
    #[schema(value_type = Object)]
    receives: Receives,
    /// Own words.
    #[schema(value_type = Object)]
    templates: Templates,
    /// Whether a secret is kept for it.
    has_secret: bool,
    /// Who saved this version: it tells of what they may see.
    #[schema(required)]
    saved_by_name: Option<String>,
    /// When.
    saved_at: Moment,
    /// The newest message that it tried to send; `null`: none yet.
    #[schema(required)]
    last: Option<ChannelSent>,
}

impl From<view::Channel> for Channel {
    fn from(channel: view::Channel) -> Self {
        let Definition {
            name,
            enabled,
            target,
            receives,
            templates,
        } = channel.definition;
        Self {
            id: channel.id,
            version: channel.version,
            name,
            enabled,
            target,
            receives,
            templates,
            has_secret: channel.has_secret,
            saved_by_name: channel.saved_by_name,
            saved_at: Moment(channel.saved_at),
            last: None,
        }
    }
}

/// Channels.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelList {
    /// By name.
    channels: Vec<Channel>,
}

fn part<T: DeserializeOwned>(field: &str, value: Value) -> Result<T, Problem> {
    serde_json::from_value(value).map_err(|error| Problem::field(field, error.to_string()))
}

impl ChannelRequest {
    /// What is asked for, if it can be a channel.
    fn definition(&self, api: &Api) -> Result<Definition, Problem> {
        let optional = |value: &Option<Value>| value.clone();
        let definition = Definition {
            name: self.name.trim().to_owned(),
            enabled: self.enabled.unwrap_or(true),
            target: part("target", self.target.clone())?,
            receives: match optional(&self.receives) {
                Some(value) => part("receives", value)?,
                None => Receives::everything(),
            },
            templates: match optional(&self.templates) {
                Some(value) => part("templates", value)?,
                None => Templates::default(),
            },
        };
        definition
            .validate()
            .map_err(|Invalid { field, reason }| Problem::field(field, reason))?;
        let own = [
            ("templates.title", &definition.templates.title),
            ("templates.text", &definition.templates.text),
        ];
        for (field, template) in own {
            if let Some(template) = template {
                template::validate(template)
                    .map_err(|error| Problem::field(field, error.to_string()))?;
            }
        }
        if let Some(secret) = &self.secret {
            // The sender has the last word on addresses and on the form of a secret.
            let opened = Secret::new(secret.expose_secret());
            api.sender()
                .check(&definition, Some(&opened))
                .map_err(|error| Problem::field("secret", error.text))?;
            let length = secret.expose_secret().len();
            if length == 0 || length > MAX_SECRET {
                return Err(Problem::field(
                    "secret",
                    format!("must have 1 to {MAX_SECRET} bytes"),
                ));
            }
        }
        Ok(definition)
    }
}

/// List channels
#[utoipa::path(get, path = "/alerts/channels", tag = "Alerts", operation_id = "alerts_channels_list",
    responses(
        (status = 200, description = "one's own, or all for those who see everything", body = ChannelList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(State(api): State<Api>, actor: Actor) -> Result<Json<ChannelList>, Problem> {
    access::may(&actor, Action::SaveChannel)?;
    let channels = api.store().channels(of(&actor), None).await?;
    let ids: Vec<ChannelId> = channels.iter().map(|channel| channel.id).collect();
    let mut sent = api.store().channels_sent(&ids).await?;
    let with_last = channels.into_iter().map(|channel| Channel {
        last: sent.remove(&channel.id).map(ChannelSent::from),
        ..Channel::from(channel)
    });
    Ok(Json(ChannelList {
        channels: with_last.collect(),
    }))
}

/// Make a channel
#[utoipa::path(post, path = "/alerts/channels", tag = "Alerts", operation_id = "alerts_channels_create",
    request_body = ChannelRequest,
    responses(
        (status = 201, description = "the channel", body = Channel),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn create(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<ChannelRequest>,
) -> Result<Written<Json<Channel>>, Problem> {
    access::may(&actor, Action::SaveChannel)?;
    let id = ChannelId(api.ids().next());
    let definition = request.definition(&api)?;
    if definition.target.needs_secret() && request.secret.is_none() {
        return Err(secret_missing());
    }
    keep(&api, id, request.secret.as_ref()).await?;
    let saved = ChannelSaved {
        channel: id,
        version: 1,
        definition,
        new_secret: request.secret.is_some(),
    };
    let event = written::event(&api, &actor.by(), saved);
    match written::append(&api, Entity::Channel, &id.to_string(), 0, &event).await? {
        Appended::At(seq) => answer(&api, id, seq, StatusCode::CREATED).await,
        // The id is fresh: nobody else can have used it.
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}

/// Change a channel
///
/// The whole of it. It is yours then: it tells of what you may see.
#[utoipa::path(put, path = "/alerts/channels/{id}", tag = "Alerts", operation_id = "alerts_channels_change",
    params(("id" = uuid::Uuid, Path)),
    request_body = ChannelRequest,
    responses(
        (status = 200, description = "the channel", body = Channel),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1706", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn change(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ChannelId>,
    Body(request): Body<ChannelRequest>,
) -> Result<Written<Json<Channel>>, Problem> {
    access::may(&actor, Action::SaveChannel)?;
    let now = known(&api, &actor, id).await?;
    let definition = request.definition(&api)?;
    let elsewhere = definition.target != now.definition.target;
    if request.secret.is_none() && (definition.target.needs_secret() && !now.has_secret) {
        return Err(secret_missing());
    }
    if request.secret.is_none() && now.has_secret && elsewhere {
        return Err(Problem::field(
            "secret",
            "must be given anew when the channel leads elsewhere",
        ));
    }
    let saved = ChannelSaved {
        channel: id,
        version: now.version.saturating_add(1),
        definition,
        new_secret: request.secret.is_some(),
    };
    // The secret first: an old one must never go to where the channel leads now. When somebody else changes the channel at
    // the same time, the new one may go to where it led before, and the answer is a conflict.
    keep(&api, id, request.secret.as_ref()).await?;
    let event = written::event(&api, &actor.by(), saved);
    match written::append(&api, Entity::Channel, &id.to_string(), now.ctl_seq, &event).await? {
        Appended::At(seq) => answer(&api, id, seq, StatusCode::OK).await,
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}

/// Remove a channel
///
/// Nothing is told through it any more. It can be brought back; its secret only for ten minutes, then it is erased.
#[utoipa::path(delete, path = "/alerts/channels/{id}", tag = "Alerts", operation_id = "alerts_channels_delete",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "removed"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1706", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn delete(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ChannelId>,
) -> Result<Written<()>, Problem> {
    access::may(&actor, Action::SaveChannel)?;
    let now = known(&api, &actor, id).await?;
    let event = written::event(&api, &actor.by(), ChannelDeleted { channel: id });
    match written::append(&api, Entity::Channel, &id.to_string(), now.ctl_seq, &event).await? {
        Appended::At(seq) => {
            api.store().erase_channel_secret_in(id, KEPT_S).await?;
            api.store().forget_secret(&slack::place(id)).await?;
            Ok(match written::visible(&api, seq).await? {
                true => Written::Row(StatusCode::NO_CONTENT, ()),
                false => Written::Pending(seq),
            })
        }
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}

/// Bring a removed channel back
///
/// As it was, and yours. One that needs a secret comes back only while that is kept.
#[utoipa::path(post, path = "/alerts/channels/{id}/restore", tag = "Alerts", operation_id = "alerts_channels_restore",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the channel", body = Channel),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1706", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1604", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn restore(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ChannelId>,
) -> Result<Written<Json<Channel>>, Problem> {
    access::may(&actor, Action::SaveChannel)?;
    let Some(removed) = api.store().removed_channel(of(&actor), id).await? else {
        known(&api, &actor, id).await?;
        return Err(Problem::new(Code::NotNow).detail("It was not removed."));
    };
    // Before the event: nothing is ever told through a channel whose secret is about to go.
    let kept = api.store().keep_channel_secret(id).await?;
    if removed.definition.target.needs_secret() && !kept {
        return Err(Problem::new(Code::NotNow)
            .detail("Its secret has been erased. Make a new channel and give the secret anew."));
    }
    let saved = ChannelSaved {
        channel: id,
        version: removed.version.saturating_add(1),
        definition: removed.definition,
        new_secret: false,
    };
    let event = written::event(&api, &actor.by(), saved);
    match written::append(
        &api,
        Entity::Channel,
        &id.to_string(),
        removed.ctl_seq,
        &event,
    )
    .await?
    {
        Appended::At(seq) => answer(&api, id, seq, StatusCode::OK).await,
        // Somebody else has brought it back, and keeps the secret.
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}

/// Writes down that somebody gives a channel a new secret beside the one that opens its door, or takes it away.
pub(super) async fn new_secret(api: &Api, actor: &Actor, id: ChannelId) -> Result<(), Problem> {
    let now = known(api, actor, id).await?;
    let saved = ChannelSaved {
        channel: id,
        version: now.version.saturating_add(1),
        definition: now.definition,
        new_secret: true,
    };
    let event = written::event(api, &actor.by(), saved);
    match written::append(api, Entity::Channel, &id.to_string(), now.ctl_seq, &event).await? {
        Appended::At(seq) => {
            written::visible(api, seq).await?;
            Ok(())
        }
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}

/// Whose channels somebody sees.
fn of(actor: &Actor) -> Option<chatops_schemas::ids::UserId> {
    (!actor.role.is_everywhere()).then_some(actor.user)
}

/// A channel that this person may know of.
async fn known(api: &Api, actor: &Actor, id: ChannelId) -> Result<view::Channel, Problem> {
    let mut found = api.store().channels(of(actor), Some(id)).await?;
    found.pop().ok_or(Problem::new(Code::NoChannel))
}

fn secret_missing() -> Problem {
    Problem::field("secret", "is needed for a channel of this kind")
}

async fn keep(api: &Api, id: ChannelId, secret: Option<&SecretString>) -> Result<(), Problem> {
    if let Some(secret) = secret {
        let bytes = secret.expose_secret().as_bytes();
        let sealed = api.seal()?.close(&seal::of_channel(id), bytes)?;
        api.store().put_channel_secret(id, &sealed).await?;
    }
    Ok(())
}

async fn answer(
    api: &Api,
    id: ChannelId,
    seq: u64,
    status: StatusCode,
) -> Result<Written<Json<Channel>>, Problem> {
    let channel = match written::visible(api, seq).await? {
        true => api.store().channels(None, Some(id)).await?.pop(),
        false => None,
    };
    Ok(channel.map_or(Written::Pending(seq), |channel| {
        Written::Row(status, Json(channel.into()))
    }))
}
