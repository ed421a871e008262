//! The gate's loop: takes questions off the bus, has them judged, answers, ends connections whose key no longer counts.

use std::{fmt, sync::Arc, time::Duration};

use chatops_bus::{Bus, Message, RequestError};
use chatops_schemas::{
    clock::{Clock, IdSource},
    event::fact::Transport,
};
use futures::StreamExt;
use tokio::{
    sync::{Semaphore, broadcast::error::RecvError},
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    GateKeys, answer,
    request::{self, Request, RequestError as QuestionError, XKEY_HEADER},
    whoami,
};
use crate::{
    announce::{Announcer, Announcing},
    attempts::Attempts,
    connz,
    keyring::{KeyRing, Refusal},
    metrics,
    presence::agent_of,
    refusal::Refusals,
};

const QUESTIONS: &str = "$SYS.REQ.USER.AUTH";
const GROUP: &str = "gate";
/// Questions taken but not answered beyond which more are left to time out.
const MOST_WAITING: usize = 8192;

/// Settings of a gate.
#[derive(Debug, Clone)]
pub struct GateConfig {
    /// Account that agents are placed in.
    pub account: String,
    /// Questions judged at the same time. More than the directory can serve only makes all of them slow.
    pub parallel: usize,
    /// Older questions are dropped: the server's own `authorization.timeout`, after which nobody waits for the answer.
    pub answer_within: Duration,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            account: "OPS".into(),
            parallel: 64,
            answer_within: Duration::from_secs(5),
        }
    }
}

/// What a gate needs.
#[derive(Debug)]
pub struct GateParts {
    /// Settings.
    pub config: GateConfig,
    /// Seeds whose public halves the servers are configured with.
    pub keys: Arc<GateKeys>,
    /// Judge.
    pub ring: KeyRing,
    /// Connection in the AUTH account.
    pub auth: Bus,
    /// Connection in the system account.
    pub sys: Bus,
    /// Connection in the agents' account.
    pub ops: Bus,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids of refusal events.
    pub ids: Arc<dyn IdSource>,
}

/// A gate. Several may run, in one process or in many.
pub struct GateService {
    shared: Arc<Shared>,
    announcing: Announcing,
}

struct Shared {
    parts: GateParts,
    refusals: Refusals,
    attempts: Attempts,
    permits: Semaphore,
}

/// Why a gate ended without being told to.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The connection cannot subscribe.
    #[error("listen for authorization requests")]
    Listen(#[source] RequestError),
    /// The connection was closed under it.
    #[error("the gate's bus connection was closed")]
    Closed,
}

impl GateService {
    /// Ready to run.
    pub fn new(parts: GateParts) -> Self {
        let (announcer, announcing) = Announcer::new();
        let refusals = Refusals::new(announcer, parts.clock.clone(), parts.ids.clone());
        Self {
            shared: Arc::new(Shared {
                permits: Semaphore::new(parts.config.parallel),
                refusals,
                attempts: Attempts::default(),
                parts,
            }),
            announcing,
        }
    }

    /// Answers until told to stop; questions already taken are still answered.
    pub async fn run(self, stop: CancellationToken) -> Result<(), GateError> {
        let GateParts { auth, ops, .. } = &self.shared.parts;
        let mut questions = auth
            .queue_subscribe(QUESTIONS, GROUP)
            .await
            .map_err(GateError::Listen)?;
        let whoami = whoami::listen(ops).await.map_err(GateError::Listen)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(self.announcing.run(ops.clone(), stop.clone()));
        tasks.spawn(whoami::answer_all(
            whoami,
            ops.clone(),
            self.shared.parts.ring.clone(),
            self.shared.parts.clock.clone(),
            stop.clone(),
        ));
        tasks.spawn(end_revoked(self.shared.clone(), stop.clone()));
        let mut answers = JoinSet::new();
        let ended = loop {
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                Some(_) = answers.join_next(), if !answers.is_empty() => {}
                question = questions.next() => match question {
                    None => break Err(GateError::Closed),
                    Some(_) if answers.len() >= MOST_WAITING => metrics::question_unanswered("overload"),
                    Some(question) => {
                        answers.spawn(reply(self.shared.clone(), question, Instant::now()));
                    }
                },
            }
        };
        drop(questions);
        while answers.join_next().await.is_some() {}
        stop.cancel();
        while tasks.join_next().await.is_some() {}
        ended
    }
}

