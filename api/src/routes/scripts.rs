//! `/scripts`: something to run that is kept under a name.
//!
//! Every operator sees all scripts and may make one; whoever made it and administrators change it. Where it may run is
//! decided by the servers, not by the script.

use axum::{Json, extract::State, http::StatusCode};
use chatops_projections::view;
use chatops_schemas::{
    event::{
        Event as _, Invalid,
        script::{self, Parameter, ScriptDeleted, ScriptSaved},
    },
    ids::ScriptId,
    order::Program,
    subject::Entity,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::moment::Moment,
    code::Code,
    decide::plan::{self, Command},
    extract::{Body, Path},
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// Versions that are shown.
const VERSIONS: u32 = 100;

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParameterKind {
    /// Any text of one line.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// One of `choices`.
    Choice,
    /// A text that is shown to nobody.
    Secret,
}

/// Something that whoever runs a script fills in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ScriptParameter)]
pub struct ParameterBody {
    /// Name of the environment variable that it becomes.
    #[schema(example = "RELEASE")]
    name: String,
    /// For people.
    #[serde(default)]
    #[schema(nullable = false)]
    description: Option<String>,
    /// What a value may be.
    kind: ParameterKind,
    /// For a choice.
    #[serde(default)]
    choices: Vec<String>,
    /// The value when none is given; never for a secret.
    #[serde(default)]
    #[schema(nullable = false)]
    default: Option<String>,
    /// Whether a value must be there.
    #[serde(default)]
    required: bool,
}

impl From<ParameterBody> for Parameter {
    fn from(body: ParameterBody) -> Self {
        Self {
            name: body.name,
            description: body.description,
            kind: match body.kind {
                ParameterKind::Text => script::Kind::Text,
                ParameterKind::Number => script::Kind::Number,
                ParameterKind::Flag => script::Kind::Flag,
                ParameterKind::Choice => script::Kind::Choice(body.choices),
                ParameterKind::Secret => script::Kind::Secret,
            },
            default: body.default,
            required: body.required,
        }
    }
}

impl From<Parameter> for ParameterBody {
    fn from(parameter: Parameter) -> Self {
        let (kind, choices) = match parameter.kind {
            script::Kind::Text => (ParameterKind::Text, Vec::new()),
            script::Kind::Number => (ParameterKind::Number, Vec::new()),
            script::Kind::Flag => (ParameterKind::Flag, Vec::new()),
            script::Kind::Choice(choices) => (ParameterKind::Choice, choices),
            script::Kind::Secret => (ParameterKind::Secret, Vec::new()),
        };
        Self {
            name: parameter.name,
            description: parameter.description,
            kind,
            choices,
            default: parameter.default,
            required: parameter.required,
        }
    }
}

/// A script as somebody wants it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptRequest {
    /// 1 to 128 characters.
    #[schema(example = "deploy")]
    name: String,
    /// For people.
    #[schema(nullable = false)]
    description: Option<String>,
    /// Lines for the host's shell. Parameters are environment variables: write `"$RELEASE"`.
    #[schema(nullable = false)]
    command: Option<String>,
    /// Instead: a program and its arguments.
    #[schema(nullable = false)]
    argv: Option<Vec<String>>,
    /// Folder to run it in.
    #[schema(nullable = false)]
    cwd: Option<String>,
    /// What is to be filled in; at most 32.
    #[serde(default)]
    parameters: Vec<ParameterBody>,
    /// Seconds that it may run on a host; 60 when absent.
    #[schema(nullable = false, minimum = 1, maximum = 86400)]
    timeout_s: Option<u64>,
    /// Whether another person has to approve each run.
    #[serde(default)]
    needs_approval: bool,
}

