//! The evaluator of alert rules: where its rules are in force, and where it keeps what it knows.

use std::sync::Arc;

use chatops_alerting::live::{
    Evaluator, Parts, Settings,
    force::{Fleet, Rules, RulesError, Standing},
    keep::StateStore,
};
use chatops_bus::projector::{Position, Spec};
use chatops_projections::{
    AlertPlace, INVENTORY, Store, StoreError,
    view::{AlertGround, GroundServer, RuleInForce},
};
use chatops_schemas::{
    access::{Action, Resource, Subject, decide},
    clock::{System, Timestamp},
    ids::UserId,
};

use super::{Connections, bus};
use crate::{config::Config, lifecycle::Stage};

pub(super) async fn run(
    stage: &mut Stage,
    config: &Config,
    connections: &Connections,
) -> anyhow::Result<()> {
    let store = connections.store.clone();
    let evaluator = Evaluator::new(Parts {
        settings: Settings::default(),
        bus: bus(config, "chatops alerting").await?,
        rules: Asked(store.clone()),
        store: Box::new({
            let store = store.clone();
            move || Place(AlertPlace::new(store.clone()))
        }),
        clock: Arc::new(System),
    });
    let token = stage.token();
    stage.run("alerting", async move {
        let stop = token.clone();
        Box::pin(evaluator.run(token, move |spec, reason| {
            let (store, stop) = (store.clone(), stop.clone());
            async move {
                stands(&store, &spec, &reason).await;
                stop.cancelled().await
            }
        }))
        .await;
        Ok(())
    });
    Ok(())
}

/// Says that a reader stands still where people look.
async fn stands(store: &Store, spec: &Spec, reason: &str) {
    let reader = spec.consumer();
    tracing::error!(reader, "stands still until a person decides: {reason}");
    if let Err(error) = store.note_standing(spec, reason).await {
        tracing::warn!(%error, reader, "this could not be noted where /readyz looks");
    }
}

struct Place(AlertPlace);

impl StateStore for Place {
    type Error = StoreError;

    async fn claim(
        &mut self,
        spec: &Spec,
        stream_created: Timestamp,
    ) -> Result<(Position, Option<Vec<u8>>), StoreError> {
        self.0.claim(spec, stream_created).await
    }

    async fn save(
        &mut self,
        spec: &Spec,
        position: &Position,
        to: u64,
        state: &[u8],
    ) -> Result<bool, StoreError> {
        self.0.save(spec, position, to, state).await
    }
}

struct Asked(Store);

impl Rules for Asked {
    /// Rules, people, grants and servers all come from one stream, through one projector.
    async fn stamp(&self) -> Result<u64, RulesError> {
        let position = self.0.position_of(INVENTORY).await;
        position.map_err(RulesError::new)
    }

    async fn read(&self) -> Result<Fleet, RulesError> {
        let rules = self.0.rules_in_force().await.map_err(RulesError::new)?;
        let mut authors: Vec<UserId> = rules.iter().filter_map(|rule| rule.author).collect();
        authors.sort_unstable();
        authors.dedup();
        let ground = self.0.alert_ground(&authors).await;
        let ground = ground.map_err(RulesError::new)?;
        Ok(Fleet {
            servers: ground
                .servers
                .iter()
                .map(|server| server.id.clone())
                .collect(),
            rules: rules
                .into_iter()
                .map(|rule| standing(&ground, rule))
                .collect(),
        })
    }
}

/// A rule on the servers of its scope on which its author may change rules, as they are now.
fn standing(ground: &AlertGround, rule: RuleInForce) -> Standing {
    let subject = rule.author.and_then(|author| {
        let (role, active) = *ground.people.get(&author)?;
        Some(Subject {
            active,
            ..Subject::of(author, role)
        })
    });
    let may = |server: &GroundServer| {
        subject.is_some_and(|subject| {
            let granted = ground.shared.get(&subject.user);
            let resource = Resource::Server {
                owner: server.owner,
                granted: granted.and_then(|granted| granted.get(&server.id).copied()),
            };
            decide(&subject, Action::ChangeRules, resource).allow
        })
    };
    let watched = ground
        .servers
        .iter()
        .filter(|server| rule.definition.scope.holds(&server.id, &server.tags) && may(server))
        .map(|server| server.id.clone())
        .collect();
    Standing {
        id: rule.rule,
        version: rule.version,
        definition: rule.definition,
        servers: watched,
    }
}
