//! What comes of somebody's words: done with their rights, answered in words.

use chatops_projections::{
    Visible,
    view::{Alert, AlertQuery, FleetQuery, Server, ServerStatus},
};
use chatops_schemas::{
    access::Level,
    event::{
        job::Chosen,
        silence::{SilenceSaved, Times},
    },
    ids::{AlertId, JobId, SilenceId},
    rule::{Scope, wording::time_text},
};

use super::words::{HELP, Words};
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::job::Pace,
    decide::plan,
    jobs::start::{self, Wanted},
    problem::Problem,
    routes::alerts::{handling, silences},
    state::Api,
    witness, written,
};

/// Open alerts that are looked at, and those that an answer lists.
const OPEN: u32 = 1000;
const LISTED: usize = 15;
/// Servers of a name that are looked at.
const NAMESAKES: u32 = 200;
/// Fewest characters of an alert's id that name it.
const SHORTEST: usize = 4;
const REASON: &str = "from the chat";

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// In words.
    pub text: String,
    /// Whether others in the chat should know: something was done.
    pub for_all: bool,
}

impl Said {
    /// For whoever asked.
    pub fn quietly(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            for_all: false,
        }
    }

    fn aloud(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            for_all: true,
        }
    }
}

/// Does it. A refusal is an answer, too, and noted for the audit.
///
/// # Errors
/// Something of ours does not work.
pub async fn act(api: &Api, actor: &Actor, words: Words) -> Result<Said, Problem> {
    let done = match words {
        Words::Help | Words::Link(_) => Ok(Said::quietly(HELP)),
        Words::Alerts => alerts(api, actor).await,
        Words::Status(server) => status(api, actor, &server).await,
        Words::Acknowledge { what, note } => {
            handle(api, actor, Handling::Acknowledge, &what, &note).await
        }
        Words::Resolve { what, note } => handle(api, actor, Handling::Resolve, &what, &note).await,
        Words::Silence {
            what,
            for_ms,
            reason,
        } => silence(api, actor, &what, for_ms, reason).await,
        Words::Run { script, server } => run(api, actor, &script, &server).await,
    };
    match done {
        Err(problem) if !problem.code().status().is_server_error() => {
            if let Some(denial) = problem.denial() {
                witness::denied(api, &actor.by(), denial);
            }
            Ok(Said::quietly(problem.words()))
        }
        done => done,
    }
}

/// The end of an id: those that are made one after the other begin alike.
pub fn short(id: AlertId) -> String {
    let id = id.0.simple().to_string();
    id.get(id.len() - 6..).unwrap_or(&id).to_owned()
}

async fn open(api: &Api, visible: Visible) -> Result<Vec<Alert>, Problem> {
    let query = AlertQuery {
        open: Some(true),
        limit: OPEN,
        ..AlertQuery::default()
    };
    Ok(api.store().alerts(visible, &query).await?.items)
}

fn line(alert: &Alert) -> String {
    let device = match alert.device.as_str() {
        "" => String::new(),
        device => format!(" ({device})"),
    };
    let taken = match (&alert.acknowledged_by_name, &alert.acknowledged) {
        (Some(name), _) => format!(", {name} takes care of it"),
        (None, Some(_)) => ", somebody takes care of it".to_owned(),
        (None, None) => String::new(),
    };
    format!(
        "`{}` {}: {} on {}{device}{taken}",
        short(alert.id),
        alert.severity.as_str(),
        alert.name,
        alert.server_name,
    )
}

async fn alerts(api: &Api, actor: &Actor) -> Result<Said, Problem> {
    let open = match access::seen(actor)? {
        Some(visible) => open(api, visible).await?,
        None => Vec::new(),
    };
    if open.is_empty() {
        return Ok(Said::quietly("No alert is open."));
    }
    let mut lines: Vec<String> = open.iter().take(LISTED).map(line).collect();
    if let Some(more) = open.len().checked_sub(LISTED).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    Ok(Said::quietly(lines.join("\n")))
}

