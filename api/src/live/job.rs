//! The topic `job:<id>`: how a job goes on each of its servers.
//!
//! The follower of commands says that something of the job moved; then the rows are read as `GET /jobs/{id}/hosts` reads
//! them, after the projector has written what moved, and those that are not as they were sent before go out. So a client has
//! what a reload would show, a step later than the streams; many steps at a time become one frame. A subscription begins
//! with all rows, so a client that comes back asks for nothing in particular. When this process dies, nothing is lost.

use std::{collections::HashMap, time::Duration};

use chatops_bus::{From, ReadError, Reader, StreamName};
use chatops_projections::{COMMAND_OUTPUT, COMMANDS, INVENTORY, StoreError, Visible, view};
use chatops_schemas::{
    ids::{CommandId, JobId, ServerId, UserId},
    subject::{self, Entity},
};
use futures::{StreamExt as _, stream};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::watched::{Telling, Told, Watched};
use crate::{
    access::Subject,
    body::job::Job,
    code::Code,
    commands::follower::{JobPlace, Moved},
    problem::{Chain, Problem},
    routes::jobs::{
        self,
        hosts::{self, Host},
    },
    state::Api,
    written,
};

/// Time between two looks at the rows.
const PACE: Duration = Duration::from_millis(250);
/// How long a look waits for the projectors. Later, it shows what there is, and looks again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause after the database did not answer.
const RETRY: Duration = Duration::from_secs(2);
/// How long the last rows may take to follow the end of the job: another projector writes them.
const REST: Duration = Duration::from_secs(2);
/// Events of the job itself that are held; there are a handful in all.
const AHEAD: u32 = 8;

/// What is told of a job.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Frame<'a> {
    /// How it is now. When its `state` is `ended`, this is the last frame and the topic is given up.
    Job {
        /// As it was subscribed to.
        topic: String,
        /// As `GET /api/v1/jobs/{id}` shows it.
        #[schemars(with = "serde_json::Value")]
        job: &'a Job,
        /// At first all servers, then those that are not as they were, as `GET /api/v1/jobs/{id}/hosts` shows them but
        /// for `group`.
        #[schemars(with = "Vec<serde_json::Value>")]
        hosts: Vec<Host>,
        /// Servers of the job that you may not see.
        hidden: u32,
    },
}

/// Follows a job as this person sees it now, after a pause. Whether they may know of it is the caller's to know; the caller begins anew
/// when what they may see changes.
pub(crate) async fn follow(
    api: &Api,
    subject: &Subject,
    found: &view::Job,
    pause: Duration,
) -> Result<Telling, Problem> {
    let id = found.started.job;
    let commands = found.started.servers.iter();
    // Before the rows are read: nothing falls between.
    let commands = commands.map(|server| CommandId::of_job(id, server));
    let place = api.follower().job(id, commands);
    let place = place.ok_or(Problem::new(Code::Busy).retry_after(2))?;
    let aggregate = subject::ctl(Entity::Job, &id.to_string());
    let events = api
        .bus()
        .read_few(StreamName::Ctl, &aggregate, From::Seq(1), AHEAD);
    let following = Following {
        api: api.clone(),
        id,
        reader: jobs::reader(subject),
        visible: hosts::seeing(subject),
        place,
        events: events.await.map_err(|error| written::unread(&error))?,
        moved: Moved::default(),
        decided: 0,
        due: Some(Instant::now() + pause),
        sent: None,
        ended: None,
    };
    let telling = stream::unfold(Some(following), |following| async move {
        let mut following = following?;
        let told = following.next().await;
        let over = told.as_ref().map_or(true, |told| told.last);
        Some((told, (!over).then_some(following)))
    });
    Ok(telling.boxed())
}

struct Following {
    api: Api,
    id: JobId,
    reader: Option<UserId>,
    visible: Option<Visible>,
    place: JobPlace,
    events: Reader,
    moved: Moved,
    /// Newest event of the job itself.
    decided: u64,
    /// When to look at the rows next; `None`: when something moves.
    due: Option<Instant>,
    sent: Option<Sent>,
    /// When its end was seen.
    ended: Option<Instant>,
}

/// What the client has.
#[derive(PartialEq)]
struct Sent {
    job: Job,
    hosts: Vec<Host>,
    hidden: u32,
}

impl Following {
    /// What is to be sent next.
    async fn next(&mut self) -> Result<Told, ReadError> {
        loop {
            let due = async {
                match self.due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(event) = self.events.next() => self.decided = event?.seq,
                moved = self.place.moved() => self.moved = moved,
                () = due => {
                    self.due = None;
                    match self.look().await {
                        Ok(Some(told)) => return Ok(told),
                        Ok(None) => {}
                        Err(error) => {
                            tracing::warn!(error = %Chain(&error), "a job cannot be shown live");
                            self.due = Some(Instant::now() + RETRY);
                        }
                    }
                    continue;
                }
            }
            self.due.get_or_insert_with(|| Instant::now() + PACE);
        }
    }

    /// Reads the rows; `None`: they are as they were sent.
    async fn look(&mut self) -> Result<Option<Told>, StoreError> {
        let progress = self.api.progress();
        for (projection, seq) in [
            (COMMANDS, self.moved.cmd),
            (COMMAND_OUTPUT, self.moved.result),
            (INVENTORY, self.decided),
        ] {
            if seq > 0 && !progress.wait_until(projection, seq, PATIENCE).await? {
                self.due = Some(Instant::now() + RETRY);
            }
        }
        let Some(job) = self.api.store().job(self.id, self.reader).await? else {
            return Ok(Some(Told {
                topic: Watched::Job(self.id),
                about: Vec::new(),
                frame: None,
                last: true,
            }));
        };
        let over = job.ended_at.is_some();
        let rows = hosts::rows(&self.api, self.visible, self.id, false).await?;
        let open = rows
            .iter()
            .any(|row| row.requested && row.outcome.is_none());
        let last = over && (!open || self.ended.is_some_and(|at| at.elapsed() >= REST));
        if over && !last {
            // The end of the job is told behind the last end of a host.
            self.ended.get_or_insert_with(Instant::now);
            self.due.get_or_insert_with(|| Instant::now() + PACE);
            return Ok(None);
        }
        let hidden = hosts::hidden(&job, rows.len());
        let rows = rows
            .into_iter()
            .map(|row| Host::new(self.id, over, row, None));
        let now = Sent {
            hosts: rows.collect(),
            job: Job::from(job),
            hidden,
        };
        if self.sent.as_ref() == Some(&now) && !last {
            return Ok(None);
        }
        let sent = self.sent.iter().flat_map(|sent| &sent.hosts);
        let sent: HashMap<&ServerId, &Host> = sent.map(|host| (&host.server, host)).collect();
        let fresh = |host: &&Host| sent.get(&host.server) != Some(host);
        let frame = Frame::Job {
            topic: Watched::Job(self.id).to_string(),
            job: &now.job,
            hosts: now.hosts.iter().filter(fresh).cloned().collect(),
            hidden,
        };
        let told = Told {
            topic: Watched::Job(self.id),
            about: now.hosts.iter().map(|host| host.server.clone()).collect(),
            // Our own plain structures always become JSON.
            frame: Some(serde_json::to_string(&frame).unwrap_or_default().into()),
            last,
        };
        self.sent = Some(now);
        Ok(Some(told))
    }
}
