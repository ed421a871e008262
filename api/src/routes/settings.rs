//! `/settings`: what is decided for the whole system while it runs. Until somebody decides, the settings file counts.

use axum::{Json, extract::State, http::StatusCode};
use chatops_schemas::{
    event::people::{self, SettingsChanged},
    subject::{Entity, SYSTEM},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    code::Code,
    config::Registration,
    extract::Body,
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// Who may make an account.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrationSettings {
    /// Who may make an account.
    registration: Registration,
}

/// Who may make an account, as it is now.
pub(crate) async fn registration(api: &Api) -> Result<people::Registration, Problem> {
    let changed = api.store().system_settings().await?;
    let from_file = api.config().registration.into();
    Ok(changed.map_or(from_file, |changed| changed.registration))
}

/// Who may make an account?
#[utoipa::path(get, path = "/settings/registration", tag = "People", operation_id = "settings_registration",
    responses(
        (status = 200, description = "the mode", body = RegistrationSettings),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn show(
    State(api): State<Api>,
    actor: Actor,
) -> Result<Json<RegistrationSettings>, Problem> {
    access::may(&actor, Action::ChangeSettings)?;
    let registration = registration(&api).await?.into();
    Ok(Json(RegistrationSettings { registration }))
}

/// Change who may make an account
#[utoipa::path(put, path = "/settings/registration", tag = "People", operation_id = "settings_change_registration",
    request_body = RegistrationSettings,
    responses(
        (status = 200, description = "the mode", body = RegistrationSettings),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn change(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<RegistrationSettings>,
) -> Result<Written<Json<RegistrationSettings>>, Problem> {
    access::may(&actor, Action::ChangeSettings)?;
    let wanted = people::Registration::from(request.registration);
    for _ in 0..written::ATTEMPTS {
        let now = api.store().system_settings().await?;
        if now.is_some_and(|now| now.registration == wanted) {
            return Ok(Written::Row(StatusCode::OK, Json(request)));
        }
        let expected = now.map_or(0, |now| now.ctl_seq);
        let changed = SettingsChanged {
            registration: wanted,
        };
        let event = written::event(&api, &actor.by(), changed);
        match written::append(&api, Entity::Settings, SYSTEM, expected, &event).await? {
            Appended::At(seq) if written::visible(&api, seq).await? => {
                return Ok(Written::Row(StatusCode::OK, Json(request)));
            }
            Appended::At(seq) => return Ok(Written::Pending(seq)),
            Appended::Conflict => {
                written::visible_now(&api, Entity::Settings, SYSTEM).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}