/// The server of this name or id that this person sees.
async fn server(api: &Api, actor: &Actor, name: &str) -> Result<Option<Server>, Problem> {
    let Some(visible) = access::seen(actor)? else {
        return Ok(None);
    };
    let query = FleetQuery {
        q: Some(name.to_owned()),
        limit: NAMESAKES,
        ..FleetQuery::default()
    };
    let (page, _) = api.store().fleet(visible, &query).await?;
    let is = |server: &Server| {
        server.id.as_str() == name || server.name.to_lowercase() == name.to_lowercase()
    };
    Ok(page.items.into_iter().find(is))
}

fn no_server(name: &str) -> Said {
    Said::quietly(format!("You see no server {name:?}."))
}

async fn status(api: &Api, actor: &Actor, name: &str) -> Result<Said, Problem> {
    let Some(server) = server(api, actor, name).await? else {
        return Ok(no_server(name));
    };
    let is = match server.status {
        ServerStatus::Online => "is online",
        ServerStatus::Stale => "is connected, but sends no readings",
        ServerStatus::Offline => "is offline",
        ServerStatus::Never => "was never here",
    };
    let mut lines = vec![format!("*{}* {is}", server.name)];
    if let Some(latest) = &server.latest {
        let percent =
            |name: &str, value: Option<f32>| value.map(|value| format!("{name} {value:.0} %"));
        let numbers = [
            percent("processor", latest.cpu),
            percent("memory", latest.mem),
            percent("fullest disk", latest.disk),
            latest.load1.map(|load| format!("load {load:.1}")),
            latest.uptime_s.map(|uptime| {
                let minutes = uptime / 60 * 60_000;
                format!("up {}", time_text(minutes))
            }),
        ];
        let numbers: Vec<String> = numbers.into_iter().flatten().collect();
        lines.push(numbers.join(", "));
    }
    let visible = access::seen(actor)?.unwrap_or(Visible::To(actor.user, Level::View));
    let open = open(api, visible).await?;
    let of = open.iter().filter(|alert| alert.server == server.id);
    lines.extend(of.take(LISTED).map(line));
    Ok(Said::quietly(lines.join("\n")))
}

/// What is done with an alert.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Handling {
    Acknowledge,
    Resolve,
}

async fn handle(
    api: &Api,
    actor: &Actor,
    handling: Handling,
    what: &str,
    note: &str,
) -> Result<Said, Problem> {
    let mut open = match access::seen(actor)? {
        Some(visible) => open(api, visible).await?,
        None => Vec::new(),
    };
    let id = what.trim_start_matches('#').replace('-', "").to_lowercase();
    let by_id = id.len() >= SHORTEST && id.chars().all(|c| c.is_ascii_hexdigit());
    let named = |alert: &Alert| by_id && alert.id.0.simple().to_string().ends_with(&id);
    let one = open.iter().any(named);
    match one {
        true => open.retain(named),
        false => {
            let Some(server) = server(api, actor, what).await? else {
                return Ok(Said::quietly(format!(
                    "There is no open alert and no server {what:?}. Try `alerts`."
                )));
            };
            let taken = |alert: &Alert| alert.acknowledged.is_some();
            let waits = |alert: &Alert| handling == Handling::Resolve || !taken(alert);
            open.retain(|alert| alert.server == server.id && waits(alert));
        }
    }
    if open.is_empty() {
        return Ok(Said::quietly("Nothing there waits for somebody."));
    }
    if one && open.len() > 1 {
        return Ok(Said::quietly(
            "Several alerts end in that: say more of the id.",
        ));
    }
    let (mut lines, mut newest) = (Vec::new(), None);
    for alert in open.iter().take(LISTED) {
        let handled = match handling {
            Handling::Acknowledge => handling::acknowledging(api, actor, alert.id, note).await,
            Handling::Resolve => handling::resolving(api, actor, alert.id, note).await,
        };
        match handled {
            Ok(seq) => {
                newest = newest.max(Some(seq));
                let what = format!(
                    "`{}` {} on {}",
                    short(alert.id),
                    alert.name,
                    alert.server_name
                );
                lines.push(match handling {
                    Handling::Acknowledge => format!("You take care of {what}."),
                    Handling::Resolve => format!("{what} is over."),
                });
            }
            Err(problem) if problem.code().status().is_server_error() => return Err(problem),
            Err(problem) => {
                if let Some(denial) = problem.denial() {
                    witness::denied(api, &actor.by(), denial);
                }
                lines.push(format!("`{}`: {}", short(alert.id), problem.words()));
            }
        }
    }
    if let Some(more) = open.len().checked_sub(LISTED).filter(|more| *more > 0) {
        lines.push(format!("{more} more are left: say it once more."));
    }
    if let Some(seq) = newest {
        handling::visible(api, seq).await?;
    }
    Ok(Said {
        text: lines.join("\n"),
        for_all: newest.is_some(),
    })
}

