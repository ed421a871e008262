//! How hosts are asked for something, and what their refusals look like to people.
//!
//! Every order is signed here, after a route has decided that the person may ask for it ([`crate::access`]); see
//! [`chatops_schemas::order`] for what the signature is worth. Questions, sessions and the end of a command go to the host
//! directly and are answered at once. What a host does once ([`Verb::Exec`]) goes through the stream and the dispatcher
//! instead, which carries the bytes made by [`Orders::sign`].
//!
//! When this process dies while it asks, the host answers nobody: questions change nothing, and a session that nobody
//! renews ends by its lease.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use chatops_bus::{Bus, RequestError};
use chatops_schemas::{
    clock::{Clock, IdSource, Timestamp},
    event::Invalid,
    ids::{CommandId, ServerId},
    order::{
        Cancel, Operation, Order, OrderError, Question, Refusal, RefusalCode, Reply, SignedOrder,
        Verb,
    },
    subject,
};
use serde::de::DeserializeOwned;

use crate::{auth::signing::Pair, code::Code, problem::Problem, written::By};

/// How long a host may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what is asked directly may be begun, in milliseconds: longer than we wait, and it covers clocks apart.
const DIRECTLY_MS: i64 = 30_000;
/// Most characters of a host's own words that are shown.
const WORDS: usize = 2000;

/// Signs orders and asks hosts.
pub struct Orders {
    bus: Bus,
    pair: Pair,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl fmt::Debug for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orders")
            .field("pair", &self.pair)
            .finish_non_exhaustive()
    }
}

impl Orders {
    /// With the key of this installation.
    pub fn new(bus: Bus, pair: Pair, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self {
            bus,
            pair,
            clock,
            ids,
        }
    }

    /// A fresh id for something that a host is asked to do.
    pub fn fresh(&self) -> CommandId {
        CommandId(self.ids.next())
    }

    /// The signed order as it goes to the host. What a rule of the operation forbids is a problem with the field's name.
    pub fn sign(
        &self,
        by: &By,
        server: &ServerId,
        id: CommandId,
        not_after: Timestamp,
        operation: Operation,
    ) -> Result<Bytes, Problem> {
        operation
            .validate()
            .map_err(|Invalid { field, reason }| Problem::field(field, reason))?;
        let order = Order {
            id,
            server: server.clone(),
            not_after,
            actor: by.to_string(),
            operation,
        };
        SignedOrder::sign(&order, &self.pair.id, &self.pair.key)
            .and_then(|signed| signed.encode())
            .map(Bytes::from)
            .map_err(|error| match error {
                OrderError::TooLarge(_) => Problem::new(Code::TooLarge).detail(error.to_string()),
                OrderError::Malformed(_) | OrderError::Signature => Problem::internal(&error),
            })
    }

