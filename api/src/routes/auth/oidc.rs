//! `/auth/oidc`: signing in through the identity provider. Both are visited by browsers, not called by scripts: they answer
//! with redirects, also when the provider or we refuse — then to the sign-in page, with the code of the problem.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    auth::{api_key::too_many, cookie, door, oidc, session::Opening},
    body::session::{Keep, Method},
    code::Code,
    extract::Query,
    peer::Peer,
    problem::{Document, Problem},
    state::Api,
};

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
    match provider.depart(&api, &peer, return_to).await {
        Ok(departure) => {
            let mut response = to(&departure.url);
            let seconds = oidc::LIFE_MS.unsigned_abs() / 1000;
            let cookie = cookie::set_visit(&departure.browser, seconds, peer.https);
            cookie::attach(response.headers_mut(), cookie.into_iter().collect());
            Ok(response)
        }
        Err(problem) => Ok(refused(&problem)),
    }
}

/// Come back from the identity provider
#[utoipa::path(get, path = "/auth/oidc/callback", tag = "Auth", operation_id = "auth_oidc_callback", security(()), params(OidcAnswer),
    responses(
        (status = 303, description = "signed in, to where the person wanted to go; or to the sign-in page with `?refused=` and CO1012, CO1020, CO1021 or CO1022"),
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
    let (person, return_to) = provider
        .arrive(api, browser.as_deref(), &state, &code)
        .await
        .inspect_err(|problem| {
            if problem.code() == Code::ProviderRefused {
                failed("not_vouched");
            }
        })?;
    let role = provider.settings().role(&person.groups).ok_or_else(|| {
        failed("no_role");
        Problem::new(Code::NoRole)
    })?;
    let user = oidc::account::of(api, &person, role, peer.address).await?;
    let session = door::open(
        api,
        user,
        Method::Oidc,
        opening,
        Keep::Cookie,
        StatusCode::OK,
    )
    .await?;
    let mut response = to(&return_to);
    let cookies = session.headers().get_all(header::SET_COOKIE);
    let cookies = cookies.iter().cloned().collect();
    cookie::attach(response.headers_mut(), cookies);
    Ok(response)
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
