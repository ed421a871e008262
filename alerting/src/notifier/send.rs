//! One errand: send a message, or hold it back, and write down what became of it.

use std::{sync::Arc, time::Duration};

use chatops_bus::{AppendError, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    codec,
    envelope::Envelope,
    event::alert::{Delivery, Held, Occasion, ToldAlert},
    ids::{AlertId, ChannelId, EventId},
    subject,
};
use uuid::Uuid;

use super::{
    NotifierParts, TRIES, World,
    book::{Alert, Told},
    world::Standing,
};
use crate::notify::{
    Message, SendError,
    message::{Kind, MAX_VALUES, Part, Value},
    outcome::Retry,
};

/// Pause after each try that failed, in milliseconds; the last one for all that follow.
const PAUSES_MS: [i64; 6] = [1_000, 5_000, 20_000, 60_000, 300_000, 600_000];
/// Longest part of an answer that is kept.
const ANSWER: usize = 512;

/// One alert of an errand.
#[derive(Debug, Clone)]
pub(super) struct Item {
    alert: Alert,
    /// The server's name.
    server: String,
    /// Number of the event that says what became of it.
    number: u32,
    /// Sequence of the one before.
    expected: u64,
}

impl Item {
    pub(super) fn new(alert: &Alert, told: Option<&Told>, server: &str) -> Self {
        Self {
            alert: alert.clone(),
            server: server.to_owned(),
            number: told.map_or(1, |told| told.number.saturating_add(1)),
            expected: told.map_or(0, |told| told.seq),
        }
    }

    pub(super) fn id(&self) -> AlertId {
        self.alert.head.alert
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// One message about all the alerts.
    Tell {
        /// What it says.
        occasion: Occasion,
        /// Tries that failed before.
        tries: u32,
    },
    /// Nobody is told.
    Hold(Held),
}

/// An errand.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub(super) channel: Arc<Standing>,
    pub(super) act: Act,
    /// At least one; several are told in one message.
    pub(super) items: Vec<Item>,
}

/// When to try again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Again {
    /// Tries that failed.
    pub(super) tries: u32,
    /// Milliseconds until the next.
    pub(super) pause_ms: i64,
}

/// What became of an errand.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) channel: ChannelId,
    /// For each alert what is written down now, or when to try again.
    pub(super) told: Vec<(AlertId, Result<Told, Again>)>,
}

/// Runs an errand. Cancelled in the middle, it is run again by the next session, under the same id.
pub(super) async fn run<W: World>(parts: &NotifierParts<W>, errand: Errand) -> Sent {
    let channel = errand.channel.id;
    let (occasion, attempts, delivery) = match &errand.act {
        Act::Hold(why) => {
            let why = why.clone();
            (Occasion::Raised, 0, Ok(Delivery::Held { why }))
        }
        Act::Tell { occasion, tries } => {
            let delivery = deliver(parts, &errand, *occasion, *tries).await;
            (*occasion, tries + 1, delivery)
        }
    };
    let delivery = match delivery {
        Ok(delivery) => delivery,
        Err(again) => {
            let told = errand.items.iter().map(|item| (item.id(), Err(again)));
            return Sent {
                channel,
                told: told.collect(),
            };
        }
    };
    let alerts = u32::try_from(errand.items.len()).unwrap_or(u32::MAX);
    let mut told = Vec::with_capacity(errand.items.len());
    for (n, item) in errand.items.iter().enumerate() {
        // One message told of all: the first alert has its answer, the others say that they were in it.
        let delivery = match (&delivery, n) {
            (Delivery::Sent { .. }, 1..) => Delivery::Held {
                why: Held::Storm { alerts },
            },
            (delivery, _) => delivery.clone(),
        };
        let written = write(parts, &errand, item, occasion, attempts, delivery).await;
        told.push((item.id(), written));
    }
    Sent { channel, told }
}

async fn deliver<W: World>(
    parts: &NotifierParts<W>,
    errand: &Errand,
    occasion: Occasion,
    tries: u32,
) -> Result<Delivery, Again> {
    let secret = match parts.world.secret(errand.channel.id).await {
        Ok(secret) => secret,
        Err(error) => {
            tracing::warn!(channel = %errand.channel.id, %error, "a channel's secret cannot be read: its messages wait");
            return Err(Again {
                tries,
                pause_ms: PAUSES_MS[0],
            });
        }
    };
    let message = message(parts, errand, occasion);
    let sent = parts
        .sender
        .send(&errand.channel.channel, secret.as_ref(), &message)
        .await;
    match sent {
        Ok(answer) => {
            metrics::counter!("chatops_notifier_messages_total", "outcome" => "sent").increment(1);
            let began = message.at;
            let since = parts.clock.now().micros_since(began);
            #[expect(clippy::cast_precision_loss, reason = "a time for people")]
            metrics::histogram!("chatops_notifier_delay_seconds").record(since.max(0) as f64 / 1e6);
            let mut text = answer.status.to_string();
            if !answer.body.is_empty() {
                text = format!("{text} {}", answer.body);
            }
            if let Some(problem) = answer.template {
                text = format!("{text} (the usual words were sent: {problem})");
            }
            Ok(Delivery::Sent {
                answer: text.chars().take(ANSWER).collect(),
                took_ms: u32::try_from(answer.took.as_millis()).unwrap_or(u32::MAX),
            })
        }
        Err(error) => {
            let tries = tries + 1;
            let outcome = if error.is_final() || tries >= TRIES {
                "failed"
            } else {
                "again"
            };
            metrics::counter!("chatops_notifier_messages_total", "outcome" => outcome).increment(1);
            tracing::warn!(channel = %errand.channel.id, tries, reason = %error, "a message about an alert was not delivered");
            if outcome == "again" {
                return Err(Again {
                    tries,
                    pause_ms: pause(tries, &error),
                });
            }
            Ok(Delivery::Failed {
                reason: reason(&error),
            })
        }
    }
}

