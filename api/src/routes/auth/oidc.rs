//! `/auth/oidc`: signing in through the identity provider. Both are visited by browsers, not called by scripts: they answer
//! with redirects, also when the provider or we refuse — then to the sign-in page, with the code of the problem.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chatops_schemas::{event::people::Registration, ids::UserId};
use data_encoding::BASE64URL_NOPAD;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    auth::{
        actor::InPerson,
        api_key::too_many,
        confirm, cookie, door, invitation,
        oidc::{self, Departure, Errand, Person},
        session::Opening,
    },
    body::session::{Keep, Method},
    code::Code,
    extract::{Body, Path, Query},
    peer::Peer,
    problem::{Document, Problem},
    routes::settings::registration,
    state::Api,
    written::By,
};

/// The page on which linked accounts are listed.
const SECURITY: &str = "/settings/security";
/// Where somebody begins who has just got an account.
const HOME: &str = "/servers";

/// Where to go after the sign-in.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StartOidc {
    /// Path on this server.
    #[param(example = "/servers", nullable = false)]
    return_to: Option<String>,
}

/// What the provider sends along.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OidcAnswer {
    /// Of our question.
    #[param(nullable = false)]
    state: Option<String>,
    /// To be exchanged.
    #[param(value_type = Option<String>, nullable = false)]
    code: Option<SecretString>,
    /// Why there is no code.
    #[param(nullable = false)]
    error: Option<String>,
}

/// Go to the identity provider
#[utoipa::path(get, path = "/auth/oidc/start", tag = "Auth", operation_id = "auth_oidc_start", security(()), params(StartOidc),
    responses(
        (status = 303, description = "to the provider; or to the sign-in page with `?refused=CO1022`"),
        (status = 404, description = "CO1019", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005, see Retry-After", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn start(
    State(api): State<Api>,
    peer: Peer,
    Query(asked): Query<StartOidc>,
) -> Result<Response, Problem> {
    let provider = api.oidc()?;
    api.throttle()
        .ceremony(peer.address, api.clock().now())
        .map_err(too_many)?;
    let return_to = asked.return_to.filter(|path| is_own_path(path));
    let return_to = return_to.as_deref().unwrap_or("/");
    match provider
        .depart(&api, &peer, return_to, Errand::SignIn)
        .await
    {
        Ok(departure) => {
            let mut response = to(&departure.url);
            mark(&mut response, &peer, &departure);
            Ok(response)
        }
        Err(problem) => Ok(refused(&problem)),
    }
}

fn mark(response: &mut Response, peer: &Peer, departure: &Departure) {
    let seconds = oidc::LIFE_MS.unsigned_abs() / 1000;
    let cookie = cookie::set_visit(&departure.browser, seconds, peer.https);
    cookie::attach(response.headers_mut(), cookie.into_iter().collect());
}

/// Proof that it is you.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkRequest {
    /// Your password; not needed by an account that has none.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
}

/// Where the browser goes next.
#[derive(Serialize, ToSchema)]
pub struct OidcStarted {
    /// Page of the identity provider.
    url: String,
}

/// Begin to link an account at the identity provider
///
/// The browser goes to `url`, signs in there, and comes back to `/settings/security?linked=1`, or with `?refused=` and the
/// code of the problem. From then on that account signs in as you; your role stays what it is.
#[utoipa::path(post, path = "/auth/oidc/link", tag = "Auth", operation_id = "auth_oidc_link",
    request_body = LinkRequest,
    responses(
        (status = 200, description = "to be visited by this browser", body = OidcStarted),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1008, CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1019", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1022", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn link(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    peer: Peer,
    Body(request): Body<LinkRequest>,
) -> Result<Response, Problem> {
    let provider = api.oidc()?;
    let user = confirm::password_if_any(&api, &actor, &peer, request.password).await?;
    let errand = Errand::Link(user.id);
    let departure = provider.depart(&api, &peer, SECURITY, errand).await?;
    Ok(told(&peer, &departure))
}

fn told(peer: &Peer, departure: &Departure) -> Response {
    let url = departure.url.clone();
    let mut response = Json(OidcStarted { url }).into_response();
    mark(&mut response, peer, departure);
    response
}

/// An invitation to be accepted with an account elsewhere.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// What stands behind the `#` of its link.
    #[schema(value_type = String)]
    invitation: SecretString,
}

