//! When a conversation must end at once, whatever it is doing: the process stops, the credential ends, the account or its
//! rights change, or the same person goes on elsewhere. Everything that waits in a conversation waits beside this.

use chatops_bus::Subscription;
use chatops_schemas::ids::{CommandId, ServerId};
use futures::StreamExt;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        watch,
    },
    time::{Instant, sleep_until},
};

use crate::{
    access::{Action, Level},
    auth::actor::Actor,
    live::{Place, close::Close, socket::may, wire::End},
    state::Api,
};

/// Why a conversation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// The conversation only: the session waits for its opener.
    Leave(End),
    /// The session too: this person may no longer use it.
    Revoked(Close),
}

/// Watches over one conversation.
pub struct Guard {
    api: Api,
    actor: Actor,
    server: ServerId,
    /// This attachment among those of the session.
    me: CommandId,
    attached: Subscription,
    rights: watch::Receiver<u64>,
    rechecks: broadcast::Receiver<chatops_schemas::ids::UserId>,
    expiry: Instant,
    /// Asked for, and not answered yet: survives being interrupted.
    ask_account: bool,
    ask_rights: bool,
    /// A seat among the live sockets; the rights are followed while somebody has one.
    _place: Place,
}

impl Guard {
    /// Over a conversation of this person with this server.
    pub fn new(
        api: &Api,
        actor: Actor,
        server: ServerId,
        me: CommandId,
        attached: Subscription,
        place: Place,
    ) -> Self {
        Self {
            api: api.clone(),
            expiry: api.instant_of(actor.expires_at),
            actor,
            server,
            me,
            attached,
            rights: place.rights_moved(),
            rechecks: api.hub().rechecks(),
            ask_account: true,
            ask_rights: true,
            _place: place,
        }
    }

    /// Resolves when the conversation must end. Cancel-safe.
    pub async fn violated(&mut self) -> Violation {
        loop {
            if self.ask_account {
                match self.actor.still(&self.api).await {
                    Ok(Some(now)) => self.actor = now,
                    Ok(None) => return Violation::Revoked(Close::Unauthenticated),
                    Err(_) => return Violation::Leave(Close::TryLater.into()),
                }
                self.ask_account = false;
                self.ask_rights = true;
            }
            if self.ask_rights {
                let (action, level) = (Action::OpenTerminal, Level::Operate);
                match may(&self.api, &self.actor, &self.server, action, level).await {
                    Ok(true) => {}
                    Ok(false) => return Violation::Revoked(Close::Forbidden),
                    Err(end) => return Violation::Leave(end),
                }
                self.ask_rights = false;
            }
            tokio::select! {
                () = self.api.stopping() => return Violation::Leave(Close::GoingAway.into()),
                () = sleep_until(self.expiry) => return Violation::Leave(Close::Unauthenticated.into()),
                user = self.rechecks.recv() => match user {
                    Ok(user) if user != self.actor.user => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => self.ask_account = true,
                    Err(RecvError::Closed) => return Violation::Leave(Close::GoingAway.into()),
                },
                moved = self.rights.changed() => match moved {
                    Ok(()) => self.ask_rights = true,
                    Err(_) => return Violation::Leave(Close::GoingAway.into()),
                },
                other = self.attached.next() => match other {
                    Some(other) if other.payload == self.me.to_string().as_bytes() => {}
                    Some(_) => return Violation::Leave(Close::TakenOver.into()),
                    None => return Violation::Leave(Close::TryLater.into()),
                },
            }
        }
    }

    /// Something that waits, beside the watch.
    pub async fn beside<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Violation> {
        tokio::select! {
            biased;
            violation = self.violated() => Err(violation),
            done = work => Ok(done),
        }
    }
}