fn reason(error: &SendError) -> String {
    let mut text = error.text.clone();
    if !error.body.is_empty() {
        text = format!("{text}: {}", error.body);
    }
    text.chars().take(ANSWER).collect()
}

fn pause(tries: u32, error: &SendError) -> i64 {
    let index = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
    let usual = PAUSES_MS.get(index).or(PAUSES_MS.last()).copied();
    let usual = usual.unwrap_or(PAUSES_MS[0]);
    let asked = match error.retry {
        Retry::After(wait) => wait,
        Retry::Later | Retry::Never => Duration::ZERO,
    };
    usual.max(i64::try_from(asked.as_millis()).unwrap_or(i64::MAX))
}

/// The stable id of what a channel is told: reminders are counted, the beginning and the end come once.
fn message_id(channel: ChannelId, alert: AlertId, occasion: Occasion, number: u32) -> Uuid {
    let name = match occasion {
        Occasion::Raised => format!("{alert} raised"),
        Occasion::Reminder => format!("{alert} reminder {number}"),
        Occasion::Resolved => format!("{alert} resolved"),
    };
    Uuid::new_v5(&channel.0, name.as_bytes())
}

fn message<W: World>(parts: &NotifierParts<W>, errand: &Errand, occasion: Occasion) -> Message {
    let item = &errand.items[0];
    let (alert, channel) = (&item.alert, errand.channel.id);
    let id = message_id(channel, item.id(), occasion, item.number);
    let first = match occasion {
        Occasion::Raised => None,
        _ => Some(message_id(channel, item.id(), Occasion::Raised, 1).to_string()),
    };
    let kind = kind(occasion);
    let device =
        |alert: &Alert| Some(alert.head.device.clone()).filter(|device| !device.is_empty());
    let link = |alert: &Alert| {
        let app = parts.app.as_ref()?;
        Some(format!("{app}/alerts/{}", alert.head.alert))
    };
    let grouped = match errand.items.len() {
        1 => Vec::new(),
        _ => errand
            .items
            .iter()
            .map(|item| Part {
                kind,
                severity: item.alert.head.severity,
                rule: item.alert.head.name.clone(),
                server: item.server.clone(),
                device: device(&item.alert),
                values: values(&item.alert),
                since: item.alert.head.since,
                link: link(&item.alert),
            })
            .collect(),
    };
    let worst = errand
        .items
        .iter()
        .map(|item| item.alert.head.severity)
        .max();
    Message {
        id: id.to_string(),
        first,
        kind,
        severity: worst.unwrap_or(alert.head.severity),
        rule: alert.head.name.clone(),
        wording: alert.head.wording.clone(),
        server: item.server.clone(),
        device: device(alert),
        values: values(alert),
        since: alert.head.since,
        at: alert.ended.unwrap_or(alert.head.raised),
        note: alert.note.clone(),
        link: link(alert),
        grouped,
    }
}

fn kind(occasion: Occasion) -> Kind {
    match occasion {
        Occasion::Raised => Kind::Raised,
        Occasion::Reminder => Kind::Reminder,
        Occasion::Resolved => Kind::Resolved,
    }
}

fn values(alert: &Alert) -> Vec<Value> {
    let there = alert.values.iter().filter_map(|value| {
        let number = value.value?;
        let series = value.series.clone();
        Some(Value { series, number })
    });
    there.take(MAX_VALUES).collect()
}

async fn write<W: World>(
    parts: &NotifierParts<W>,
    errand: &Errand,
    item: &Item,
    occasion: Occasion,
    attempts: u32,
    delivery: Delivery,
) -> Result<Told, Again> {
    let (channel, alert) = (errand.channel.id, item.id());
    let id = Uuid::new_v5(
        &channel.0,
        format!("{alert} told {}", item.number).as_bytes(),
    );
    let now = parts.clock.now();
    let data = ToldAlert {
        alert,
        rule: item.alert.head.rule,
        channel,
        channel_name: errand.channel.channel.name.clone(),
        occasion,
        number: item.number,
        of: item.alert.event,
        attempts,
        delivery: delivery.clone(),
    };
    let event = Envelope::new(EventId(id), now, data)
        .about(item.alert.server.clone())
        .by("system");
    let subject = subject::told(channel, alert);
    let again = Again {
        tries: attempts,
        pause_ms: PAUSES_MS[0],
    };
    match parts
        .bus
        .append(StreamName::Alert, &subject, item.expected, &event)
        .await
    {
        Ok(seq) => Ok(Told {
            seq,
            at: now,
            number: item.number,
            occasion,
            delivery,
        }),
        // Another notifier was first: what it wrote counts.
        Err(AppendError::Conflict { .. }) => read(parts, &subject).await.ok_or(again),
        Err(error) => {
            tracing::warn!(%subject, error = %chatops_bus::Chain(&error), "what became of a message cannot be written down yet");
            Err(again)
        }
    }
}

async fn read<W: World>(parts: &NotifierParts<W>, subject: &str) -> Option<Told> {
    let last = parts.bus.last(StreamName::Alert, subject).await.ok()??;
    match codec::decode_any(&last.payload).ok()?.data {
        Payload::ToldAlert(data) => Some(Told {
            seq: last.seq,
            at: last.stored_at,
            number: data.number,
            occasion: data.occasion,
            delivery: data.delivery,
        }),
        _ => None,
    }
}
