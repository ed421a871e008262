//! Signing in through an OpenID provider: authorization code with PKCE, nonce and state.
//!
//! The browser is sent to the provider and comes back with a code, which is exchanged for a signed statement about the
//! person. Between the two the vault remembers the nonce, the verifier, which browser it was and what it went for: the state
//! of one browser is of no use to another. Who the person is here, and what they may do, is [`account`]'s business.
//!
//! A browser that holds an invitation's link shows its secret before it departs; what is remembered is the invitation's id.
//!
//! The provider's description is fetched when it is first needed and again when it is older than ten minutes, so a provider
//! that is down stops nobody who signs in another way.

pub mod account;
pub mod settings;

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use chatops_projections::view::Ceremony;
use chatops_schemas::{
    clock::Timestamp,
    ids::{InvitationId, UserId},
};
use openidconnect::{
    AdditionalClaims, AsyncHttpClient, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse,
    TokenResponse, UserInfoClaims,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
        CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use self::settings::Settings;
use super::secret::{self, Digest};
use crate::{
    code::Code,
    peer::Peer,
    problem::{Chain, Problem},
    state::Api,
};

/// Where the provider sends browsers back to, below the server's address.
pub const CALLBACK: &str = "/api/v1/auth/oidc/callback";
/// How long a person may take at the provider, in milliseconds.
pub const LIFE_MS: i64 = 10 * 60_000;

const KIND: &str = "oidc";
/// How long the provider's description and keys are believed, in microseconds.
const FRESH: i64 = 600 * 1_000_000;
const PATIENCE: Duration = Duration::from_secs(10);

/// Claims that the standard does not name, by their names.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Others(HashMap<String, Value>);
impl AdditionalClaims for Others {}

type Fields = IdTokenFields<
    Others,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Relying = Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The provider.
#[derive(Debug)]
pub struct Provider {
    settings: Settings,
    http: Http,
    known: Mutex<Option<(Timestamp, Arc<CoreProviderMetadata>)>>,
}

/// What a browser goes to the provider for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// To sign in.
    SignIn,
    /// To link what is there to this account.
    Link(UserId),
    /// To make an account with this invitation, whose secret it has shown.
    Join(InvitationId),
}

/// A browser on its way to the provider.
#[derive(Debug)]
pub struct Departure {
    /// Where it goes.
    pub url: String,
    /// What it must still have when it comes back.
    pub browser: SecretString,
}

/// A browser that is back from the provider.
pub struct Visit {
    /// What it went for.
    pub errand: Errand,
    state: State,
}

impl Visit {
    /// Where the person wanted to go.
    pub fn return_to(&self) -> &str {
        &self.state.return_to
    }
}

/// What the provider says about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The provider.
    pub issuer: String,
    /// What it calls the person: stable, not a name.
    pub subject: String,
    /// The name it suggests.
    pub username: Option<String>,
    /// Address, if the provider has verified it.
    pub email: Option<String>,
    /// Name for people.
    pub full_name: Option<String>,
    /// What they belong to.
    pub groups: Vec<String>,
}

/// What is remembered meanwhile.
#[derive(Serialize, Deserialize)]
struct State {
    nonce: String,
    verifier: String,
    browser: Vec<u8>,
    return_to: String,
    redirect: String,
    invitation: Option<InvitationId>,
}

impl Provider {
    /// Prepares for a provider; it is asked for nothing yet.
    pub fn new(settings: Settings) -> Result<Self, reqwest::Error> {
        // A second choice of the same process is refused, and fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()?;
        Ok(Self {
            settings,
            http: Http(http),
            known: Mutex::default(),
        })
    }