async fn silence(
    api: &Api,
    actor: &Actor,
    what: &str,
    for_ms: u64,
    reason: String,
) -> Result<Said, Problem> {
    let (scope, rules, name) = match server(api, actor, what).await? {
        Some(server) => (Scope::Servers(vec![server.id]), Vec::new(), server.name),
        None => {
            let of = (!actor.role.is_everywhere()).then_some(actor.user);
            let rules = api.store().alert_rules(of).await?;
            let is = |name: &str| name.to_lowercase() == what.to_lowercase();
            let Some(rule) = rules.into_iter().find(|rule| is(&rule.definition.name)) else {
                return Ok(Said::quietly(format!(
                    "You see no server and no rule {what:?}."
                )));
            };
            (Scope::All, vec![rule.id], rule.definition.name)
        }
    };
    let now = api.clock().now();
    let reason = match reason.is_empty() {
        true => REASON.to_owned(),
        false => reason
            .chars()
            .take(chatops_schemas::rule::MAX_NAME)
            .collect(),
    };
    let saved = SilenceSaved {
        silence: SilenceId(api.ids().next()),
        reason,
        scope,
        rules,
        times: Times::Once {
            from: now,
            until: now.plus_millis(i64::try_from(for_ms).unwrap_or(i64::MAX)),
        },
    };
    let seq = silences::save(api, actor, saved).await?;
    written::visible(api, seq).await?;
    Ok(Said::aloud(format!(
        "Nobody is told of {name} for {}. Alerts are raised and kept all the same; the app ends the silence earlier.",
        time_text(for_ms)
    )))
}

async fn run(api: &Api, actor: &Actor, script: &str, name: &str) -> Result<Said, Problem> {
    access::may(actor, Action::StartJob)?;
    let Some(server) = server(api, actor, name).await? else {
        return Ok(no_server(name));
    };
    let scripts = api.store().scripts(None).await?;
    let is = |name: &str| name.to_lowercase() == script.to_lowercase();
    let Some(found) = scripts.into_iter().find(|found| is(&found.saved.name)) else {
        return Ok(Said::quietly(format!("There is no script {script:?}.")));
    };
    let title = found.saved.name.clone();
    let needs_approval = found.saved.needs_approval;
    let command = plan::Command {
        script: Some(found.saved),
        ..Pace::default().command()
    };
    let (plan, values) = plan::decide(&command)?;
    let id = JobId(api.ids().next());
    let wanted = Wanted {
        id,
        name: Some(title.clone()),
        plan,
        values,
        chosen: Chosen::Ids,
        servers: vec![server.id.clone()],
        needs_approval,
        schedule: None,
        retries: None,
    };
    let seq = start::start(api, &actor.by(), &actor.subject(), wanted).await?;
    written::visible(api, seq).await?;
    let waits = match needs_approval || server.needs_approval {
        true => " It waits until another person approves it.",
        false => "",
    };
    Ok(Said::aloud(format!(
        "`{title}` is started on {}, job {id}.{waits}",
        server.name
    )))
}
