//! `GET /jobs/{id}/hosts`: how a job went on each server, and which of them said the same.

use std::collections::HashMap;

use axum::{Json, extract::State};
use chatops_projections::{StoreError, Visible, view, view::JobHost};
use chatops_schemas::ids::{CommandId, JobId, ServerId};
use serde::Serialize;
use utoipa::ToSchema;

use super::known;
use crate::{
    access::{self, Action, Level, Subject},
    auth::actor::Actor,
    body::moment::Moment,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
};

/// Bytes of a group's output that are shown; `/commands/{id}/output` has all of it.
const SHOWN: u64 = 8 * 1024;

/// A job on one server.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = JobHost)]
pub struct Host {
    /// Which.
    #[schema(value_type = String)]
    pub(crate) server: ServerId,
    /// Its name.
    name: String,
    /// Its command; ask `/commands/{id}` for more. It may not exist yet.
    #[schema(value_type = uuid::Uuid)]
    command: CommandId,
    /// `waiting`, `requested`, `running` or how it ended: `finished`, `failed`, `cancelled`, `timed_out`, `expired`,
    /// `unknown`, `denied`. `skipped`: the job is over and never came to it.
    state: String,
    /// Exit code.
    #[schema(required)]
    exit_code: Option<i32>,
    /// In words.
    #[schema(required)]
    message: Option<String>,
    /// Milliseconds on the host.
    #[schema(required)]
    duration_ms: Option<u64>,
    /// When it ended.
    #[schema(required)]
    ended_at: Option<Moment>,
    /// Place in `groups`; `null` while it has not ended.
    #[schema(required)]
    group: Option<u32>,
}

/// Servers that said the same: the same end, exit code, standard output and standard error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobGroup)]
pub struct Group {
    /// How it ended.
    state: String,
    /// Exit code.
    #[schema(required)]
    exit_code: Option<i32>,
    /// How many servers.
    hosts: u32,
    /// The command of one of them: its output is that of all.
    #[schema(value_type = uuid::Uuid)]
    command: CommandId,
    /// The beginning of what it wrote, both streams, as text.
    output: String,
    /// Whether there is more.
    more: bool,
}

/// A job on its servers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobHostList)]
pub struct HostList {
    /// In the order in which they are begun; those that you may see.
    hosts: Vec<Host>,
    /// The largest first.
    groups: Vec<Group>,
    /// Servers of the job that you may not see.
    hidden: u32,
}

/// Show a job's servers
#[utoipa::path(get, path = "/jobs/{id}/hosts", tag = "Jobs", operation_id = "jobs_hosts",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the servers", body = HostList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1601", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<JobId>,
) -> Result<Json<HostList>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    let job = known(&api, &actor, id).await?;
    let rows = rows(&api, seeing(&actor.subject()), id, true).await?;
    let hidden = hidden(&job, rows.len());
    let (groups, places) = group(&rows);
    let over = job.ended_at.is_some();
    let hosts = rows
        .into_iter()
        .map(|row| {
            let group = places.get(&row.server).copied();
            Host::new(id, over, row, group)
        })
        .collect();
    let mut shown = Vec::with_capacity(groups.len());
    for (state, exit_code, server, hosts) in groups {
        let command = CommandId::of_job(id, &server);
        let pieces = api
            .store()
            .command_output(&server, command, 0, SHOWN)
            .await?;
        let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.data).collect();
        let most = usize::try_from(SHOWN)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let more = most < bytes.len();
        let output = String::from_utf8_lossy(&bytes[..most]).into_owned();
        shown.push(Group {
            state,
            exit_code,
            hosts,
            command,
            output,
            more,
        });
    }
    Ok(Json(HostList {
        hosts,
        groups: shown,
        hidden,
    }))
}

/// Whose hosts of a job somebody sees. What a command wrote may be anything that is on its host: as for `SeeCommands`.
pub(crate) fn seeing(subject: &Subject) -> Option<Visible> {
    access::visible(&subject.unlimited(), Level::Operate)
}

