//! Passkeys: WebAuthn credentials that the authenticator can find by itself and that it uses only after it has verified its
//! person. One is a whole sign-in: neither a name nor a password nor a second factor is asked for.
//!
//! A passkey belongs to a domain. That is the one of `public_url`, or else the one that the browser asked for; addresses
//! without a name have none. What the server has to remember between the two requests of a ceremony lies in the vault, once,
//! for five minutes.

use chatops_projections::view::{self, Ceremony, WayKind};
use chatops_schemas::{
    event::credential::{NAME, PasskeyAdded, PasskeyRemoved},
    ids::UserId,
};
use data_encoding::BASE64URL_NOPAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthenticationServerState,
    DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions, Registration,
    RegistrationServerState,
    bin::{Decode, Encode},
    request::{
        AsciiDomain, ExtensionInfo, PublicKeyCredentialDescriptor, RpId,
        auth::AuthenticationVerificationOptions,
        register::{
            CredProtect, Nickname, PublicKeyCredentialUserEntity, RegistrationVerificationOptions,
            UserHandle, Username,
        },
    },
    response::{
        AuthTransports, CredentialId,
        auth::DiscoverableAuthentication,
        register::{CompressedPubKey, DynamicState, StaticState},
    },
};

use super::secret::{self, Digest};
use crate::{
    code::Code,
    peer::Peer,
    problem::{Chain, Problem},
    state::Api,
    written::{self, By},
};

const ADD: &str = "passkey_add";
const LOGIN: &str = "passkey_login";
const LIFE_MS: i64 = 5 * 60_000;
/// Bytes of a person's handle: their account's id.
const HANDLE: usize = 16;
/// Most passkeys of a person.
const MAX_PASSKEYS: usize = 20;

type Handle = UserHandle<HANDLE>;
type PublicKey = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;