    /// How it was set up.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A browser wants to go there, and on to `return_to` afterwards.
    pub async fn depart(
        &self,
        api: &Api,
        peer: &Peer,
        return_to: &str,
        errand: Errand,
    ) -> Result<Departure, Problem> {
        let redirect = redirect(api, peer)?;
        let relying = self.relying(api, &redirect).await?;
        let (state, browser) = (secret::token()?, secret::token()?);
        let (nonce, verifier) = (secret::token()?, secret::token()?);
        let verifier = PkceCodeVerifier::new(verifier.expose_secret().to_owned());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let csrf = CsrfToken::new(state.expose_secret().to_owned());
        let nonce = Nonce::new(nonce.expose_secret().to_owned());
        let scopes = self.settings.scopes.iter().cloned().map(Scope::new);
        let (url, _, nonce) = relying
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || csrf,
                move || nonce,
            )
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        let (link_to, invitation) = match errand {
            Errand::SignIn => (None, None),
            Errand::Link(user) => (Some(user), None),
            Errand::Join(invitation) => (None, Some(invitation)),
        };
        let remembered = State {
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
            browser: Digest::of(browser.expose_secret()).bytes().to_vec(),
            return_to: return_to.to_owned(),
            redirect,
            invitation,
        };
        let ceremony = Ceremony {
            kind: KIND,
            user: link_to,
            state: serde_json::to_vec(&remembered).map_err(|error| Problem::internal(&error))?,
            expires_at: api.clock().now().plus_millis(LIFE_MS),
        };
        let digest = Digest::of(state.expose_secret()).bytes();
        api.store().put_ceremony(digest, &ceremony).await?;
        let url = url.to_string();
        Ok(Departure { url, browser })
    }

    /// A browser came back: what it went for. Good once.
    pub async fn back(
        &self,
        api: &Api,
        browser: Option<&str>,
        state: &str,
    ) -> Result<Visit, Problem> {
        let ended = || Problem::new(Code::StartAgain);
        let digest = Digest::of(state).bytes();
        let now = api.clock().now();
        let ceremony = api.store().try_ceremony(digest, KIND, 1, now).await?;
        let ceremony = ceremony.ok_or_else(ended)?;
        if !api.store().end_ceremony(digest).await? {
            return Err(ended());
        }
        let state: State = serde_json::from_slice(&ceremony.state).map_err(|_| ended())?;
        // A state that somebody else began would sign this browser in as them.
        if !browser.is_some_and(|browser| Digest::of(browser).matches(&state.browser)) {
            return Err(ended());
        }
        let errand = match (ceremony.user, state.invitation) {
            (Some(user), _) => Errand::Link(user),
            (None, Some(invitation)) => Errand::Join(invitation),
            (None, None) => Errand::SignIn,
        };
        Ok(Visit { errand, state })
    }

    /// Exchanges the code for what the provider says about the person.
    pub async fn person(
        &self,
        api: &Api,
        visit: &Visit,
        code: &SecretString,
    ) -> Result<Person, Problem> {
        let relying = self.relying(api, &visit.state.redirect).await?;
        self.vouched(&relying, code, &visit.state).await
    }

    async fn vouched(
        &self,
        relying: &Relying,
        code: &SecretString,
        state: &State,
    ) -> Result<Person, Problem> {
        let code = AuthorizationCode::new(code.expose_secret().to_owned());
        let answer = relying
            .exchange_code(code)
            .map_err(|error| refused(&error))?
            .set_pkce_verifier(PkceCodeVerifier::new(state.verifier.clone()))
            .request_async(&self.http)
            .await
            .map_err(|error| refused(&error))?;
        let nonce = Nonce::new(state.nonce.clone());
        let id_token = answer
            .id_token()
            .ok_or(Problem::new(Code::ProviderRefused))?;
        let claims = id_token
            .claims(&relying.id_token_verifier(), &nonce)
            .map_err(|error| refused(&error))?;
        let text = |text: Option<&String>| text.cloned().filter(|text| !text.trim().is_empty());
        let mut person = Person {
            issuer: self.settings.issuer.clone(),
            subject: claims.subject().to_string(),
            username: text(claims.preferred_username().map(|name| &**name)),
            email: claims
                .email()
                .filter(|_| claims.email_verified() == Some(true))
                .map(|email| email.to_string()),
            full_name: text(
                claims
                    .name()
                    .and_then(|name| name.get(None))
                    .map(|name| &**name),
            ),
            groups: self.groups(claims.additional_claims()).unwrap_or_default(),
        };
        // Providers may keep all but the subject out of the token.
        if self.groups(claims.additional_claims()).is_none()
            && let Ok(asking) = relying.user_info(
                answer.access_token().clone(),
                Some(claims.subject().clone()),
            )
        {
            let more: UserInfoClaims<Others, CoreGenderClaim> = asking
                .request_async(&self.http)
                .await
                .map_err(|error| refused(&error))?;
            person.groups = self.groups(more.additional_claims()).unwrap_or_default();
            let username = text(more.preferred_username().map(|name| &**name));
            person.username = person.username.or(username);
            let verified = more.email().filter(|_| more.email_verified() == Some(true));
            person.email = person.email.or(verified.map(|email| email.to_string()));
            let name = more.name().and_then(|name| name.get(None));
            person.full_name = person.full_name.or(text(name.map(|name| &**name)));
        }
        Ok(person)
    }

    /// A list of names, or one name.
    fn groups(&self, others: &Others) -> Option<Vec<String>> {
        match others.0.get(&self.settings.group_claim)? {
            Value::String(one) => Some(vec![one.clone()]),
            Value::Array(many) => Some(
                many.iter()
                    .filter_map(|one| one.as_str().map(str::to_owned))
                    .collect(),
            ),
            _ => None,
        }
    }

    async fn relying(&self, api: &Api, redirect: &str) -> Result<Relying, Problem> {
        let metadata = self.metadata(api.clock().now()).await?;
        let redirect =
            RedirectUrl::new(redirect.to_owned()).map_err(|error| Problem::internal(&error))?;
        let secret = self
            .settings
            .client_secret
            .as_ref()
            .map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let id = ClientId::new(self.settings.client_id.clone());
        Ok(
            Client::from_provider_metadata((*metadata).clone(), id, secret)
                .set_redirect_uri(redirect),
        )
    }

    async fn metadata(&self, now: Timestamp) -> Result<Arc<CoreProviderMetadata>, Problem> {
        let mut known = self.known.lock().await;
        if let Some((at, metadata)) = &*known
            && now.micros_since(*at) < FRESH
        {
            return Ok(Arc::clone(metadata));
        }
        let down = |error: &(dyn std::error::Error + 'static)| {
            tracing::warn!(error = %Chain(error), "the identity provider does not answer");
            Problem::new(Code::ProviderDown).retry_after(5)
        };
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(|error| down(&error))?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &self.http)
            .await
            .map_err(|error| down(&error))?;
        let metadata = Arc::new(metadata);
        *known = Some((now, Arc::clone(&metadata)));
        Ok(metadata)
    }
}

fn refused(why: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::info!(error = %Chain(why), "the identity provider did not vouch for somebody");
    Problem::new(Code::ProviderRefused)
}

fn redirect(api: &Api, peer: &Peer) -> Result<String, Problem> {
    if let Some(url) = api.config().public_url.as_deref() {
        return Ok(format!("{}{CALLBACK}", url.trim_end_matches('/')));
    }
    let host = peer.host.as_deref().ok_or(Problem::new(Code::Malformed))?;
    let scheme = if peer.https { "https" } else { "http" };
    Ok(format!("{scheme}://{host}{CALLBACK}"))
}

/// Requests of the protocol, over HTTP.
#[derive(Debug)]
struct Http(reqwest::Client);

#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error("ask the identity provider")]
    Ask(#[from] reqwest::Error),
    #[error("read the identity provider's answer")]
    Read(#[from] axum::http::Error),
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + Sync + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.0.execute(request.try_into()?).await?;
            let mut response = axum::http::Response::builder().status(answer.status());
            for (name, value) in answer.headers() {
                response = response.header(name, value);
            }
            Ok(response.body(answer.bytes().await?.to_vec())?)
        })
    }
}