async fn reply(shared: Arc<Shared>, question: Message, taken: Instant) {
    let Ok(_permit) = shared.permits.acquire().await else {
        return;
    };
    let GateParts {
        config,
        keys,
        auth,
        clock,
        ..
    } = &shared.parts;
    if taken.elapsed() >= config.answer_within {
        return metrics::question_unanswered("late");
    }
    let Some(reply_to) = &question.reply else {
        return metrics::question_unanswered("no_reply_subject");
    };
    let xkey = question
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(XKEY_HEADER))
        .map(|(_, value)| value.as_str());
    let request = match request::open(&question.payload, xkey, keys, clock.now()) {
        Ok(request) => request,
        Err(error) => {
            metrics::question_unanswered(match error {
                QuestionError::Over => "over",
                _ => "invalid",
            });
            return tracing::warn!(error = %error, "an authorization request was not answered");
        }
    };
    let verdict = judge(&shared, &request).await;
    let answer = match &verdict {
        Ok(admitted) => answer::admit(&request, admitted, &config.account, keys, clock.now()),
        Err(reason) => answer::refuse(&request, reason, keys, clock.now()),
    };
    let sent = match answer {
        Ok(answer) => auth.publish_core(reply_to, None, &[], answer.into()).await,
        Err(error) => {
            metrics::question_unanswered("encode");
            return tracing::error!(error = %error, "an answer could not be written");
        }
    };
    if let Err(error) = sent {
        metrics::question_unanswered("send");
        tracing::warn!(error = %error, "an answer could not be sent");
    }
}

/// The key, or the reason in one word.
async fn judge(
    shared: &Shared,
    request: &Request,
) -> Result<crate::keyring::Admitted, &'static str> {
    let address = request.address.as_deref();
    let Ok(key) = &request.key else {
        metrics::admission("nats", "no_key");
        tracing::debug!(address, "a client without an API key was refused");
        return Err("no_key");
    };
    let from = address.and_then(|address| address.parse().ok());
    let now = || shared.parts.clock.now();
    if shared.attempts.wait(from, Some(&key.id), now()).is_some() {
        metrics::admission("nats", "too_many_attempts");
        return Err("too_many_attempts");
    }
    let refusal = match shared.parts.ring.admit(key).await {
        Ok(admitted) => {
            metrics::admission("nats", "admitted");
            tracing::debug!(server.id = %admitted.server, key = %admitted.key, address, "an agent was admitted");
            return Ok(admitted);
        }
        Err(refusal) => refusal,
    };
    let outcome = shared
        .refusals
        .record(&key.id, Transport::Nats, address, &refusal);
    if let Refusal::Unavailable(error) = &refusal {
        tracing::warn!(error = %error, "the key directory is out of reach: agents are refused until it is back");
    } else {
        shared.attempts.failed(from, Some(&key.id), now());
    }
    Err(outcome)
}

/// At the start and whenever a key has lost its right: looks at all connections and ends those whose key no longer counts.
/// Looks again until none is left, because a client admitted just before may appear just after.
async fn end_revoked(shared: Arc<Shared>, stop: CancellationToken) {
    let GateParts {
        ring, sys, config, ..
    } = &shared.parts;
    let mut revocations = ring.revocations();
    loop {
        // One look is enough for all that came together.
        while revocations.try_recv().is_ok() {}
        let mut pause = Duration::from_millis(200);
        for _ in 0..6 {
            match sweep(sys, ring, &config.account).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = %error, "could not look for connections of revoked keys");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => pause *= 2,
            }
        }
        let heard = tokio::select! {
            () = stop.cancelled() => return,
            heard = revocations.recv() => heard,
        };
        // Having missed some makes no difference: the ring has them, and all are looked for.
        if let Err(RecvError::Closed) = heard {
            return;
        }
    }
}

/// One look; how many connections had to be ended.
async fn sweep(sys: &Bus, ring: &KeyRing, account: &str) -> Result<usize, connz::SurveyError> {
    let mut found = 0;
    for connection in connz::survey(sys, account).await?.connections {
        let Some((server, key)) = agent_of(&connection.user) else {
            continue;
        };
        let Some(lost) = ring.lost(&key, &server) else {
            continue;
        };
        found += 1;
        match connz::kick(sys, &connection.server_id, connection.cid).await {
            Ok(()) => {
                metrics::kicked("nats");
                tracing::info!(server.id = %server, key = %key, reason = lost.word(), "a connection was ended");
            }
            Err(error) => {
                tracing::warn!(server.id = %server, error = %error, "could not end a connection")
            }
        }
    }
    Ok(found)
}

impl fmt::Debug for GateService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateService")
            .field("parts", &self.shared.parts)
            .finish_non_exhaustive()
    }
}