/// How a job went on the servers that somebody sees; with digests of what they wrote where these are to be compared.
pub(crate) async fn rows(
    api: &Api,
    visible: Option<Visible>,
    id: JobId,
    compare: bool,
) -> Result<Vec<JobHost>, StoreError> {
    match visible {
        Some(visible) => api.store().job_hosts(visible, id, compare).await,
        None => Ok(Vec::new()),
    }
}

/// Servers of a job that are not among so many that are seen.
pub(crate) fn hidden(job: &view::Job, seen: usize) -> u32 {
    u32::try_from(job.started.servers.len().saturating_sub(seen)).unwrap_or(u32::MAX)
}

impl Host {
    /// As clients see it. `over`: the job is.
    pub(crate) fn new(job: JobId, over: bool, row: JobHost, group: Option<u32>) -> Self {
        let state = match (&row.outcome, row.started, row.requested) {
            (Some(outcome), _, _) => outcome.as_str(),
            (None, true, _) => "running",
            (None, false, true) => "requested",
            (None, false, false) if over => "skipped",
            (None, false, false) => "waiting",
        };
        Self {
            command: CommandId::of_job(job, &row.server),
            state: state.to_owned(),
            exit_code: row.exit_code,
            message: row.message,
            duration_ms: row.duration_ms,
            ended_at: row.ended_at.map(Moment),
            group,
            name: row.name,
            server: row.server,
        }
    }
}

type Same = (String, Option<i32>, ServerId, u32);

/// Groups of equal ends, the largest first, and the group of each server.
fn group(rows: &[JobHost]) -> (Vec<Same>, HashMap<ServerId, u32>) {
    let mut keys: HashMap<(&str, Option<i32>, &str), Vec<&ServerId>> = HashMap::new();
    for row in rows {
        if let Some(outcome) = row.outcome {
            // What is too long to be compared equals nothing but itself.
            let digest = row.digest.as_deref().unwrap_or(row.server.as_str());
            keys.entry((outcome.as_str(), row.exit_code, digest))
                .or_default()
                .push(&row.server);
        }
    }
    let mut groups: Vec<_> = keys.into_iter().collect();
    groups.sort_by(|(a, left), (b, right)| right.len().cmp(&left.len()).then(a.cmp(b)));
    let mut places = HashMap::new();
    let groups = (0..)
        .zip(groups)
        .filter_map(|(place, ((state, exit_code, _), servers))| {
            places.extend(servers.iter().map(|server| ((*server).clone(), place)));
            let first = (*servers.first()?).clone();
            let count = u32::try_from(servers.len()).unwrap_or(u32::MAX);
            Some((state.to_owned(), exit_code, first, count))
        })
        .collect();
    (groups, places)
}

#[cfg(test)]
mod tests {
    use chatops_schemas::event::command::Outcome;

    use super::*;

    fn row(server: &str, exit_code: i32, digest: Option<&str>) -> JobHost {
        JobHost {
            server: ServerId::parse(server).unwrap(),
            name: server.to_owned(),
            requested: true,
            started: true,
            outcome: Some(Outcome::Finished),
            exit_code: Some(exit_code),
            message: None,
            duration_ms: None,
            ended_at: None,
            digest: digest.map(str::to_owned),
        }
    }

    #[test]
    fn equal_ends_are_one_group_and_the_largest_comes_first() {
        let mut rows = vec![
            row("a", 0, Some("x")),
            row("b", 1, Some("x")),
            row("c", 0, Some("y")),
            row("d", 0, Some("x")),
            row("e", 0, None),
            row("f", 0, None),
        ];
        rows.push(JobHost {
            outcome: None,
            ..row("g", 0, None)
        });
        let (groups, places) = group(&rows);
        let sizes: Vec<u32> = groups.iter().map(|group| group.3).collect();
        assert_eq!(
            sizes,
            [2, 1, 1, 1, 1],
            "what cannot be compared stands alone"
        );
        let place = |server: &str| places.get(&ServerId::parse(server).unwrap()).copied();
        assert_eq!((place("a"), place("d")), (Some(0), Some(0)));
        assert!(place("b") != place("a") && place("g").is_none());
    }
}
