//! Which entries a person asks for; the same words in the list and in the export, and in the address of the page.

use chatops_projections::view::AuditQuery;
use chatops_schemas::{audit::Outcome, clock::Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{problem::Problem, routes::metrics::time_text, state::Api};

/// Longest text of a filter.
const MAX: usize = 255;

/// Filters; those that are absent or empty let everything through.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// A sign-in name or e-mail address, or an actor as entries name it (`user:<id>`, `key:<id>`, `system`).
    #[param(nullable = false, example = "ada")]
    actor: Option<String>,
    /// An action; a `*` at the end stands for any rest.
    #[param(nullable = false, example = "server.*")]
    action: Option<String>,
    /// A target as entries name it: `<kind>:<id>`.
    #[param(nullable = false, example = "server:3f2a")]
    target: Option<String>,
    /// `ok`, `denied` or `failed`.
    #[param(nullable = false, example = "denied")]
    result: Option<String>,
    /// Address the actor came from.
    #[param(nullable = false, example = "192.0.2.1")]
    address: Option<String>,
    /// Not before this moment: RFC 3339, milliseconds since 1970, or `now-6h`.
    #[param(nullable = false, example = "now-7d")]
    from: Option<String>,
    /// Before this moment.
    #[param(nullable = false)]
    to: Option<String>,
}

impl AuditFilter {
    /// As the database is asked.
    pub(super) async fn query(&self, api: &Api) -> Result<AuditQuery, Problem> {
        let result = text("result", self.result.as_deref())?;
        if let Some(result) = &result
            && Outcome::parse(result).is_none()
        {
            return Err(Problem::field("result", "must be ok, denied or failed"));
        }
        let now = api.clock().now();
        Ok(AuditQuery {
            actor: match text("actor", self.actor.as_deref())? {
                Some(name) if !name.contains(':') => Some(actor(api, name).await?),
                named => named,
            },
            action: text("action", self.action.as_deref())?,
            target: text("target", self.target.as_deref())?,
            address: text("address", self.address.as_deref())?,
            result,
            from: moment("from", self.from.as_deref(), now)?,
            to: moment("to", self.to.as_deref(), now)?,
        })
    }

    /// As an event about an export says it: nothing but what was asked.
    pub(super) fn words(&self) -> String {
        let fields = [
            ("actor", &self.actor),
            ("action", &self.action),
            ("target", &self.target),
            ("result", &self.result),
            ("address", &self.address),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let given = fields.into_iter().filter_map(|(name, value)| {
            let value = value.as_deref().filter(|value| !value.is_empty())?;
            Some((name, value))
        });
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(given)
            .finish()
    }
}

/// A name that people know, as the actor that entries know; what is no person's name stands for itself.
pub(crate) async fn actor(api: &Api, name: String) -> Result<String, Problem> {
    let user = api
        .store()
        .user_by_login(&chatops_projections::fold(&name))
        .await?;
    Ok(user.map_or(name, |user| format!("user:{}", user.id)))
}

/// A text that can be asked for; `None` when it is empty.
pub(crate) fn text(field: &'static str, given: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(given) = given.map(str::trim).filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    if given.len() > MAX || given.chars().any(char::is_control) {
        return Err(Problem::field(
            field,
            "must be at most 255 bytes without control characters",
        ));
    }
    Ok(Some(given.to_owned()))
}

/// A moment; `None` when it is empty.
pub(crate) fn moment(
    field: &'static str,
    given: Option<&str>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Problem> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    time_text::parse(given, now).map(Some).ok_or_else(|| {
        Problem::field(
            field,
            "must be RFC 3339, milliseconds since 1970, or now-6h",
        )
    })
}
