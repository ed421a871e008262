//! `POST /servers/{id}/enrolment`: a one-time code with which a host becomes this server, inside the command that does it.

use axum::{Json, extract::State, http::StatusCode};
use chatops_schemas::{event::ctl::EnrolmentOffered, ids::ServerId, subject::Entity};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::install::http_url;
use crate::{
    access::{self, Action},
    auth::{
        actor::Actor,
        secret::{self, Digest},
    },
    body::moment::Moment,
    code::Code,
    extract::Path,
    peer::Peer,
    problem::{Document, Problem},
    routes::install,
    state::Api,
    written::{self, Appended},
};

/// How long a code works.
const MINUTES: i64 = 10;

/// A code, for the only time.
#[derive(Serialize, ToSchema)]
pub struct Enrolment {
    /// Works once.
    #[schema(example = "k7q2-mzv5-xw3t-bn4h")]
    code: String,
    /// When it stops working.
    expires_at: Moment,
    /// To be pasted into a root shell on the host: fetches the installer, checks it, runs it.
    command: String,
    /// For a host that has the agent's program already.
    enroll_command: String,
    /// Fingerprint of our own certificate authority, where one is in use.
    #[schema(required)]
    ca_sha256: Option<String>,
}

/// Make a one-time code for a host
#[utoipa::path(post, path = "/servers/{id}/enrolment", tag = "Servers", operation_id = "servers_enrolment",
    params(("id" = String, Path)),
    responses(
        (status = 201, description = "the code, for the only time", body = Enrolment),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    peer: Peer,
    Path(id): Path<ServerId>,
) -> Result<(StatusCode, Json<Enrolment>), Problem> {
    let server = access::server(&api, &actor, &id, Action::IssueKey).await?;
    let (enrolment, code) = (secret::key_id()?, secret::enrolment_code()?);
    let now = api.clock().now();
    let expires_at = now.plus_millis(MINUTES * 60_000);
    let event = written::event_about(
        &api,
        &actor.by(),
        &server.id,
        EnrolmentOffered {
            enrolment: enrolment.clone(),
            server: server.id.clone(),
            expires_at,
        },
    );
    let appended = written::append(&api, Entity::Enrolment, enrolment.as_str(), 0, &event).await?;
    if appended == Appended::Conflict {
        return Err(Problem::new(Code::Conflict));
    }
    // After the event: a code that works is on record.
    let digest = Digest::of(code.expose_secret()).bytes();
    api.store()
        .put_enrolment(digest, &enrolment, &server.id, expires_at, now)
        .await?;
    let url = http_url(api.config().public_url.as_deref(), &peer);
    let installer = install::installer(&api).await;
    let ca_sha256 = api.config().ca.as_ref().map(|ca| ca.sha256.clone());
    let code = code.expose_secret().to_owned();
    let pin = ca_sha256
        .as_ref()
        .map(|ca| format!(" --ca-sha256 {ca}"))
        .unwrap_or_default();
    Ok((
        StatusCode::CREATED,
        Json(Enrolment {
            command: installer.command(&url, &code, ca_sha256.is_some()),
            enroll_command: format!("chatops-agent enroll --url {url} --code {code}{pin}"),
            code,
            expires_at: expires_at.into(),
            ca_sha256,
        }),
    ))
}
