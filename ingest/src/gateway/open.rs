//! The open sockets of this gateway, and the presence facts of their comings and goings.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use chatops_schemas::{
    clock::{Clock, IdSource},
    envelope::Envelope,
    event::fact::{AgentConnected, AgentDisconnected, Transport},
    subject,
};
use tokio::sync::Notify;

use crate::{
    announce::Announcer,
    keyring::Admitted,
    metrics,
    presence::{Holding, Roster, Seen, websocket_base},
};

/// Cheap handle; clones share everything.
#[derive(Clone)]
pub(super) struct OpenSockets {
    inner: Arc<Inner>,
}

struct Inner {
    instance: String,
    most: usize,
    sockets: AtomicUsize,
    next: AtomicU64,
    authenticated: Mutex<HashSet<u64>>,
    emptied: Notify,
    roster: Roster,
    announcer: Announcer,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

/// One place among the sockets; given back on drop.
pub(super) struct Place(OpenSockets);

/// An authenticated socket. On drop, however that comes about, its end is announced.
pub(super) struct OpenSession {
    sockets: OpenSockets,
    number: u64,
    seen: Seen,
    /// Why it ends; set before dropping.
    pub(super) reason: &'static str,
}

impl OpenSockets {
    pub(super) fn new(
        instance: String,
        most: usize,
        roster: Roster,
        announcer: Announcer,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                instance,
                most,
                sockets: AtomicUsize::new(0),
                next: AtomicU64::new(1),
                authenticated: Mutex::default(),
                emptied: Notify::new(),
                roster,
                announcer,
                clock,
                ids,
            }),
        }
    }

    /// A place for one more socket; `None` when all are taken.
    pub(super) fn enter(&self) -> Option<Place> {
        let inner = &self.inner;
        let taken = inner
            .sockets
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |open| {
                (open < inner.most).then_some(open + 1)
            });
        taken.ok().map(|before| {
            metrics::sockets(before + 1);
            Place(self.clone())
        })
    }

    /// Announces that an agent has come.
    pub(super) fn authenticated(
        &self,
        admitted: &Admitted,
        address: Option<String>,
        orders: bool,
    ) -> OpenSession {
        let inner = &self.inner;
        let number = inner.next.fetch_add(1, Ordering::SeqCst);
        let now = inner.clock.now();
        let seen = Seen {
            base: websocket_base(&inner.instance, number),
            server: admitted.server.clone(),
            key: admitted.key.clone(),
            transport: Transport::Websocket,
            address,
            orders,
            since: Some(now),
        };
        self.numbers().insert(number);
        inner.roster.book().open(seen.clone(), 1);
        let event = Envelope::new(
            inner.ids.event_id(),
            now,
            AgentConnected {
                session: seen.base.clone(),
                key: seen.key.clone(),
                transport: seen.transport,
                address: seen.address.clone(),
                orders: seen.orders,
            },
        )
        .about(seen.server.clone());
        if let Err(error) = inner
            .announcer
            .announce(&seen.server, subject::PRESENCE, &event)
        {
            tracing::error!(error = %error, "a connect could not be recorded");
        }
        OpenSession {
            sockets: self.clone(),
            number,
            seen,
            reason: "connection lost",
        }
    }

    /// What presence is told.
    pub(super) fn holding(&self) -> Holding {
        Holding {
            instance: self.inner.instance.clone(),
            open: self.numbers().iter().copied().collect(),
        }
    }

    /// Waits until no socket is open.
    pub(super) async fn empty(&self) {
        loop {
            let emptied = self.inner.emptied.notified();
            if self.inner.sockets.load(Ordering::SeqCst) == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn numbers(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.inner
            .authenticated
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let inner = &self.0.inner;
        let before = inner.sockets.fetch_sub(1, Ordering::SeqCst);
        metrics::sockets(before - 1);
        if before == 1 {
            inner.emptied.notify_waiters();
        }
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        let inner = &self.sockets.inner;
        self.sockets.numbers().remove(&self.number);
        let now = inner.clock.now();
        let closed = inner.roster.book().close(&self.seen.base, u32::MAX, now);
        // Presence may have closed it, when this gateway could not be heard for a while.
        let Some((session, remaining)) = closed else {
            return;
        };
        let event = Envelope::new(
            inner.ids.event_id(),
            now,
            AgentDisconnected {
                session: session.id,
                transport: session.transport,
                address: session.address,
                reason: Some(self.reason.to_owned()),
                remaining,
            },
        )
        .about(session.server.clone());
        if let Err(error) = inner
            .announcer
            .announce(&session.server, subject::PRESENCE, &event)
        {
            tracing::error!(error = %error, "a disconnect could not be recorded");
        }
    }
}
