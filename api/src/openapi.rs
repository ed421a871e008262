//! The OpenAPI document: put together from the routes themselves, committed as `api/openapi.json`, and copied to
//! `ui/openapi.json`, from which the web app's types are made. A test keeps all three the same.

use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ChatOps",
        description = "Server monitoring: the fleet, its metrics and its keys.\n\nProgrammes sign in with `POST /api/v1/auth/login` and send `Authorization: Bearer <access_token>`. Browsers keep the session in cookies (`\"session\": \"cookie\"`); their writes need the header `X-ChatOps-CSRF: 1`. Every failure is a problem document (RFC 9457) with a stable `code`; its `type` is the address of a page that says what to do.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    modifiers(&Schemes),
    security(("bearer" = []), ("cookie" = [])),
    tags(
        (name = "Auth", description = "Signing up, in and out, and one's own account"),
        (name = "Servers", description = "The fleet"),
        (name = "People", description = "Accounts, teams, what is shared with whom, invitations"),
        (name = "API keys", description = "Keys by which agents prove which server they speak for"),
        (name = "Audit", description = "Who did what, and whether that was changed since"),
        (name = "Metrics", description = "What a server measured"),
        (name = "Jobs", description = "One operation on many servers, scripts, schedules"),
        (name = "Alerts", description = "What is wrong now and was before, the rules that say so, and when nobody is told"),
        (name = "Chat", description = "What people do from a chat"),
        (name = "Live", description = "WebSockets for browsers"),
        (name = "Operations", description = "For machines that watch this one, and for people who look things up"),
    ),
)]
pub(crate) struct Base;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let cookie = ApiKey::Cookie(ApiKeyValue::new(crate::auth::cookie::ACCESS));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
        let key = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
        components.add_security_scheme("agent_key", SecurityScheme::ApiKey(key));
    }
}

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    crate::router::routes().into_openapi()
}

/// The document as it is committed: pretty, with a newline at the end.
pub fn text() -> String {
    // A document that utoipa built always serialises.
    let mut text = document().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