/// A script.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Script {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    id: ScriptId,
    /// Counts its versions, from 1.
    version: u32,
    /// For people.
    name: String,
    /// For people.
    #[schema(required)]
    description: Option<String>,
    /// Lines for the host's shell; `null` where `argv` is run.
    #[schema(required)]
    command: Option<String>,
    /// A program and its arguments.
    #[schema(required)]
    argv: Option<Vec<String>>,
    /// Folder to run it in.
    #[schema(required)]
    cwd: Option<String>,
    /// What is to be filled in.
    parameters: Vec<ParameterBody>,
    /// Seconds that it may run on a host.
    timeout_s: u64,
    /// Whether another person has to approve each run.
    needs_approval: bool,
    /// Who saved this version.
    #[schema(required)]
    saved_by_name: Option<String>,
    /// When.
    saved_at: Moment,
    /// Whether you may change it.
    may_change: bool,
}

impl Script {
    fn new(
        saved: ScriptSaved,
        saved_by_name: Option<String>,
        saved_at: Moment,
        may_change: bool,
    ) -> Self {
        let (command, argv) = match saved.program {
            Program::Shell(line) => (Some(line), None),
            Program::Argv(argv) => (None, Some(argv)),
        };
        Self {
            id: saved.script,
            version: saved.version,
            name: saved.name,
            description: saved.description,
            command,
            argv,
            cwd: saved.cwd,
            parameters: saved
                .parameters
                .into_iter()
                .map(ParameterBody::from)
                .collect(),
            timeout_s: saved.timeout_ms.div_ceil(1000),
            needs_approval: saved.needs_approval,
            saved_by_name,
            saved_at,
            may_change,
        }
    }

    fn of(actor: &Actor, script: view::Script) -> Self {
        let may_change = may_change(actor, &script);
        let at = Moment(script.saved_at);
        Self::new(script.saved, script.saved_by_name, at, may_change)
    }
}

fn may_change(actor: &Actor, script: &view::Script) -> bool {
    actor.role.is_everywhere() || script.created_by == Some(actor.user)
}

/// Scripts.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScriptList {
    /// By name.
    scripts: Vec<Script>,
}

/// Versions of a script.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScriptVersionList)]
pub struct VersionList {
    /// Newest first.
    versions: Vec<Script>,
}

/// List scripts
#[utoipa::path(get, path = "/scripts", tag = "Jobs", operation_id = "scripts_list",
    responses(
        (status = 200, description = "the scripts", body = ScriptList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(State(api): State<Api>, actor: Actor) -> Result<Json<ScriptList>, Problem> {
    access::may(&actor, Action::StartJob)?;
    let scripts = api.store().scripts(None).await?;
    Ok(Json(ScriptList {
        scripts: scripts
            .into_iter()
            .map(|script| Script::of(&actor, script))
            .collect(),
    }))
}

/// Show a script
#[utoipa::path(get, path = "/scripts/{id}", tag = "Jobs", operation_id = "scripts_show",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the script", body = Script),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1602", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn show(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ScriptId>,
) -> Result<Json<Script>, Problem> {
    access::may(&actor, Action::StartJob)?;
    let script = api.store().script(id).await?;
    let script = script.ok_or(Problem::new(Code::NoScript))?;
    Ok(Json(Script::of(&actor, script)))
}

/// List the versions of a script
#[utoipa::path(get, path = "/scripts/{id}/versions", tag = "Jobs", operation_id = "scripts_versions",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the newest 100", body = VersionList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1602", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn versions(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ScriptId>,
) -> Result<Json<VersionList>, Problem> {
    access::may(&actor, Action::StartJob)?;
    let versions = api.store().script_versions(id, VERSIONS).await?;
    if versions.is_empty() {
        return Err(Problem::new(Code::NoScript));
    }
    Ok(Json(VersionList {
        versions: versions
            .into_iter()
            .map(|row| Script::new(row.saved, row.saved_by_name, Moment(row.saved_at), false))
            .collect(),
    }))
}

