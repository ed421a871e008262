//! `GET /docker/{server_id}/containers/{container}/inspect`: all that the engine says of a container.
//!
//! Values of environment variables are secrets more often than not: only who may act on the container, and so could read
//! them anyway, is shown them.

use axum::{Json, extract::State};
use chatops_schemas::{ids::ServerId, order::Question};
use serde_json::Value;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    code::Code,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
};

/// Inspect a container
///
/// The engine's own answer. Values of environment variables are left out unless you may act on the container.
#[utoipa::path(get, path = "/docker/{server_id}/containers/{container}/inspect", tag = "Containers", operation_id = "docker_inspect",
    params(("server_id" = String, Path), ("container" = String, Path, description = "id or name")),
    responses(
        (status = 200, description = "what the engine says", body = Object),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204, or CO1403 when the host does not allow it", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201 or CO1406", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1404, CO1408 or CO1409", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1401, CO1405, CO1407 or CO1902", body = Document, content_type = "application/problem+json"),
        (status = 504, description = "CO1402", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path((server, container)): Path<(ServerId, String)>,
) -> Result<Json<Value>, Problem> {
    access::server(&api, &actor, &server, Action::SeeServer).await?;
    let question = Question::Inspect { container };
    let text: String = api.orders().ask(&actor.by(), &server, question).await?;
    let mut inspected: Value = serde_json::from_str(&text).map_err(|_| {
        Problem::new(Code::HostUnsupported).detail("The host's answer was not understood.")
    })?;
    let controls = access::server(&api, &actor, &server, Action::ControlContainer).await;
    if controls.is_err() {
        hide_values(&mut inspected);
    }
    Ok(Json(inspected))
}

/// `NAME=value` becomes `NAME=`.
fn hide_values(inspected: &mut Value) {
    let Some(Value::Array(variables)) = inspected.pointer_mut("/Config/Env") else {
        return;
    };
    for variable in variables {
        let name = variable
            .as_str()
            .and_then(|text| text.split_once('='))
            .map_or("", |(name, _)| name);
        *variable = Value::String(format!("{name}="));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_of_variables_are_hidden() {
        let mut inspected = json!({"Config": {"Env": ["PASSWORD=hunter2", "odd", 7]}, "Id": "a"});
        hide_values(&mut inspected);
        let expected = json!({"Config": {"Env": ["PASSWORD=", "=", "="]}, "Id": "a"});
        assert_eq!(inspected, expected);
    }
}
