//! People's front door: REST, live sockets and the web app.
//!
//! | module | answers |
//! |---|---|
//! | [`mod@router`] | which routes there are: the whole table on one screen |
//! | [`routes`] | what each takes and answers, one file per endpoint |
//! | [`auth`], [`access`] | who is asking, and what they may do |
//! | [`decide`] | what a command means: pure functions from input to events |
//! | [`written`] | how a decision becomes an event, a row and an answer |
//! | [`witness`] | how sign-ins, refusals and exports become events |
//! | [`order`] | how hosts are asked for something, and what their refusals look like |
//! | [`commands`] | how hosts are made to do something, and how their answers are waited for |
//! | [`live`] | how what happens reaches browsers within a millisecond |
//! | [`terminal`] | a shell of a host in a browser |
//! | [`problem`], [`code`] | what failures look like |
//! | [`extract`], [`limit`], [`request_id`], [`peer`] | reading requests, and keeping them in their bounds |
//! | [`assets`] | the embedded web app |
//! | [`openapi`], [`asyncapi`] | the description of all that, for programs |
//!
//! # Guarantees
//! A write that was answered with success is in the stream, and reads show it (or the answer was 202). A request that was
//! refused changed nothing. Nobody learns that something exists that they may not see. No secret is in an event, a log or
//! an error.
//!
//! # Adding an endpoint
//! 1. `routes/<thing>/<verb>.rs`: the request and answer types, `#[utoipa::path]`, a handler of about twenty lines. Take an
//!    [`auth::actor::Actor`]; ask [`access`]; put rules about input into `decide/`.
//! 2. One line in [`mod@router`].
//! 3. `CHATOPS_BLESS=1 cargo test -p chatops-api openapi` writes `api/openapi.json` and `ui/openapi.json`.
//! 4. A socket also gets an entry in [`asyncapi`], which makes the guarded walk open it; `api/asyncapi.json` is written like
//!    `openapi.json`.
//! 5. `tests/it/every_route_is_guarded.rs` knows it now: give it the bad inputs that only this endpoint has.

pub mod access;
pub mod assets;
pub mod asyncapi;
pub mod auth;
pub mod body;
pub mod chat;
pub mod code;
pub mod commands;
pub mod config;
pub mod decide;
pub mod extract;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod jobs;
pub mod limit;
pub mod live;
pub mod openapi;
pub mod order;
pub mod peer;
pub mod problem;
pub mod request_id;
pub mod router;
pub mod routes;
pub mod state;
pub mod terminal;
pub mod trial;
pub mod witness;
pub mod written;

pub use auth::oidc::settings as oidc;
pub use config::Config;
pub use router::router;
pub use state::{Api, Parts, StartError};

/// Version of the server.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
