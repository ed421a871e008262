//! The notifier, joined with what it asks: channels, silences and rights from the read models, secrets from the vault.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use chatops_alerting::{
    notifier::{
        Notifier, NotifierParts,
        world::{About, Decided, Rights, Silence, Standing, World, WorldError},
    },
    notify::{Secret, Sender, sender::Options},
};
use chatops_api::auth::seal::{self, Seal};
use chatops_projections::{Store, view::Registered};
use chatops_schemas::{
    access::{Action, Resource, Subject, decide},
    clock::System,
    ids::{ChannelId, ServerId, UserId},
};
use secrecy::ExposeSecret;

use tokio_util::sync::CancellationToken;

use super::{Connections, bus};
use crate::{config::Config, lifecycle::Stage};

/// How often secrets are looked for that are to be erased.
const ERASE_EVERY: Duration = Duration::from_secs(30);

struct Known {
    store: Store,
    seal: Option<Seal>,
}

impl World for Known {
    async fn decided(&self) -> Result<Decided, WorldError> {
        let (channels, silences) = tokio::join!(
            self.store.channels(None, None),
            self.store.silences(None, None, false)
        );
        let channels = channels.map_err(WorldError::new)?.into_iter();
        let silences = silences.map_err(WorldError::new)?.into_iter();
        Ok(Decided {
            channels: channels
                .filter(|channel| channel.definition.enabled)
                .filter_map(|channel| {
                    Some(Arc::new(Standing {
                        id: channel.id,
                        made: channel.made_at,
                        author: channel.saved_by?,
                        channel: channel.definition,
                    }))
                })
                .collect(),
            silences: silences
                .filter_map(|silence| {
                    Some(Silence {
                        author: silence.saved_by?,
                        saved: silence.saved,
                    })
                })
                .collect(),
        })
    }

    async fn about(
        &self,
        server: &ServerId,
        people: &[UserId],
    ) -> Result<Option<About>, WorldError> {
        let found = self.store.registered(server).await;
        let Some(found) = found.map_err(WorldError::new)? else {
            return Ok(None);
        };
        let mut rights = HashMap::with_capacity(people.len());
        for person in people {
            rights.insert(*person, self.rights(*person, &found).await?);
        }
        Ok(Some(About {
            name: found.name,
            tags: found.tags,
            rights,
        }))
    }

    async fn secret(&self, channel: ChannelId) -> Result<Option<Secret>, WorldError> {
        let sealed = self.store.channel_secret(channel).await;
        let sealed = sealed.map_err(WorldError::new)?;
        let (Some(seal), Some(sealed)) = (&self.seal, sealed) else {
            return Ok(None);
        };
        // One that does not open, opens never: the message fails and says that there is no secret. The log has the reason.
        let opened = seal.open(&seal::of_channel(channel), &sealed).ok();
        let text = opened.and_then(|bytes| String::from_utf8(bytes.expose_secret().to_vec()).ok());
        Ok(text.map(Secret::new))
    }
}

impl Known {
    async fn rights(&self, person: UserId, server: &Registered) -> Result<Rights, WorldError> {
        let user = self.store.user(person).await.map_err(WorldError::new)?;
        let Some(user) = user else {
            return Ok(Rights::default());
        };
        let subject = Subject {
            active: user.active,
            ..Subject::of(person, user.role)
        };
        let granted = match subject.role.is_everywhere() || server.owner == person {
            true => None,
            false => {
                let granted = self.store.granted_level(person, &server.id).await;
                granted.map_err(WorldError::new)?
            }
        };
        let resource = Resource::Server {
            owner: server.owner,
            granted,
        };
        let may = |action| decide(&subject, action, resource).allow;
        Ok(Rights {
            see: may(Action::SeeServer),
            handle: may(Action::HandleAlert),
        })
    }
}

/// Starts it.
pub(super) async fn run(
    stage: &mut Stage,
    config: &Config,
    connections: &Connections,
) -> anyhow::Result<()> {
    let seal = match config.api.vault_secret.get() {
        Some(secret) => Some(Seal::new(secret).context("use api.vault_secret")?),
        None => None,
    };
    let service = Notifier::new(NotifierParts {
        bus: bus(config, "chatops notifier").await?,
        world: Known {
            store: connections.store.clone(),
            seal,
        },
        sender: sender(config)?,
        app: Some(config.address()),
        clock: Arc::new(System),
    });
    let (store, token) = (connections.store.clone(), stage.token());
    stage.run("eraser of secrets", async move {
        erase_secrets(store, token).await;
        Ok(())
    });
    let token = stage.token();
    stage.run("notifier", async move {
        service.run(token).await;
        Ok(())
    });
    Ok(())
}

/// Erases the secrets of channels that were removed, when they cannot be brought back any more. Nobody uses them meanwhile.
async fn erase_secrets(store: Store, stop: CancellationToken) {
    loop {
        match store.erase_channel_secrets().await {
            Ok(0) => {}
            Ok(erased) => tracing::info!(erased, "the secrets of removed channels are erased"),
            Err(error) => {
                tracing::warn!(%error, "cannot erase the secrets of removed channels, tries again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ERASE_EVERY) => {}
        }
    }
}

/// Sends messages, within what the owner has allowed.
pub(super) fn sender(config: &Config) -> anyhow::Result<Sender> {
    let options = Options {
        internal: config.alerting.internal_addresses,
        roots: Vec::new(),
    };
    Sender::new(&options, Arc::new(System)).context("get ready to send messages")
}
