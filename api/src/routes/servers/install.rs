//! `GET /servers/{id}/install`: the command that connects a host. The key is shown once when it is made, so the command
//! has a place for it.

use axum::{Json, extract::State};
use chatops_schemas::ids::ServerId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    extract::Path,
    peer::Peer,
    problem::{Document, Problem},
    state::Api,
};

/// What stands where the key belongs.
const KEY_PLACE: &str = "<API_KEY>";

/// How to connect a host.
#[derive(Debug, Serialize, ToSchema)]
pub struct Install {
    /// Ways to do it, the usual one first; `<API_KEY>` stands for a key of the server.
    commands: Vec<InstallCommand>,
    /// Address of the bus for agents.
    #[schema(example = "nats://192.0.2.10:4222")]
    nats_url: String,
    /// Address of this server, for agents that can only speak HTTP(S).
    #[schema(example = "http://192.0.2.10:8080")]
    http_url: String,
}

/// One way.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstallCommand {
    /// For people.
    #[schema(example = "Linux")]
    label: &'static str,
    /// To be pasted into a shell on the host.
    command: String,
}

/// How to connect a host
#[utoipa::path(get, path = "/servers/{id}/install", tag = "Servers", operation_id = "servers_install",
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "the commands", body = Install),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    peer: Peer,
    Path(id): Path<ServerId>,
) -> Result<Json<Install>, Problem> {
    access::server(&api, &actor, &id, Action::SeeServer).await?;
    let nats_url = api.config().agent_nats_url.clone();
    let http_url = http_url(api.config().public_url.as_deref(), &peer);
    let run = |url: &str| format!("chatops-agent run --url {url} --api-key {KEY_PLACE}");
    let commands = vec![
        InstallCommand {
            label: "Linux",
            command: run(&nats_url),
        },
        InstallCommand {
            label: "Linux, only HTTP allowed",
            command: run(&http_url),
        },
    ];
    Ok(Json(Install {
        commands,
        nats_url,
        http_url,
    }))
}

/// What the settings say, else the address under which this very request came. The host header is what a client wrote, and
/// the text ends in a shell: only what can be part of a host name is taken from it.
pub(crate) fn http_url(public: Option<&str>, peer: &Peer) -> String {
    if let Some(public) = public {
        return public.trim_end_matches('/').to_owned();
    }
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
    let host = peer
        .host
        .as_deref()
        .filter(|host| !host.is_empty() && host.chars().all(plain));
    let scheme = if peer.https { "https" } else { "http" };
    format!("{scheme}://{}", host.unwrap_or("127.0.0.1:8080"))
}
