//! Which server an agent's key speaks for. For routes that agents call; connections to the bus are checked by the gate.

use axum::{extract::FromRequestParts, http::request::Parts};
use chatops_projections::view::{KeyForGate, KeyState};
use chatops_schemas::ids::KeyId;

use super::secret::{self, Digest};
use crate::{code::Code, peer::Peer, problem::Problem, state::Api};

const HEADER: &str = "x-api-key";

/// A key that works.
#[derive(Debug)]
pub struct AgentKey {
    /// Its id.
    pub id: KeyId,
    /// What it is for.
    pub key: KeyForGate,
}

impl FromRequestParts<Api> for AgentKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let refused = || Problem::new(Code::ApiKey);
        let text = parts
            .headers
            .get(HEADER)
            .and_then(|value| value.to_str().ok())
            .ok_or_else(refused)?;
        let (id, given) = secret::parse_api_key(text.trim()).ok_or_else(refused)?;
        let (peer, now) = (Peer::of(api, parts), api.clock().now());
        api.throttle()
            .attempt(peer.address, id.as_str(), now)
            .map_err(too_many)?;
        // Without a stored digest the comparison still takes place, with the digest of nothing.
        let found = api.store().key_for_gate(&id, now).await?;
        let stored = found.as_ref().map_or([0; 32], |key| key.secret_sha256);
        let matches = Digest::of(given).matches(&stored);
        let key = found
            .filter(|key| matches && key.state == KeyState::Active)
            .ok_or_else(refused)?;
        api.throttle().succeeded(peer.address, id.as_str());
        Ok(Self { id, key })
    }
}

/// The refusal of somebody who guesses too often.
pub fn too_many(seconds: u64) -> Problem {
    Problem::new(Code::TooManyAttempts).retry_after(seconds)
}
