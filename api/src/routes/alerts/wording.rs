//! What a rule watches, as people ask for it: in one line, or as data. `POST /alerts/rules/check` only reads it.

use axum::{Json, extract::State};
use chatops_schemas::rule::{Condition, Rule, Scope, Severity, Wording};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::alert::Watching,
    extract::Body,
    problem::{Document, Problem},
    state::Api,
};

/// Longest wording, in bytes: what an alert can hold of it.
const LONGEST: usize = 4096;

/// What to watch, in one line or as data.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) wording: Option<String>,
    pub(super) when: Option<Value>,
    pub(super) for_ms: Option<u64>,
    pub(super) keep_ms: Option<u64>,
}

impl Asked {
    /// Whether it was said in one line.
    const fn in_words(&self) -> bool {
        self.wording.is_some()
    }

    fn read(self) -> Result<Wording, Problem> {
        let said = match (self.wording, self.when) {
            (Some(_), Some(_)) => {
                let reason = "say it in `wording` or in `when`, not in both";
                return Err(Problem::field("wording", reason));
            }
            (None, None) => {
                return Err(Problem::field("wording", "must be given, or `when`"));
            }
            (Some(_), None) if self.for_ms.is_some() || self.keep_ms.is_some() => {
                let field = if self.for_ms.is_some() {
                    "for_ms"
                } else {
                    "keep_ms"
                };
                return Err(Problem::field(
                    field,
                    "is said in `wording`: \"… for 5m keep 1m\"",
                ));
            }
            (Some(text), None) if text.len() > LONGEST => {
                return Err(Problem::field("wording", "has more than 4096 bytes"));
            }
            (Some(text), None) => Wording::parse(&text)
                .map_err(|error| Problem::field("wording", error.to_string()))?,
            (None, Some(when)) => Wording {
                when: serde_json::from_value::<Condition>(when)
                    .map_err(|error| Problem::field("when", error.to_string()))?,
                for_ms: self.for_ms.unwrap_or_default(),
                keep_ms: self.keep_ms.unwrap_or_default(),
            },
        };
        Ok(said)
    }

    /// A rule that watches this.
    pub(super) fn rule(
        self,
        name: String,
        note: String,
        enabled: bool,
        severity: Severity,
        scope: Scope,
    ) -> Result<Rule, Problem> {
        let in_words = self.in_words();
        let Wording {
            when,
            for_ms,
            keep_ms,
        } = self.read()?;
        let rule = Rule {
            name: name.trim().to_owned(),
            note,
            enabled,
            severity,
            scope,
            when,
            for_ms,
            keep_ms,
        };
        rule.validate().map_err(|invalid| {
            let about_the_rule = ["name", "note", "scope", "scope.tags"];
            match in_words && !about_the_rule.contains(&&*invalid.field) {
                true => Problem::field("wording", format!("{}: {}", invalid.field, invalid.reason)),
                false => Problem::field(invalid.field, invalid.reason),
            }
        })?;
        if rule.wording().len() > LONGEST {
            return Err(Problem::field("when", "is longer than 4096 bytes in words"));
        }
        Ok(rule)
    }

    /// A rule that is tried or looked at, and kept by nobody.
    pub(super) fn draft(self) -> Result<Rule, Problem> {
        let name = "draft".to_owned();
        self.rule(name, String::new(), true, Severity::Warning, Scope::All)
    }
}

/// A wording to be checked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WordingRequest {
    /// What to watch.
    #[schema(example = "cpu > 90 clear 80 for 5m")]
    wording: String,
}

/// A wording that can be a rule.
#[derive(Debug, Serialize, ToSchema)]
pub struct WordingChecked {
    /// Always true; a wording that cannot be a rule is a problem that says at which character.
    ok: bool,
    #[serde(flatten)]
    watching: Watching,
    /// The numbers that it looks at; none for a fact such as `down`.
    series: Vec<String>,
}

/// Check what a rule would watch
///
/// Nothing is kept. A mistake is answered with the character at which it is.
#[utoipa::path(post, path = "/alerts/rules/check", tag = "Alerts", operation_id = "alerts_rules_check",
    request_body = WordingRequest,
    responses(
        (status = 200, description = "it can be a rule", body = WordingChecked),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn check(
    State(_api): State<Api>,
    actor: Actor,
    Body(request): Body<WordingRequest>,
) -> Result<Json<WordingChecked>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    let asked = Asked {
        wording: Some(request.wording),
        ..Asked::default()
    };
    let rule = asked.draft()?;
    let series = rule.when.measures().into_iter();
    Ok(Json(WordingChecked {
        ok: true,
        watching: Watching::of(&rule),
        series: series.map(|measure| measure.series.clone()).collect(),
    }))
}
