//! Which rules are in force, and on which servers. Looked at about every second, and read again only when something has
//! changed. When the database does not answer, the rules stay as they were.

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    fmt,
    future::Future,
    sync::Arc,
    time::Duration,
};

use chatops_bus::Chain;
use chatops_schemas::{
    ids::{RuleId, ServerId},
    rule::{Fact, Rule},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::watch::Plan;

/// Answers from the database.
pub trait Rules: Send + Sync + 'static {
    /// Up to which event of OPS_CTL everything is known: it moves whenever something may have changed on which [`Self::read`]
    /// depends. Cheap.
    fn stamp(&self) -> impl Future<Output = Result<u64, RulesError>> + Send;

    /// All of it.
    fn read(&self) -> impl Future<Output = Result<Fleet, RulesError>> + Send;
}

/// What is there.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    /// Servers that were not deleted.
    pub servers: HashSet<ServerId>,
    /// Rules that are on.
    pub rules: Vec<Standing>,
}

/// A rule and where it is in force: the servers of its scope on which its author may change rules.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The rule.
    pub id: RuleId,
    /// Which version.
    pub version: u32,
    /// What it says.
    pub definition: Rule,
    /// Where.
    pub servers: Vec<ServerId>,
}

/// Nobody could say. It is asked again.
#[derive(Clone)]
pub struct RulesError(Arc<dyn Error + Send + Sync>);

impl RulesError {
    /// Because of this.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Debug for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RulesError({})", self.0)
    }
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ask which alert rules are in force")
    }
}

impl Error for RulesError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// A rule, ready.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: RuleId,
    pub(super) version: u32,
    pub(super) plan: Arc<Plan>,
    pub(super) wording: String,
    /// Name of the number of each comparison, or of the fact.
    pub(super) series: Vec<String>,
}

impl Known {
    pub(super) fn rule(&self) -> &Rule {
        self.plan.rule()
    }

    /// Whether an alert about this device could be one of this rule.
    pub(super) fn may_be_about(&self, device: &str) -> bool {
        match self.rule().fact() {
            Some(Fact::Container { .. } | Fact::CrashLoop { .. }) => !device.is_empty(),
            Some(_) => device.is_empty(),
            None => self.plan.is_each() != device.is_empty(),
        }
    }
}

/// The rules in force at a moment.
#[derive(Debug, Default)]
pub(super) struct InForce {
    /// Counts the readings; 0: none yet.
    pub(super) generation: u64,
    pub(super) servers: HashSet<ServerId>,
    pub(super) of: HashMap<ServerId, Vec<Arc<Known>>>,
}

impl InForce {
    pub(super) fn rules(&self, server: &ServerId) -> &[Arc<Known>] {
        self.of.get(server).map_or(&[], Vec::as_slice)
    }

    pub(super) fn rule(&self, server: &ServerId, rule: RuleId) -> Option<&Arc<Known>> {
        self.rules(server).iter().find(|known| known.id == rule)
    }

    fn of_fleet(generation: u64, fleet: Fleet) -> Self {
        let mut of: HashMap<ServerId, Vec<Arc<Known>>> = HashMap::new();
        for standing in fleet.rules {
            let rule = standing.definition;
            let measures = rule.when.measures().into_iter();
            let mut series: Vec<_> = measures.map(|measure| measure.series.clone()).collect();
            series.extend(rule.fact().map(ToString::to_string));
            let wording = rule.wording();
            let plan = match Plan::new(rule) {
                Ok(plan) => Arc::new(plan),
                // Only a rule of a newer version can get here.
                Err(error) => {
                    tracing::error!(rule = %standing.id, %error, "a rule cannot be used");
                    continue;
                }
            };
            let known = Arc::new(Known {
                id: standing.id,
                version: standing.version,
                plan,
                wording,
                series,
            });
            for server in standing.servers {
                of.entry(server).or_default().push(Arc::clone(&known));
            }
        }
        Self {
            generation,
            servers: fleet.servers,
            of,
        }
    }
}

/// The rules in force, kept current by [`look`].
pub(super) struct Force<R> {
    rules: R,
    current: watch::Sender<Arc<InForce>>,
    /// Stamp of what is current; held while it is read.
    stamp: tokio::sync::Mutex<Option<u64>>,
}

impl<R: Rules> Force<R> {
    pub(super) fn new(rules: R) -> Self {
        Self {
            rules,
            current: watch::channel(Arc::default()).0,
            stamp: tokio::sync::Mutex::new(None),
        }
    }

    pub(super) fn in_force(&self) -> watch::Receiver<Arc<InForce>> {
        self.current.subscribe()
    }

    pub(super) fn now(&self) -> Arc<InForce> {
        Arc::clone(&self.current.borrow())
    }

    /// Reads the rules if something has changed; up to which event of OPS_CTL they are known now.
    pub(super) async fn refresh(&self) -> Result<u64, RulesError> {
        let mut known = self.stamp.lock().await;
        let stamp = self.rules.stamp().await?;
        if *known == Some(stamp) {
            return Ok(stamp);
        }
        let fleet = self.rules.read().await?;
        let generation = self.current.borrow().generation + 1;
        let in_force = InForce::of_fleet(generation, fleet);
        metrics::gauge!("chatops_alerting_watches").set(count(&in_force));
        self.current.send_replace(Arc::new(in_force));
        *known = Some(stamp);
        Ok(stamp)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
fn count(in_force: &InForce) -> f64 {
    in_force.of.values().map(Vec::len).sum::<usize>() as f64
}

/// Looks until told to stop.
pub(super) async fn look<R: Rules>(force: Arc<Force<R>>, every: Duration, stop: CancellationToken) {
    let mut well = true;
    loop {
        match force.refresh().await {
            Ok(_) => well = true,
            Err(error) if well => {
                well = false;
                tracing::warn!(error = %Chain(&error), "the alert rules cannot be read; those known stay in force");
            }
            Err(_) => {}
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(every))
            .await
            .is_none()
        {
            return;
        }
    }
}