/// A ceremony that was begun: what the browser needs, and what to give back with its answer.
#[derive(Debug)]
pub struct Begun {
    /// For the second request.
    pub ticket: SecretString,
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`.
    pub options: Value,
}

/// Domain and origins of a request.
struct Place {
    domain: RpId,
    origins: Vec<String>,
}

impl Place {
    fn of(api: &Api, peer: &Peer) -> Result<Self, Problem> {
        let nowhere = || Problem::new(Code::NoPasskeysHere);
        let (host, origins) = match api.config().public_url.as_deref() {
            Some(url) => {
                let (scheme, rest) = url.split_once("://").ok_or_else(nowhere)?;
                let host = rest.split('/').next().unwrap_or_default();
                (host.to_owned(), vec![format!("{scheme}://{host}")])
            }
            None => {
                // Browsers do this over HTTPS only, or on the machine itself.
                let host = peer.host.clone().ok_or_else(nowhere)?;
                let origins = vec![format!("https://{host}"), format!("http://{host}")];
                (host, origins)
            }
        };
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &host,
        };
        // An address has no name that a passkey could belong to.
        if name.parse::<std::net::Ipv4Addr>().is_ok() || name.starts_with('[') {
            return Err(nowhere());
        }
        let domain = AsciiDomain::try_from(name.to_ascii_lowercase()).map_err(|_| nowhere())?;
        Ok(Self {
            domain: RpId::Domain(domain),
            origins: origins
                .into_iter()
                .map(|o| o.to_ascii_lowercase())
                .collect(),
        })
    }
}

fn handle(user: UserId) -> Handle {
    let Ok(handle) = Handle::decode(user.0.into_bytes());
    handle
}

fn refused(why: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::info!(error = %Chain(why), "a passkey was not accepted");
    Problem::new(Code::PasskeyRefused)
}

async fn remember(
    api: &Api,
    kind: &'static str,
    user: Option<UserId>,
    state: Vec<u8>,
    options: Result<Value, serde_json::Error>,
) -> Result<Begun, Problem> {
    let mut options = options.map_err(|error| Problem::internal(&error))?;
    // Some come with what surrounds them; the browser's parser takes what is within.
    if let Some(within) = options.get_mut("publicKey") {
        options = within.take();
    }
    let ticket = secret::token()?;
    let ceremony = Ceremony {
        kind,
        user,
        state,
        expires_at: api.clock().now().plus_millis(LIFE_MS),
    };
    let digest = Digest::of(ticket.expose_secret());
    api.store().put_ceremony(digest.bytes(), &ceremony).await?;
    Ok(Begun { ticket, options })
}

/// What was remembered, for the only time.
async fn recall(api: &Api, kind: &'static str, ticket: &SecretString) -> Result<Ceremony, Problem> {
    let ended = || Problem::new(Code::StartAgain);
    let digest = Digest::of(ticket.expose_secret()).bytes();
    let now = api.clock().now();
    let ceremony = api.store().try_ceremony(digest, kind, 1, now).await?;
    let ceremony = ceremony.ok_or_else(ended)?;
    match api.store().end_ceremony(digest).await? {
        true => Ok(ceremony),
        false => Err(ended()),
    }
}

/// Begins to add a passkey to an account.
pub async fn begin_adding(api: &Api, peer: &Peer, user: &view::User) -> Result<Begun, Problem> {
    let place = Place::of(api, peer)?;
    let known = api.store().passkey_ids(user.id).await?;
    if known.len() >= MAX_PASSKEYS {
        return Err(Problem::field(
            "name",
            format!("you have {MAX_PASSKEYS} passkeys already: remove one first"),
        ));
    }
    let exclude = known
        .iter()
        .filter_map(|id| BASE64URL_NOPAD.decode(id.as_bytes()).ok())
        .filter_map(|id| CredentialId::<Vec<u8>>::decode(id).ok())
        .filter_map(|id| {
            let transports = AuthTransports::decode(0).ok()?;
            Some(PublicKeyCredentialDescriptor { id, transports })
        })
        .collect();
    let id = handle(user.id);
    let shown = user.full_name.as_deref().unwrap_or(&user.username);
    let entity = PublicKeyCredentialUserEntity {
        name: Username::try_from(user.username.as_str()).map_err(|error| refused(&error))?,
        id: &id,
        display_name: Nickname::try_from(shown).ok(),
    };
    let mut options = PublicKeyCredentialCreationOptions::passkey(&place.domain, entity, exclude);
    // Asked for, not insisted on: authenticators that do not know it would refuse, and each sign-in asks for the person
    // to be verified anyway.
    options.extensions.cred_protect =
        CredProtect::UserVerificationRequired(ExtensionInfo::AllowDontEnforceValue);
    let (server, client) = options.start_ceremony().map_err(|error| refused(&error))?;
    let state = server.encode().map_err(|error| refused(&error))?;
    let options = serde_json::to_value(&client);
    remember(api, ADD, Some(user.id), state, options).await
}

/// Adds a passkey to an account; its id.
pub async fn add(
    api: &Api,
    peer: &Peer,
    by: &By,
    user: UserId,
    ticket: &SecretString,
    name: &str,
    credential: &Value,
) -> Result<String, Problem> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(Problem::field(
            "name",
            format!("must have 1 to {NAME} characters"),
        ));
    }
    let place = Place::of(api, peer)?;
    let ceremony = recall(api, ADD, ticket).await?;
    if ceremony.user != Some(user) {
        return Err(Problem::new(Code::StartAgain));
    }
    let state = RegistrationServerState::<HANDLE>::decode(&ceremony.state)
        .map_err(|_| Problem::new(Code::StartAgain))?;
    let text = credential.to_string();
    let answer = Registration::from_json_relaxed(text.as_bytes())
        .map_err(|error| Problem::field("credential", error.to_string()))?;
    let options = RegistrationVerificationOptions::<String, String> {
        allowed_origins: &place.origins,
        ..Default::default()
    };
    let made = state
        .verify(&place.domain, &answer, &options)
        .map_err(|error| refused(&error))?;
    let (Ok(fixed), Ok(moving)) = (made.static_state().encode(), made.dynamic_state().encode());
    let id = BASE64URL_NOPAD.encode(made.id().as_ref());
    let passkey = view::Passkey {
        credential_id: id.clone(),
        user,
        fixed,
        moving: moving.to_vec(),
    };
    if !api.store().put_passkey(&passkey).await? {
        return Err(Problem::new(Code::PasskeyRefused).detail("This passkey is known already."));
    }
    let added = PasskeyAdded {
        user,
        passkey: id.clone(),
        name: name.to_owned(),
    };
    if let Err(problem) = written::to_user(api, by, user, added).await {
        api.store().forget_passkey(user, &id).await?;
        return Err(problem);
    }
    Ok(id)
}

/// Takes a passkey away from an account. False: it is not there.
pub async fn remove(api: &Api, by: &By, user: UserId, id: &str) -> Result<bool, Problem> {
    let ways = api.store().sign_in_ways(user).await?;
    let listed = ways
        .iter()
        .any(|way| way.kind == WayKind::Passkey && way.id == id);
    let erased = api.store().forget_passkey(user, id).await?;
    if listed || erased {
        let removed = PasskeyRemoved {
            user,
            passkey: id.to_owned(),
        };
        written::to_user(api, by, user, removed).await?;
    }
    Ok(listed || erased)
}

/// Begins a sign-in: whose, the authenticator will say.
pub async fn begin_login(api: &Api, peer: &Peer) -> Result<Begun, Problem> {
    let place = Place::of(api, peer)?;
    let options = DiscoverableCredentialRequestOptions::passkey(&place.domain);
    let (server, client) = options.start_ceremony().map_err(|error| refused(&error))?;
    let state = server.encode().map_err(|error| refused(&error))?;
    let options = serde_json::to_value(&client);
    remember(api, LOGIN, None, state, options).await
}

/// Whose passkey has answered.
pub async fn who(
    api: &Api,
    peer: &Peer,
    ticket: &SecretString,
    credential: &Value,
) -> Result<UserId, Problem> {
    let place = Place::of(api, peer)?;
    let ceremony = recall(api, LOGIN, ticket).await?;
    let state = DiscoverableAuthenticationServerState::decode(&ceremony.state)
        .map_err(|_| Problem::new(Code::StartAgain))?;
    let text = credential.to_string();
    let answer = DiscoverableAuthentication::<HANDLE>::from_json_relaxed(text.as_bytes())
        .map_err(|error| Problem::field("credential", error.to_string()))?;
    let unknown = || Problem::new(Code::PasskeyRefused);
    let raw = answer.raw_id();
    let id = BASE64URL_NOPAD.encode(raw.as_ref());
    let stored = api.store().passkey(&id).await?.ok_or_else(unknown)?;
    let user = handle(stored.user);
    let fixed = StaticState::<PublicKey>::decode(&stored.fixed).map_err(|error| refused(&error))?;
    let moving: [u8; 7] = stored.moving.try_into().map_err(|_| unknown())?;
    let moving = DynamicState::decode(moving).map_err(|error| refused(&error))?;
    let mut known =
        AuthenticatedCredential::new(raw, &user, fixed, moving).map_err(|error| refused(&error))?;
    let options = AuthenticationVerificationOptions::<String, String> {
        allowed_origins: &place.origins,
        ..Default::default()
    };
    state
        .verify(&place.domain, &answer, &mut known, &options)
        .map_err(|error| refused(&error))?;
    let Ok(moving) = known.dynamic_state().encode();
    let now = api.clock().now();
    api.store().passkey_used(&id, &moving, now).await?;
    Ok(stored.user)
}

/// Whether a text can be the id of a passkey.
pub fn is_id(text: &str) -> bool {
    BASE64URL_NOPAD
        .decode(text.as_bytes())
        .is_ok_and(|id| (16..=1023).contains(&id.len()))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_handle_is_the_accounts_id() {
        let user = UserId(Uuid::from_u128(7));
        assert_eq!(handle(user).as_ref(), user.0.as_bytes());
        assert!(is_id("q83vASNFZ4mrze8BI0VniQ"));
        for bad in ["", "short", "q83vASNFZ4mrze8BI0Vni'"] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
