//! `POST /enroll`: a host shows a one-time code and gets a key of its own, the addresses to send to, and what it has to
//! know to trust this server from now on.

use axum::{Json, extract::State, http::StatusCode};
use chatops_projections::Visible;
use chatops_schemas::{event::ctl::KeyIssued, ids::ServerId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{api_keys::create::issue, servers::install::http_url};
use crate::{
    auth::{
        api_key::too_many,
        secret::{self, Digest},
        signing::{self, PublicKey},
    },
    code::Code,
    decide::issue_key,
    extract::Body,
    peer::Peer,
    problem::{Document, Problem},
    state::Api,
    written::{self, By},
};

/// Attempts are counted under this name, per address.
const PLACE: &str = "enrolment";
/// Longest host name that becomes the name of a key.
const LONGEST_NAME: usize = 128;

/// What a host shows.
#[derive(Deserialize, ToSchema)]
pub struct EnrollRequest {
    /// The code.
    #[schema(value_type = String, example = "k7q2-mzv5-xw3t-bn4h")]
    code: SecretString,
    /// Its name: becomes the name of the key.
    hostname: Option<String>,
}

/// What a host needs to know.
#[derive(Serialize, ToSchema)]
pub struct Enrolled {
    /// The server it has become.
    #[schema(value_type = String)]
    server_id: ServerId,
    /// That server's name.
    name: String,
    /// Its key, for the only time.
    key: String,
    /// Address of the bus for agents.
    nats_url: String,
    /// Address of this server, for agents that can only speak HTTP(S).
    http_url: String,
    /// Who signs what the agent may be asked to do. To be pinned.
    signing_key: PublicKey,
    /// Our own certificate authority, PEM, where one is in use. To be pinned.
    #[schema(required)]
    ca_pem: Option<String>,
    /// SHA-256 of that certificate.
    #[schema(required)]
    ca_sha256: Option<String>,
}

/// Become a server with a one-time code
#[utoipa::path(post, path = "/enroll", tag = "API keys", operation_id = "enroll", security(()),
    request_body = EnrollRequest,
    responses(
        (status = 201, description = "the key and whom to trust", body = Enrolled),
        (status = 401, description = "CO1302", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005, see Retry-After", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    peer: Peer,
    Body(request): Body<EnrollRequest>,
) -> Result<(StatusCode, Json<Enrolled>), Problem> {
    let now = api.clock().now();
    api.throttle()
        .attempt(peer.address, PLACE, now)
        .map_err(too_many)?;
    // Typed by hand, perhaps.
    let code = request.code.expose_secret().trim().to_ascii_lowercase();
    let digest = Digest::of(&code).bytes();
    let (id, server) = api
        .store()
        .take_enrolment(digest, now)
        .await?
        .ok_or_else(|| Problem::new(Code::EnrolmentCode))?;
    let enrolled = enrol(
        &api,
        &peer,
        &By::enrolment(&id, peer.address),
        &server,
        &request,
    )
    .await;
    match enrolled {
        Ok(enrolled) => {
            api.throttle().succeeded(peer.address, PLACE);
            tracing::info!(server.id = %server, enrolment = %id, "a host was enrolled");
            Ok((StatusCode::CREATED, Json(enrolled)))
        }
        Err(problem) => {
            api.store().return_enrolment(digest).await?;
            Err(problem)
        }
    }
}

async fn enrol(
    api: &Api,
    peer: &Peer,
    by: &By,
    server: &ServerId,
    request: &EnrollRequest,
) -> Result<Enrolled, Problem> {
    // Gone in the meantime: then the code is nobody's any more.
    let row = api
        .store()
        .server(Visible::All, server)
        .await?
        .ok_or_else(|| Problem::new(Code::EnrolmentCode))?;
    let (key_id, secret) = (secret::key_id()?, secret::token()?);
    let name: Option<String> = request.hostname.as_deref().map(|name| {
        name.chars()
            .filter(|c| !c.is_control())
            .take(LONGEST_NAME)
            .collect()
    });
    let issued: KeyIssued = issue_key::decide(
        row.id.clone(),
        key_id,
        name.as_deref(),
        None,
        api.clock().now(),
    )?;
    // Before the key exists: what follows its event must not fail any more.
    let signing_key = signing::public_key(api.store()).await?;
    let (key, seq) = issue(api, by, issued, &secret).await?;
    // The gate looks keys up in the database; the host comes at once.
    written::visible(api, seq).await?;
    let ca = api.config().ca.as_ref();
    Ok(Enrolled {
        server_id: row.id,
        name: row.name,
        key: key.key,
        nats_url: api.config().agent_nats_url.clone(),
        http_url: http_url(api.config().public_url.as_deref(), peer),
        signing_key,
        ca_pem: ca.map(|ca| ca.pem.clone()),
        ca_sha256: ca.map(|ca| ca.sha256.clone()),
    })
}