/// Keep a script
#[utoipa::path(post, path = "/scripts", tag = "Jobs", operation_id = "scripts_create",
    request_body = ScriptRequest,
    responses(
        (status = 201, description = "the script", body = Script),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn create(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<ScriptRequest>,
) -> Result<Written<Json<Script>>, Problem> {
    access::may(&actor, Action::SaveScript)?;
    let id = ScriptId(api.ids().next());
    let saved = saved(id, 1, request)?;
    let event = written::event(&api, &actor.by(), saved);
    match written::append(&api, Entity::Script, &id.to_string(), 0, &event).await? {
        Appended::At(seq) => answer(&api, &actor, id, seq, StatusCode::CREATED).await,
        // The id is fresh: nobody else can have used it.
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}

/// Change a script
///
/// The whole of it, as a new version. Jobs that ran an older one still say which.
#[utoipa::path(put, path = "/scripts/{id}", tag = "Jobs", operation_id = "scripts_change",
    params(("id" = uuid::Uuid, Path)),
    request_body = ScriptRequest,
    responses(
        (status = 200, description = "the script", body = Script),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1602", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn change(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ScriptId>,
    Body(request): Body<ScriptRequest>,
) -> Result<Written<Json<Script>>, Problem> {
    access::may(&actor, Action::SaveScript)?;
    for _ in 0..written::ATTEMPTS {
        let now = changeable(&api, &actor, id).await?;
        let saved = saved(id, now.saved.version.saturating_add(1), request.clone())?;
        let event = written::event(&api, &actor.by(), saved);
        match written::append(&api, Entity::Script, &id.to_string(), now.ctl_seq, &event).await? {
            Appended::At(seq) => return answer(&api, &actor, id, seq, StatusCode::OK).await,
            Appended::Conflict => {
                written::visible_now(&api, Entity::Script, &id.to_string()).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// Remove a script
#[utoipa::path(delete, path = "/scripts/{id}", tag = "Jobs", operation_id = "scripts_delete",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "removed"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1602", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn delete(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ScriptId>,
) -> Result<Written<()>, Problem> {
    access::may(&actor, Action::SaveScript)?;
    let now = changeable(&api, &actor, id).await?;
    let event = written::event(&api, &actor.by(), ScriptDeleted { script: id });
    match written::append(&api, Entity::Script, &id.to_string(), now.ctl_seq, &event).await? {
        Appended::At(seq) => Ok(match written::visible(&api, seq).await? {
            true => Written::Row(StatusCode::NO_CONTENT, ()),
            false => Written::Pending(seq),
        }),
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}

async fn changeable(api: &Api, actor: &Actor, id: ScriptId) -> Result<view::Script, Problem> {
    let script = api.store().script(id).await?;
    let script = script.ok_or(Problem::new(Code::NoScript))?;
    match may_change(actor, &script) {
        true => Ok(script),
        false => Err(Problem::new(Code::Forbidden)
            .detail("Only whoever made a script and administrators change it.")),
    }
}

/// The event, if it is a script.
fn saved(script: ScriptId, version: u32, request: ScriptRequest) -> Result<ScriptSaved, Problem> {
    let name = plan::name(Some(&request.name))?;
    // By the rules of everything that is run.
    let (checked, _) = plan::decide(&Command {
        command: request.command.clone(),
        argv: request.argv.clone(),
        cwd: request.cwd.clone(),
        timeout_ms: request.timeout_s.map(|s| s.saturating_mul(1000)),
        ..Command::default()
    })?;
    let program = match (request.command, request.argv) {
        (Some(line), _) => Program::Shell(line),
        (None, argv) => Program::Argv(argv.unwrap_or_default()),
    };
    let saved = ScriptSaved {
        script,
        version,
        name: name.ok_or_else(|| Problem::field("name", "must not be empty"))?,
        description: request.description.filter(|text| !text.trim().is_empty()),
        program,
        cwd: request.cwd,
        parameters: request
            .parameters
            .into_iter()
            .map(Parameter::from)
            .collect(),
        timeout_ms: checked.timeout_ms,
        needs_approval: request.needs_approval,
    };
    saved
        .validate()
        .map_err(|Invalid { field, reason }| Problem::field(field, reason))?;
    Ok(saved)
}

async fn answer(
    api: &Api,
    actor: &Actor,
    id: ScriptId,
    seq: u64,
    status: StatusCode,
) -> Result<Written<Json<Script>>, Problem> {
    let script = match written::visible(api, seq).await? {
        true => api.store().script(id).await?,
        false => None,
    };
    Ok(script.map_or(Written::Pending(seq), |script| {
        Written::Row(status, Json(Script::of(actor, script)))
    }))
}
