//! What a watch knows, as it is kept over restarts: all that a reading behind it could depend on, and nothing else.

use std::sync::Arc;

use chatops_schemas::clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Instance, Plan, Watch, fresh};
use crate::{judge::Memory, phase::Phase};

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Saved {
    newest: Option<Timestamp>,
    instances: Vec<SavedInstance>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct SavedInstance {
    device: String,
    phase: Phase,
    memories: Vec<Memory>,
    /// Of each comparison; empty where it has no window.
    windows: Vec<Vec<(Timestamp, f64)>>,
    seen: Timestamp,
}

impl Watch {
    /// What it knows. None: nothing beside when the newest reading was.
    pub fn save(&self) -> Option<Saved> {
        let leaves = &self.plan.leaves;
        // Something can be true of a device that is in no reading any more: that it was there has to be known.
        let absent = |leaf: &super::Leaf| !leaf.each || leaf.selector.absent().is_some();
        let counts = self.plan.is_each() && leaves.iter().any(absent);
        let blank = |instance: &Instance| {
            !counts
                && instance.phase == Phase::Ok
                && instance.windows.iter().all(Option::is_none)
                && leaves
                    .iter()
                    .zip(&instance.memories)
                    .all(|(leaf, memory)| memory.is_blank(leaf.test))
        };
        let mut instances = Vec::new();
        for (device, instance) in &self.instances {
            if blank(instance) {
                continue;
            }
            let held = |window: &Option<crate::readings::Readings>| {
                let held = window.as_ref().map(|window| window.held().collect());
                held.unwrap_or_default()
            };
            instances.push(SavedInstance {
                device: device.clone(),
                phase: instance.phase,
                memories: instance.memories.clone(),
                windows: instance.windows.iter().map(held).collect(),
                seen: instance.seen,
            });
        }
        (!instances.is_empty()).then_some(Saved {
            newest: self.newest,
            instances,
        })
    }

    /// Goes on with what was known. None: it is about another condition.
    pub fn restore(plan: Arc<Plan>, saved: Saved) -> Option<Self> {
        let mut watch = Self::of(plan, saved.newest);
        let leaves = &watch.plan.leaves;
        for saved in saved.instances {
            if saved.memories.len() != leaves.len() || saved.windows.len() != leaves.len() {
                return None;
            }
            let mut instance = fresh(leaves, saved.seen);
            instance.phase = saved.phase;
            instance.memories = saved.memories;
            for (window, held) in instance.windows.iter_mut().zip(saved.windows) {
                if let Some(window) = window {
                    held.into_iter()
                        .for_each(|(at, value)| window.put(at, value));
                }
            }
            watch.instances.insert(saved.device, instance);
        }
        Some(watch)
    }
}
