//! `/alerts/channels/{id}/test`, `/alerts/channels/preview`: see what a channel does before an alert does it.

use axum::{Json, extract::State};
use chatops_alerting::notify::{
    Message, Secret,
    message::Kind,
    template::{self, Words},
};
use chatops_schemas::{channel::Templates, ids::ChannelId};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{known, part};
use crate::{
    access::{self, Action},
    auth::{actor::Actor, seal},
    code::Code,
    extract::{Body, Path},
    problem::{Document, Problem},
    state::Api,
};

/// What became of a message that was sent to try a channel out.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelTested {
    /// Whether the other side has taken it.
    sent: bool,
    /// Its answer, or why there is none.
    answer: String,
    /// Its status, of HTTP or of SMTP.
    #[schema(required)]
    status: Option<u16>,
    /// Milliseconds that it took.
    took_ms: u64,
}

/// What a channel would say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// Where it leads.
    #[schema(value_type = Object)]
    target: Value,
    /// Own words.
    #[serde(default)]
    #[schema(value_type = Object)]
    templates: Value,
}

/// What a channel would say about an alert that has been made up.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelPreview {
    /// One line.
    title: String,
    /// The rest.
    text: String,
}

/// Send a test message
///
/// To where the channel leads, at once and once. The answer is the real one.
#[utoipa::path(post, path = "/alerts/channels/{id}/test", tag = "Alerts", operation_id = "alerts_channels_test",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "what became of it", body = ChannelTested),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1706", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn test(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ChannelId>,
) -> Result<Json<ChannelTested>, Problem> {
    access::may(&actor, Action::SaveChannel)?;
    let channel = known(&api, &actor, id).await?;
    let secret = match api.store().channel_secret(id).await? {
        Some(sealed) => {
            let opened = api.seal()?.open(&seal::of_channel(id), &sealed)?;
            let text = String::from_utf8(opened.expose_secret().to_vec());
            Some(Secret::new(text.map_err(|_| Problem::new(Code::Internal))?))
        }
        None => None,
    };
    let message = Message {
        id: api.ids().next().to_string(),
        kind: Kind::Test,
        ..template::example(Kind::Test)
    };
    let begun = tokio::time::Instant::now();
    let sent = api
        .sender()
        .send(&channel.definition, secret.as_ref(), &message);
    let sent = sent.await;
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Json(match sent {
        Ok(answer) => ChannelTested {
            sent: true,
            answer: match answer.template {
                Some(problem) => format!("{} (the usual words were sent: {problem})", answer.body),
                None => answer.body,
            },
            status: Some(answer.status),
            took_ms,
        },
        Err(error) => ChannelTested {
            sent: false,
            answer: match error.body.is_empty() {
                true => error.text,
                false => format!("{}: {}", error.text, error.body),
            },
            status: error.status,
            took_ms,
        },
    }))
}

/// Preview a message
#[utoipa::path(post, path = "/alerts/channels/preview", tag = "Alerts", operation_id = "alerts_channels_preview",
    request_body = PreviewRequest,
    responses(
        (status = 200, description = "what it would say", body = ChannelPreview),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn preview(
    actor: Actor,
    Body(request): Body<PreviewRequest>,
) -> Result<Json<ChannelPreview>, Problem> {
    access::may(&actor, Action::SaveChannel)?;
    let target = part("target", request.target)?;
    let templates: Templates = match request.templates {
        Value::Null => Templates::default(),
        value => part("templates", value)?,
    };
    let Words { title, text } = template::preview(&templates, &target)
        .map_err(|error| Problem::field("templates", error.to_string()))?;
    Ok(Json(ChannelPreview { title, text }))
}
