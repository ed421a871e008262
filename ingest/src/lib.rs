//! The agents' edge: who may come in, who is there, and the way in for those who cannot reach NATS.
//!
//! | module | answers |
//! |---|---|
//! | [`api_key`] | what a key looks like, and what is kept of its secret |
//! | [`directory`] | where keys are looked up: the composing binary implements [`KeyDirectory`](directory::KeyDirectory) |
//! | [`keyring`] | whether a key is admitted; the only judge |
//! | [`gate`] | the NATS servers' question "may this client come in?" (auth callout), `whoami`, ending revoked connections |
//! | [`revocation`] | which keys stopped counting: revoked, expired, their server gone |
//! | [`attempts`] | how often a key and an address may fail |
//! | [`presence`] | who is connected, written as facts |
//! | [`dispatch`] | how commands reach their hosts, and how each gets exactly one end |
//! | [`gateway`] | `/api/v1/agents/ws` and `POST /api/v1/metrics` |
//!
//! # How a process puts it together
//! 1. One [`KeyRing`](keyring::KeyRing) over the directory, one [`Roster`](presence::Roster).
//! 2. Run [`RevocationService`](revocation::RevocationService) and [`Roster::run`](presence::Roster::run) wherever a gate
//!    or a gateway runs.
//! 3. The role *gate* runs [`GateService`](gate::GateService) and [`PresenceService`](presence::PresenceService), with
//!    connections in the AUTH, system and OPS accounts.
//! 4. The role *api* mounts [`gateway::router`] and runs [`GatewayService`](gateway::GatewayService), with a connection
//!    in the OPS account.
//!
//! Every `run` ends when its token is cancelled, after finishing what it has begun.

#![warn(missing_docs)]

mod announce;
pub mod api_key;
mod attempts;
mod connz;
pub mod directory;
pub mod dispatch;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod gate;
pub mod gateway;
mod jwt;
pub mod keyring;
mod metrics;
pub mod presence;
mod refusal;
pub mod revocation;