/// Begin to accept an invitation with an account at the identity provider
///
/// The browser goes to `url`, signs in there, and comes back signed in to an account that is what the invitation says, or
/// to the sign-in page with `?refused=` and the code of the problem. The invitation is used up when the account is made, not
/// before; an invitation for an address is only for whom the provider vouches to have that address. Whoever has an account
/// here already is signed in to that one, and the invitation stays open.
#[utoipa::path(post, path = "/auth/oidc/join", tag = "Auth", operation_id = "auth_oidc_join", security(()),
    request_body = JoinRequest,
    responses(
        (status = 200, description = "to be visited by this browser", body = OidcStarted),
        (status = 403, description = "CO1006 or CO1008", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1019, or CO1243: the invitation does not work", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005, see Retry-After", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1022", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn join(
    State(api): State<Api>,
    peer: Peer,
    Body(request): Body<JoinRequest>,
) -> Result<Response, Problem> {
    let provider = api.oidc()?;
    api.throttle()
        .ceremony(peer.address, api.clock().now())
        .map_err(too_many)?;
    if registration(&api).await? == Registration::Closed {
        return Err(Problem::new(Code::RegistrationClosed));
    }
    let invitation = invitation::open(&api, &request.invitation).await?;
    let errand = Errand::Join(invitation.id);
    let departure = provider.depart(&api, &peer, HOME, errand).await?;
    Ok(told(&peer, &departure))
}

/// Unlink an account at the identity provider
#[utoipa::path(delete, path = "/auth/oidc/identities/{id}", tag = "Auth", operation_id = "auth_oidc_unlink",
    params(("id" = String, Path)),
    responses(
        (status = 204, description = "it does not sign you in any more"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1224", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1024: it is your only way to sign in", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn unlink(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    oidc::account::unlink(&api, &actor.by(), actor.user, &way_of(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Issuer and subject hold what a path should not: the id of a linked account is both, base64url.
pub(super) fn id_of(way: &str) -> String {
    BASE64URL_NOPAD.encode(way.as_bytes())
}

fn way_of(id: &str) -> Result<String, Problem> {
    BASE64URL_NOPAD
        .decode(id.as_bytes())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or(Problem::new(Code::NoIdentity))
}

/// Come back from the identity provider
#[utoipa::path(get, path = "/auth/oidc/callback", tag = "Auth", operation_id = "auth_oidc_callback", security(()), params(OidcAnswer),
    responses(
        (status = 303, description = "signed in, to where the person wanted to go; or to the sign-in page with `?refused=` and CO1006, CO1012, CO1020, CO1021, CO1022, CO1205, CO1243, CO1246 or CO1247; after linking, to the security page"),
        (status = 404, description = "CO1019", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn callback(
    State(api): State<Api>,
    peer: Peer,
    opening: Opening,
    headers: HeaderMap,
    Query(answer): Query<OidcAnswer>,
) -> Result<Response, Problem> {
    api.oidc()?;
    let mut response = match arrive(&api, &peer, &opening, &headers, answer).await {
        Ok(response) => response,
        Err(problem) => refused(&problem),
    };
    let cookie = cookie::clear_visit(peer.https);
    cookie::attach(response.headers_mut(), cookie.into_iter().collect());
    Ok(response)
}

async fn arrive(
    api: &Api,
    peer: &Peer,
    opening: &Opening,
    headers: &HeaderMap,
    answer: OidcAnswer,
) -> Result<Response, Problem> {
    let provider = api.oidc()?;
    let failed = |reason| door::failed(api, peer, None, None, Method::Oidc, reason);
    let (Some(state), Some(code)) = (answer.state, answer.code) else {
        tracing::info!(
            error = answer.error.as_deref().unwrap_or("none"),
            "the identity provider sent no code"
        );
        failed("no_code");
        return Err(Problem::new(Code::ProviderRefused));
    };
    let browser = cookie::read(headers, cookie::VISIT);
    let visit = provider.back(api, browser.as_deref(), &state).await?;
    let person = provider.person(api, &visit, &code).await;
    if let Errand::Link(user) = visit.errand {
        let linked = match person {
            Ok(person) => linked(api, peer, user, &person).await,
            Err(problem) => Err(problem),
        };
        return Ok(match linked {
            Ok(()) => to(&format!("{SECURITY}?linked=1")),
            Err(problem) => to(&format!("{SECURITY}?refused={}", problem.code().as_str())),
        });
    }
    let person = person.inspect_err(|problem| {
        if problem.code() == Code::ProviderRefused {
            failed("not_vouched");
        }
    })?;
    let invited = match visit.errand {
        Errand::Join(invitation) => Some(invitation),
        Errand::SignIn | Errand::Link(_) => None,
    };
    let user = oidc::account::of(api, provider.settings(), &person, peer.address, invited)
        .await
        .inspect_err(|problem| match problem.code() {
            Code::NoRole => failed("no_role"),
            Code::RegistrationClosed | Code::InvitationNeeded => failed("no_account"),
            Code::NoInvitation | Code::InvitedAddress => failed("no_invitation"),
            _ => {}
        })?;
    let session = door::open(
        api,
        user,
        Method::Oidc,
        opening,
        Keep::Cookie,
        StatusCode::OK,
    )
    .await?;
    let mut response = to(visit.return_to());
    let cookies = session.headers().get_all(header::SET_COOKIE);
    let cookies = cookies.iter().cloned().collect();
    cookie::attach(response.headers_mut(), cookies);
    Ok(response)
}

/// Whoever began this proved that they are `user`, in the browser that is back now.
async fn linked(api: &Api, peer: &Peer, user: UserId, person: &Person) -> Result<(), Problem> {
    let account = api.store().user(user).await?;
    if !account.is_some_and(|account| account.active) {
        return Err(Problem::new(Code::Deactivated));
    }
    let by = By::user(user, peer.address);
    oidc::account::link(api, &by, user, person).await
}

fn refused(problem: &Problem) -> Response {
    to(&format!("/login?refused={}", problem.code().as_str()))
}

fn to(place: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, place);
    response
}

/// A path on this server and nothing that a browser could take for another host.
fn is_own_path(path: &str) -> bool {
    let mut bytes = path.bytes();
    bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && path.len() <= 1024
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_returned_to() {
        for good in ["/", "/servers?tag=a", "/servers/x#cpu"] {
            assert!(is_own_path(good), "{good}");
        }
        for bad in [
            "",
            "servers",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nSet-Cookie: x=y",
            "/a b",
        ] {
            assert!(!is_own_path(bad), "{bad}");
        }
    }
}
