//! What the notifier knows: where each alert is, and what each channel was told of it. Folded from the newest event of each
//! subject of OPS_ALERT, then from what follows.

use std::collections::HashMap;

use chatops_bus::Recorded;
use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    codec,
    event::alert::{Delivery, Head, Held, Occasion, Value},
    ids::{AlertId, ChannelId, EventId, ServerId},
};

/// How long an alert that is over is remembered.
const KEPT_MS: i64 = 86_400_000;

/// Where an alert is.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Which server.
    pub server: ServerId,
    /// What every event of it says.
    pub head: Head,
    /// The newest event.
    pub event: EventId,
    /// When that was stored.
    pub stored: Timestamp,
    /// When it began, by the stream's clock where that is known.
    pub begun: Timestamp,
    /// Whether a person takes care of it.
    pub acknowledged: bool,
    /// Whether it is over.
    pub over: bool,
    /// When it was over, by the host's clock.
    pub ended: Option<Timestamp>,
    /// What was seen last.
    pub values: Vec<Value>,
    /// What to do about it.
    pub note: String,
}

/// What a channel was told last of an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Sequence of that event.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Counts.
    pub number: u32,
    /// What.
    pub occasion: Occasion,
    /// What became of it.
    pub delivery: Delivery,
}

impl Told {
    /// Whether the people behind the channel know of the alert.
    pub fn reached(&self) -> bool {
        match (&self.occasion, &self.delivery) {
            (Occasion::Raised, Delivery::Sent { .. }) => true,
            (Occasion::Raised, Delivery::Held { why }) => matches!(why, Held::Storm { .. }),
            (Occasion::Raised, Delivery::Failed { .. }) => false,
            (Occasion::Reminder | Occasion::Resolved, _) => true,
        }
    }
}

/// All of it.
#[derive(Debug, Default)]
pub struct Book {
    alerts: HashMap<AlertId, Alert>,
    told: HashMap<(ChannelId, AlertId), Told>,
    /// Open alerts that say that a whole host is down.
    down: HashMap<ServerId, AlertId>,
}

impl Book {
    /// Takes an event. Returns the alert that it is about, if there is something to decide.
    pub fn fold(&mut self, recorded: &Recorded) -> Option<AlertId> {
        let event = match codec::decode_any(&recorded.payload) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(seq = recorded.seq, %error, "an event of an alert cannot be read: nobody is told of it");
                metrics::counter!("chatops_notifier_unreadable_total").increment(1);
                return None;
            }
        };
        if let Payload::ToldAlert(data) = event.data {
            let told = Told {
                seq: recorded.seq,
                at: recorded.stored_at,
                number: data.number,
                occasion: data.occasion,
                delivery: data.delivery,
            };
            self.note((data.channel, data.alert), told);
            return Some(data.alert);
        }
        let server = event.server?;
        let (head, change) = match event.data {
            Payload::AlertRaised(data) => (
                data.head,
                Change::Began {
                    values: data.values,
                    note: data.note,
                },
            ),
            Payload::AlertAcknowledged(data) => (data.head, Change::Acknowledged(true)),
            Payload::AlertUnacknowledged(data) => (data.head, Change::Acknowledged(false)),
            Payload::AlertResolved(data) => (
                data.head,
                Change::Over {
                    at: data.at,
                    values: data.values,
                },
            ),
            // It says of an alert that was over before that it may begin again.
            _ => return None,
        };
        let id = head.alert;
        let alert = self.alerts.entry(id).or_insert_with(|| Alert {
            server,
            begun: match change {
                Change::Began { .. } => recorded.stored_at,
                _ => head.raised,
            },
            head: head.clone(),
            event: event.id,
            stored: recorded.stored_at,
            acknowledged: false,
            over: false,
            ended: None,
            values: Vec::new(),
            note: String::new(),
        });
        alert.head = head;
        alert.event = event.id;
        alert.stored = recorded.stored_at;
        if alert.is_host_down() {
            match change {
                Change::Over { .. } => self.down.remove(&alert.server),
                _ => self.down.insert(alert.server.clone(), id),
            };
        }
        match change {
            Change::Began { values, note } => {
                alert.values = values;
                alert.note = note;
            }
            Change::Acknowledged(is) => alert.acknowledged = is,
            Change::Over { at, values } => {
                alert.over = true;
                alert.ended = Some(at);
                if !values.is_empty() {
                    alert.values = values;
                }
            }
        }
        Some(id)
    }

    /// What was told just now, before its event comes back. An older one changes nothing.
    pub fn note(&mut self, key: (ChannelId, AlertId), told: Told) {
        match self.told.get(&key) {
            Some(known) if known.seq >= told.seq => {}
            _ => {
                self.told.insert(key, told);
            }
        }
    }

    /// An alert.
    pub fn alert(&self, id: AlertId) -> Option<&Alert> {
        self.alerts.get(&id)
    }

    /// All that are known.
    pub fn alerts(&self) -> impl Iterator<Item = (AlertId, &Alert)> {
        self.alerts.iter().map(|(id, alert)| (*id, alert))
    }

    /// What a channel was told last of an alert.
    pub fn told(&self, channel: ChannelId, alert: AlertId) -> Option<&Told> {
        self.told.get(&(channel, alert))
    }

    /// The open alert that says that a whole host is down.
    pub fn host_down(&self, server: &ServerId) -> Option<AlertId> {
        self.down.get(server).copied()
    }

    /// Forgets what has been over for a day.
    pub fn forget(&mut self, now: Timestamp) {
        let old = |alert: &Alert| alert.over && now.micros_since(alert.stored) > KEPT_MS * 1000;
        self.alerts.retain(|_, alert| !old(alert));
        let alerts = &self.alerts;
        self.told.retain(|(_, alert), _| alerts.contains_key(alert));
    }
}

enum Change {
    Began { values: Vec<Value>, note: String },
    Acknowledged(bool),
    Over { at: Timestamp, values: Vec<Value> },
}

impl Alert {
    /// Whether it says that the whole host is down.
    pub fn is_host_down(&self) -> bool {
        let mut words = self.head.wording.split_whitespace();
        words.next() == Some("down")
    }
}
