//! Starting a job: which hosts are meant, whether this person may do this to each of them, and the event.

use chatops_projections::{
    Visible,
    view::{FleetQuery, Server},
};
use chatops_schemas::{
    access::{Action, Decision, Level, Resource, Subject, decide},
    event::{
        command::Asked,
        job::{Chosen, JobStarted, MAX_HOSTS, Plan},
    },
    ids::{JobId, ScheduleId, ServerId},
    subject::Entity,
};

use super::values::{self, Values};
use crate::{
    access,
    code::Code,
    problem::Problem,
    state::Api,
    written::{self, Appended, By},
};

/// Names that a refusal lists at most.
const NAMED: usize = 20;

/// A job as somebody wants it.
#[derive(Debug)]
pub struct Wanted {
    /// Its id.
    pub id: JobId,
    /// For people.
    pub name: Option<String>,
    /// What to do.
    pub plan: Plan,
    /// What stays out of events.
    pub values: Values,
    /// How the hosts are chosen.
    pub chosen: Chosen,
    /// The hosts, where they are chosen by their ids.
    pub servers: Vec<ServerId>,
    /// Whether what is run needs another person's approval wherever it is run.
    pub needs_approval: bool,
    /// The schedule that starts it.
    pub schedule: Option<ScheduleId>,
    /// The job whose failed hosts it repeats.
    pub retries: Option<JobId>,
}

/// What somebody needs to be allowed for it.
pub const fn action(asked: &Asked) -> Action {
    match asked {
        Asked::Container(_) => Action::ControlContainer,
        Asked::Run { .. } | Asked::Signal(_) | Asked::Unit(_) => Action::RunCommand,
    }
}

/// Whether this person may do this to that server, as things are now.
pub async fn right(
    api: &Api,
    subject: &Subject,
    server: &Server,
    action: Action,
) -> Result<Decision, Problem> {
    let resource = resource(api, subject, server).await?;
    Ok(decide(subject, action, resource))
}

async fn resource(api: &Api, subject: &Subject, server: &Server) -> Result<Resource, Problem> {
    let owner = server.owner.id;
    let granted = match subject.role.is_everywhere() || owner == subject.user {
        true => None,
        false => api.store().granted_level(subject.user, &server.id).await?,
    };
    Ok(Resource::Server { owner, granted })
}

/// The hosts that are meant, of those that this person may see.
pub async fn targets(
    api: &Api,
    subject: &Subject,
    chosen: &Chosen,
    servers: &[ServerId],
) -> Result<Vec<Server>, Problem> {
    let Some(visible) = access::visible(&subject.unlimited(), Level::View) else {
        return Err(Problem::new(Code::Forbidden));
    };
    let found = match chosen {
        Chosen::Ids => by_id(api, visible, servers).await?,
        Chosen::Tag(tag) => by_query(api, visible, Some(tag.clone()), None).await?,
        Chosen::Query(text) => by_query(api, visible, None, Some(text.clone())).await?,
    };
    match found.len() {
        0 => Err(Problem::field(
            "targets",
            "no server that you may see is meant",
        )),
        n if n > MAX_HOSTS => Err(Problem::field(
            "targets",
            format!("{n} servers are meant, at most {MAX_HOSTS} are possible"),
        )),
        _ => Ok(found),
    }
}

/// Whether a label or a text means any server at all, whoever looks.
pub async fn means_something(api: &Api, chosen: &Chosen) -> Result<bool, Problem> {
    let found = match chosen {
        Chosen::Ids => return Ok(true),
        Chosen::Tag(tag) => by_query(api, Visible::All, Some(tag.clone()), None).await?,
        Chosen::Query(text) => by_query(api, Visible::All, None, Some(text.clone())).await?,
    };
    Ok(!found.is_empty())
}

async fn by_id(api: &Api, visible: Visible, servers: &[ServerId]) -> Result<Vec<Server>, Problem> {
    if servers.len() > MAX_HOSTS {
        return Err(Problem::field(
            "targets.servers",
            format!("holds more than {MAX_HOSTS} servers"),
        ));
    }
    let mut found = Vec::with_capacity(servers.len());
    let mut seen = std::collections::HashSet::new();
    for id in servers.iter().filter(|id| seen.insert(*id)) {
        let server = api.store().server(visible, id).await?;
        found.push(server.ok_or_else(|| {
            Problem::new(Code::NoServer).detail(format!("There is no server {id}."))
        })?);
    }
    Ok(found)
}

async fn by_query(
    api: &Api,
    visible: Visible,
    tag: Option<String>,
    q: Option<String>,
) -> Result<Vec<Server>, Problem> {
    let query = FleetQuery {
        q,
        tag,
        // One more than is possible, so that too many are noticed.
        limit: u32::try_from(MAX_HOSTS + 1).unwrap_or(u32::MAX),
        ..FleetQuery::default()
    };
    Ok(api.store().fleet(visible, &query).await?.0.items)
}

/// Starts a job; the sequence of its first event. Whoever may not do this on one of its hosts starts nothing, and is told
/// which hosts those are.
pub async fn start(api: &Api, by: &By, subject: &Subject, wanted: Wanted) -> Result<u64, Problem> {
    let servers = targets(api, subject, &wanted.chosen, &wanted.servers).await?;
    let action = action(&wanted.plan.asked);
    let mut refused = Vec::new();
    let mut problem = None;
    for server in &servers {
        let resource = resource(api, subject, server).await?;
        if let Err(why) = access::check(
            subject,
            action,
            resource,
            server.id.as_str(),
            Code::NoServer,
        ) {
            problem.get_or_insert(why);
            refused.push(server.name.as_str());
        }
    }
    if let Some(problem) = problem {
        let more = refused.len().saturating_sub(NAMED);
        refused.truncate(NAMED);
        let more = match more {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let names = refused.join(", ");
        return Err(problem.detail(format!("You may not do this on {names}{more}.")));
    }
    let id = wanted.id;
    if wanted.plan.sealed {
        values::keep(api, id.0, &wanted.values).await?;
    }
    let data = JobStarted {
        job: id,
        name: wanted.name,
        plan: wanted.plan,
        chosen: wanted.chosen,
        needs_approval: wanted.needs_approval || servers.iter().any(|server| server.needs_approval),
        servers: servers.into_iter().map(|server| server.id).collect(),
        schedule: wanted.schedule,
        retries: wanted.retries,
    };
    let event = written::event(api, by, data);
    match written::append(api, Entity::Job, &id.to_string(), 0, &event).await? {
        Appended::At(seq) => Ok(seq),
        // Another runner started this run of the schedule.
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}
