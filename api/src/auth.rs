//! Who is asking.
//!
//! | module | answers |
//! |---|---|
//! | [`actor`] | which signed-in person sent this request |
//! | [`token`] | access tokens: signed, 30 minutes |
//! | [`session`] | refresh tokens: kept as digests, used once, ended as a family |
//! | [`personal_token`] | tokens for programs that act for a person |
//! | [`cookie`] | how browsers keep both |
//! | [`csrf`] | whether a request with cookies comes from our own pages |
//! | [`password`], [`strength`] | hashing, and which passwords are accepted |
//! | [`second_factor`], [`totp`] | codes of an authenticator app, recovery codes |
//! | [`passkey`] | WebAuthn |
//! | [`oidc`] | accounts of an OpenID provider |
//! | [`confirm`] | proving again that it is you |
//! | [`seal`] | encryption of what the vault must give back |
//! | [`secret`] | fresh secrets and their digests |
//! | [`door`] | coming in and going out, with a witness |
//! | [`throttle`], [`guess`] | how often somebody may guess |
//! | [`account`], [`invitation`] | making an account, by which right |
//! | [`name`] | claiming sign-in names |
//! | [`setup`], [`reset`] | the first owner; a forgotten password |
//! | [`api_key`] | which server an agent's key speaks for |
//!
//! What a person *may do* is `crate::access`.

pub mod account;
pub mod actor;
pub mod api_key;
pub mod confirm;
pub mod cookie;
pub mod csrf;
pub mod door;
pub mod guess;
pub mod invitation;
pub mod name;
pub mod oidc;
pub mod passkey;
pub mod password;
pub mod personal_token;
pub mod reset;
pub mod seal;
pub mod second_factor;
pub mod secret;
pub mod session;
pub mod setup;
pub mod signing;
pub mod strength;
pub mod throttle;
pub mod token;
pub mod totp;
