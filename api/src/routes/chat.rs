//! `/chat`: what people do from a chat. What they can say is in [`crate::chat::words`].

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use chatops_schemas::{
    event::access::{Method, SignInFailed},
    ids::ChannelId,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::{Actor, InPerson},
    chat::{
        act::{self, Said},
        link, slack,
        words::{HELP, Words},
    },
    code::Code,
    extract::{Body, Path},
    peer::Peer,
    problem::{Document, Problem},
    routes::channels,
    state::Api,
    witness,
    written::By,
};

/// Most characters of a line.
const LONGEST: usize = 2000;
/// Fewest and most bytes of a signing secret.
const SECRET: std::ops::RangeInclusive<usize> = 16..=256;

/// What a chat says of a slash command; the rest of its fields is not looked at.
#[derive(Debug, Deserialize)]
struct Slash {
    #[serde(default)]
    team_id: String,
    user_id: String,
    #[serde(default)]
    text: String,
}

/// What a chat shows.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatAnswer {
    /// `ephemeral`: to whoever asked. `in_channel`: to all.
    response_type: &'static str,
    /// In words.
    text: String,
}

impl From<Said> for ChatAnswer {
    fn from(said: Said) -> Self {
        Self {
            response_type: if said.for_all {
                "in_channel"
            } else {
                "ephemeral"
            },
            text: said.text,
        }
    }
}

/// Something said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SayRequest {
    /// A line, such as `ack web-01` or `silence web-01 2h new disks`; `help` lists what can be said.
    #[schema(example = "status web-01")]
    text: String,
}

/// A code that says in a chat who you are.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatCode {
    /// Shown once; holds once, and for ten minutes.
    code: String,
    /// What to say in the chat.
    #[schema(example = "/chatops link abcdefghijklmnop")]
    say: String,
}

/// What a chat signs its requests with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SigningSecret {
    /// 16 to 256 characters: the "signing secret" of the chat's app. In no answer.
    #[schema(value_type = String, write_only)]
    secret: SecretString,
}

fn line(text: &str) -> Result<Words, String> {
    if text.chars().count() > LONGEST {
        return Err(format!("That is longer than {LONGEST} characters."));
    }
    Words::parse(text)
}

/// Say something in a Slack-compatible chat
///
/// For slash commands of a chat that signs them as Slack does (`X-Slack-Signature`, version v0). `{id}` is an alert channel
/// with a signing secret. Whoever is linked does it with their own rights. Everything but a wrong signature is answered with 200
/// and words, because that is what the chat shows.
#[utoipa::path(post, path = "/chat/slack/{id}", tag = "Chat", operation_id = "chat_slack", security(()),
    params(("id" = uuid::Uuid, Path)),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "what the chat shows", body = ChatAnswer),
        (status = 400, description = "CO1102", body = Document, content_type = "application/problem+json"),
        (status = 401, description = "CO1707", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1105", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1016, CO1902 or CO1903", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn slack(
    State(api): State<Api>,
    peer: Peer,
    Path(channel): Path<ChannelId>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<ChatAnswer>, Problem> {
    slack::check(&api, channel, &headers, &body).await?;
    let slash: Slash = serde_urlencoded::from_bytes(&body)
        .map_err(|error| Problem::field("body", error.to_string()))?;
    let subject = format!("{}:{}", slash.team_id, slash.user_id);
    if subject.len() > 128 || slash.user_id.is_empty() {
        return Err(Problem::field("user_id", "is empty or too long"));
    }
    let words = match line(&slash.text) {
        Ok(words) => words,
        Err(expected) => return Ok(Json(Said::quietly(expected).into())),
    };
    if let Words::Link(code) = &words {
        let linked = link::link(&api, channel, &subject, code, peer.address).await;
        let text = match linked {
            Ok(Some(name)) => format!("You are {name} now. Try `help`."),
            Ok(None) => {
                let failed = SignInFailed {
                    user: None,
                    name_digest: None,
                    method: Method::Chat,
                    reason: "wrong_code".to_owned(),
                };
                witness::note(&api, &By::stranger(peer.address), failed);
                "This code is none, was used, or is older than ten minutes. Make another in the app.".to_owned()
            }
            Err(problem) if problem.code() == Code::IdentityTaken => {
                "Somebody else here is linked to you already. They can take that back in the app, under Security.".to_owned()
            }
            Err(problem) => return Err(problem),
        };
        return Ok(Json(Said::quietly(text).into()));
    }
    let actor = match link::actor(&api, channel, &subject, peer.address).await {
        Ok(Some(actor)) => actor,
        Ok(None) => {
            let text = "I do not know who you are here. Make a code in the app (Settings, Security, Chat) and say `link CODE`.";
            return Ok(Json(Said::quietly(text).into()));
        }
        Err(problem) if problem.code() == Code::Deactivated => {
            return Ok(Json(Said::quietly("Your account is switched off.").into()));
        }
        Err(problem) => return Err(problem),
    };
    Ok(Json(act::act(&api, &actor, words).await?.into()))
}

/// Say something
///
/// The same words as in a chat, with any credential: for a reply to a webhook, a button of an ntfy message, or a bot of one's
/// own, each with a personal API token.
#[utoipa::path(post, path = "/chat/say", tag = "Chat", operation_id = "chat_say",
    request_body = SayRequest,
    responses(
        (status = 200, description = "what came of it", body = ChatAnswer),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn say(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<SayRequest>,
) -> Result<Json<ChatAnswer>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    let words = line(&request.text).map_err(|expected| Problem::field("text", expected))?;
    if matches!(words, Words::Link(_)) {
        return Ok(Json(Said::quietly(HELP).into()));
    }
    Ok(Json(act::act(&api, &actor, words).await?.into()))
}

/// Make a code that links a chat to your account
///
/// Say it in the chat within ten minutes. From then on what you say there is done with your rights.
#[utoipa::path(post, path = "/chat/link", tag = "Chat", operation_id = "chat_link",
    responses(
        (status = 201, description = "the code", body = ChatCode),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1010", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn code(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
) -> Result<(StatusCode, Json<ChatCode>), Problem> {
    let code = link::code(&api, actor.user).await?;
    let say = format!("/chatops link {code}");
    Ok((StatusCode::CREATED, Json(ChatCode { code, say })))
}

/// Let a chat talk to us
///
/// Keeps the secret with which the chat of this channel signs its requests. They go to `/api/v1/chat/slack/{id}`.
#[utoipa::path(put, path = "/alerts/channels/{id}/chat", tag = "Chat", operation_id = "alerts_channels_chat",
    params(("id" = uuid::Uuid, Path)),
    request_body = SigningSecret,
    responses(
        (status = 204, description = "kept"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1706", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1016", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn open(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ChannelId>,
    Body(request): Body<SigningSecret>,
) -> Result<StatusCode, Problem> {
    access::may(&actor, Action::SaveChannel)?;
    let secret = request.secret.expose_secret().trim();
    if !SECRET.contains(&secret.len()) {
        return Err(Problem::field("secret", "must have 16 to 256 bytes"));
    }
    channels::new_secret(&api, &actor, id).await?;
    slack::keep(&api, id, secret).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a chat talk to us no longer
#[utoipa::path(delete, path = "/alerts/channels/{id}/chat", tag = "Chat", operation_id = "alerts_channels_chat_end",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "its secret is erased"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1706", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn close(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ChannelId>,
) -> Result<StatusCode, Problem> {
    access::may(&actor, Action::SaveChannel)?;
    channels::new_secret(&api, &actor, id).await?;
    api.store().forget_secret(&slack::place(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
