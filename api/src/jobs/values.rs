//! What a job or a schedule was given that is no event's business: values of variables, and what its program reads. Sealed
//! in the vault under the job's or the schedule's id, erased at the end.

use std::collections::BTreeMap;

use chatops_schemas::{
    event::{command::Asked, job::Plan},
    ids::CommandId,
    order::{Operation, Run},
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroize;

use crate::{auth::seal, problem::Problem, state::Api};

/// The values. Erased from memory when dropped; printed by nobody.
#[derive(Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Values {
    /// Of environment variables, by name.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What the program reads.
    #[serde(default)]
    pub stdin: Option<String>,
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Values(…)")
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        self.env.values_mut().for_each(Zeroize::zeroize);
        self.stdin.zeroize();
    }
}

impl Values {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.env.is_empty() && self.stdin.is_none()
    }

    /// What a host is asked to do.
    pub fn operation(&self, plan: &Plan) -> Operation {
        match &plan.asked {
            Asked::Run {
                program,
                cwd,
                output_limit,
                ..
            } => Operation::Run(Run {
                program: program.clone(),
                cwd: cwd.clone(),
                env: self.env.clone(),
                stdin: self.stdin.clone(),
                timeout_ms: plan.timeout_ms,
                output_limit: *output_limit,
            }),
            Asked::Container(order) => Operation::Container(order.clone()),
            Asked::Signal(order) => Operation::Signal(order.clone()),
            Asked::Unit(order) => Operation::Unit(order.clone()),
        }
    }
}

fn place(id: Uuid) -> String {
    format!("plan {id}")
}

/// Keeps values under an id.
pub async fn keep(api: &Api, id: Uuid, values: &Values) -> Result<(), Problem> {
    let mut plain = serde_json::to_vec(values).map_err(|error| Problem::internal(&error))?;
    let sealed = api.seal()?.close(&place(id), &plain);
    plain.zeroize();
    api.store().put_plan(id, &sealed?).await?;
    Ok(())
}

/// The values of a plan; empty ones when it has none, `None` when they were erased.
pub async fn open(api: &Api, id: Uuid, sealed: bool) -> Result<Option<Values>, Problem> {
    if !sealed {
        return Ok(Some(Values::default()));
    }
    let Some(kept) = api.store().plan(id).await? else {
        return Ok(None);
    };
    let plain = api.seal()?.open(&place(id), &kept)?;
    let values =
        serde_json::from_slice(plain.expose_secret()).map_err(|error| Problem::internal(&error))?;
    Ok(Some(values))
}

/// Keeps the signed order of one host: it holds the values, and so does not go into an event.
pub async fn keep_order(api: &Api, command: CommandId, order: &[u8]) -> Result<(), Problem> {
    let sealed = api.seal()?.close(&seal::of_order(command), order)?;
    api.store().put_order(command, &sealed).await?;
    Ok(())
}
