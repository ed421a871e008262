//! Who may do what: every route and every live delivery asks here and nowhere else.
//!
//! The decision itself is pure and lies in [`chatops_schemas::access`], where everything that delivers to agents can use it
//! too. Here is what surrounds it: what has to be read before, and what a refusal looks like to a client. A person who may
//! not even know that something exists gets the answer that it does not; a person who may see it but not do this is refused
//! with the reason.

use chatops_projections::{Visible, view};
pub use chatops_schemas::access::{Action, Level, Reason, Resource, Subject, decide};
use chatops_schemas::{
    access::{Sight, sight},
    event::ctl::Role,
    ids::{ServerId, UserId},
};

use crate::{auth::actor::Actor, code::Code, problem::Problem, state::Api, witness::Denial};

/// [`decide`] as a check: the refusal says `hidden` when the person may not know that the thing exists. `target` is the id
/// of the thing, for the audit.
pub fn check(
    subject: &Subject,
    action: Action,
    resource: Resource,
    target: &str,
    hidden: Code,
) -> Result<(), Problem> {
    let decision = decide(subject, action, resource);
    if decision.allow {
        return Ok(());
    }
    let problem = match decision.reason {
        Reason::Hidden => Problem::new(hidden),
        Reason::Deactivated => Problem::new(Code::Deactivated),
        Reason::ScopeMissing => Problem::new(Code::Forbidden).detail(format!(
            "This needs a token with the scope {:?}.",
            action.scope().as_str()
        )),
        Reason::GrantTooLow => Problem::new(Code::Forbidden)
            .detail("This is shared with you, but not so that you may do this."),
        Reason::OwnersOnly => {
            Problem::new(Code::Forbidden).detail("Only an owner may do this with an owner.")
        }
        Reason::Role | Reason::Owner | Reason::Grant | Reason::SignedIn | Reason::RoleTooLow => {
            Problem::new(Code::Forbidden).detail(format!(
                "The role {:?} does not allow this.",
                subject.role.as_str()
            ))
        }
    };
    Err(problem.denied(Denial {
        action: action.as_str(),
        target_kind: match resource {
            Resource::Fleet => "fleet",
            Resource::Server { .. } => "server",
            Resource::Account { .. } => "user",
        },
        target: target.to_owned(),
        reason: decision.reason.as_str(),
    }))
}

/// Whether this person may do what is about no single thing.
pub fn may(actor: &Actor, action: Action) -> Result<(), Problem> {
    let subject = actor.subject();
    check(&subject, action, Resource::Fleet, "", Code::Forbidden)
}

/// Whether this person may do this to an account that has, or would get, at most this role. `target` is its id, or empty.
pub fn may_with_account(
    actor: &Actor,
    action: Action,
    role: Role,
    target: &str,
) -> Result<(), Problem> {
    let resource = Resource::Account { role };
    check(&actor.subject(), action, resource, target, Code::Forbidden)
}

/// The servers on which [`decide`] allows this person what needs this level, as an argument of reads; `None`: not a
/// single one.
pub fn visible(subject: &Subject, level: Level) -> Option<Visible> {
    match sight(subject, level) {
        Sight::Everything => Some(Visible::All),
        Sight::OwnAndGranted(level) => Some(Visible::To(subject.user, level)),
        Sight::Nothing => None,
    }
}

/// What this person sees of the fleet; `None`: not a single server.
pub fn seen(actor: &Actor) -> Result<Option<Visible>, Problem> {
    may(actor, Action::SeeFleet)?;
    Ok(visible(&actor.subject(), Level::View))
}

/// A server that this person may do this to; otherwise it does not exist for them, or they are refused.
pub async fn server(
    api: &Api,
    actor: &Actor,
    id: &ServerId,
    action: Action,
) -> Result<view::Registered, Problem> {
    server_or(api, actor, id, action, Code::NoServer).await
}

/// [`server`], with another answer for a server that does not exist for this person.
pub async fn server_or(
    api: &Api,
    actor: &Actor,
    id: &ServerId,
    action: Action,
    hidden: Code,
) -> Result<view::Registered, Problem> {
    let subject = actor.subject();
    // What the credential does not allow is refused before anything is looked up.
    if !subject.may_use(action.scope()) {
        may(actor, action)?;
    }
    let server = api.store().registered(id).await?;
    let server = server.ok_or(Problem::new(hidden))?;
    let owner = server.owner;
    let granted = match subject.role.is_everywhere() || owner == subject.user {
        true => None,
        false => api.store().granted_level(subject.user, id).await?,
    };
    let resource = Resource::Server { owner, granted };
    check(&subject, action, resource, id.as_str(), hidden)?;
    Ok(server)
}

/// Whether somebody who does not ask right now may do this to a server: the author of a rule or of a silence.
pub async fn person_may(
    api: &Api,
    person: UserId,
    server: &view::Registered,
    action: Action,
) -> Result<bool, Problem> {
    let Some(user) = api.store().user(person).await? else {
        return Ok(false);
    };
    let subject = Subject {
        active: user.active,
        ..Subject::of(user.id, user.role)
    };
    let resource = Resource::Server {
        owner: server.owner,
        granted: api.store().granted_level(person, &server.id).await?,
    };
    Ok(decide(&subject, action, resource).allow)
}

/// The answer when a read found no such server for this person. The audit is told when there is one after all.
pub async fn absent(api: &Api, actor: &Actor, id: &ServerId) -> Problem {
    match server(api, actor, id, Action::SeeServer).await {
        Err(problem) => problem,
        // It has become theirs since the first look. They may ask again.
        Ok(_) => Problem::new(Code::NoServer),
    }
}