    /// Asks a host and waits for its answer, which changes nothing there. `T` is what [`chatops_schemas::answer`] names for
    /// the question; for [`Question::Inspect`] a text.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        by: &By,
        server: &ServerId,
        question: Question,
    ) -> Result<T, Problem> {
        let answer = self
            .directly(by, server, self.fresh(), Operation::Ask(question))
            .await?;
        rmp_serde::from_slice(&answer).map_err(|error| {
            tracing::warn!(%server, %error, "a host's answer cannot be read");
            not_understood()
        })
    }

    /// Opens a session ([`Operation::Terminal`], [`Operation::Follow`]) under this id. Subscribe to its
    /// [`subject::io`] before: output may come before the answer.
    pub async fn open(
        &self,
        by: &By,
        server: &ServerId,
        session: CommandId,
        operation: Operation,
    ) -> Result<(), Problem> {
        self.directly(by, server, session, operation)
            .await
            .map(drop)
    }

    /// Whether the host answers at all: a problem when it does not. Somebody who looks on is told at once, instead of when
    /// what they asked for has expired.
    pub async fn answers(&self, by: &By, server: &ServerId) -> Result<(), Problem> {
        match self.cancel(by, server, self.fresh()).await {
            Err(problem)
                if matches!(
                    problem.code(),
                    Code::HostOffline | Code::HostSilent | Code::StreamsDown
                ) =>
            {
                Err(problem)
            }
            // That there is nothing to end is the answer that was expected.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Tells the host to end what was begun under this id. It ends by itself when that never reaches it.
    pub async fn cancel(
        &self,
        by: &By,
        server: &ServerId,
        command: CommandId,
    ) -> Result<(), Problem> {
        let operation = Operation::Cancel(Cancel { command });
        self.directly(by, server, self.fresh(), operation)
            .await
            .map(drop)
    }

    async fn directly(
        &self,
        by: &By,
        server: &ServerId,
        id: CommandId,
        operation: Operation,
    ) -> Result<Vec<u8>, Problem> {
        let verb = operation.verb();
        debug_assert!(verb != Verb::Exec, "goes through the stream");
        let not_after = self.clock.now().plus_millis(DIRECTLY_MS);
        let bytes = self.sign(by, server, id, not_after, operation)?;
        let reply = self
            .bus
            .request(&subject::rpc(server, verb), bytes, PATIENCE)
            .await
            .map_err(|error| unanswered(server, &error))?;
        match rmp_serde::from_slice(&reply) {
            Ok(Reply::Done { answer }) => Ok(answer),
            Ok(Reply::Accepted { .. }) => Ok(Vec::new()),
            Ok(Reply::Refused(refusal)) => Err(refused(&refusal)),
            Err(error) => {
                tracing::warn!(%server, %error, "a host's reply cannot be read");
                Err(not_understood())
            }
        }
    }
}

/// The problem when a host gives no answer.
fn unanswered(server: &ServerId, error: &RequestError) -> Problem {
    match error {
        RequestError::NoResponders => Problem::new(Code::HostOffline).retry_after(5),
        RequestError::Timeout => Problem::new(Code::HostSilent),
        RequestError::Failed(reason) => {
            tracing::warn!(%server, reason, "a host could not be asked");
            Problem::new(Code::StreamsDown).retry_after(2)
        }
    }
}

fn not_understood() -> Problem {
    Problem::new(Code::HostUnsupported).detail("The host's answer was not understood.")
}

/// The problem behind a host's refusal, in the host's own words.
pub fn refused(refusal: &Refusal) -> Problem {
    let code = match refusal.code {
        RefusalCode::NotOurs | RefusalCode::NotAllowed => Code::HostRefused,
        RefusalCode::Expired => Code::HostTooLate,
        RefusalCode::Unsupported => Code::HostUnsupported,
        RefusalCode::NoEngine => Code::NoEngine,
        RefusalCode::NotFound => Code::NotOnHost,
        RefusalCode::Busy => Code::HostBusy,
        RefusalCode::Failed | RefusalCode::Unknown => Code::HostFailed,
    };
    Problem::new(code).detail(words(&refusal.message))
}

/// A host's words, as they may be shown: hosts are not trusted with control characters or length.
pub fn words(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .take(WORDS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosts_words_are_shown_without_what_could_fool_a_terminal() {
        let shown = words("no such\u{1b}[31m container\nline two");
        assert_eq!(shown, "no such [31m container\nline two");
        assert_eq!(words(&"x".repeat(5000)).len(), WORDS);
    }

    #[test]
    fn each_refusal_has_its_own_answer() {
        let code = |code| refused(&Refusal::new(code, "because")).code();
        assert_eq!(code(RefusalCode::NotAllowed), Code::HostRefused);
        assert_eq!(code(RefusalCode::NotOurs), Code::HostRefused);
        assert_eq!(code(RefusalCode::NotFound), Code::NotOnHost);
        assert_eq!(code(RefusalCode::NoEngine), Code::NoEngine);
        assert_eq!(code(RefusalCode::Busy), Code::HostBusy);
        assert_eq!(code(RefusalCode::Expired), Code::HostTooLate);
        assert_eq!(code(RefusalCode::Unsupported), Code::HostUnsupported);
        assert_eq!(code(RefusalCode::Unknown), Code::HostFailed);
    }
}
