//! The whole route table.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, header},
    middleware,
};
use tower::ServiceBuilder;
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    assets, extract, limit,
    openapi::Base,
    problem, request_id,
    routes::{
        alerts, api_keys, audit, auth, channels, chat, commands, docker, enroll, grants, install,
        invitations, jobs, live, logs, metrics, ops, schedules, scripts, servers, settings, teams,
        terminals, users,
    },
    state::Api,
    witness,
};

/// Every route with its description.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(auth::status::handle))
        .routes(routes!(auth::register::handle))
        .routes(routes!(auth::invitation::handle))
        .routes(routes!(auth::login::handle))
        .routes(routes!(auth::login_second::handle))
        .routes(routes!(auth::refresh::handle))
        .routes(routes!(auth::logout::handle))
        .routes(routes!(auth::me::handle, auth::change_me::handle))
        .routes(routes!(auth::change_password::handle))
        .routes(routes!(auth::sessions::list, auth::sessions::end_others))
        .routes(routes!(auth::sessions::end))
        .routes(routes!(auth::tokens::list, auth::tokens::create))
        .routes(routes!(auth::tokens::revoke))
        .routes(routes!(auth::security::handle))
        .routes(routes!(auth::oidc::start))
        .routes(routes!(auth::oidc::callback))
        .routes(routes!(auth::oidc::join))
        .routes(routes!(auth::oidc::link))
        .routes(routes!(auth::oidc::unlink))
        .routes(routes!(auth::passkeys::begin))
        .routes(routes!(auth::passkeys::add))
        .routes(routes!(auth::passkeys::remove))
        .routes(routes!(auth::passkeys::begin_login))
        .routes(routes!(auth::passkeys::login))
        .routes(routes!(auth::totp::begin, auth::totp::remove))
        .routes(routes!(auth::totp::confirm))
        .routes(routes!(auth::totp::renew_codes))
        .routes(routes!(servers::list::handle, servers::create::handle))
        .routes(routes!(
            servers::show::handle,
            servers::change::handle,
            servers::delete::handle
        ))
        .routes(routes!(servers::access::handle))
        .routes(routes!(servers::events::handle))
        .routes(routes!(servers::keys::handle))
        .routes(routes!(servers::install::handle))
        .routes(routes!(servers::enrolment::handle))
        .routes(routes!(servers::processes::handle))
        .routes(routes!(servers::units::handle))
        .routes(routes!(servers::signal::handle))
        .routes(routes!(servers::unit::handle))
        .routes(routes!(commands::list::everywhere, commands::run::handle))
        .routes(routes!(commands::list::of_server))
        .routes(routes!(commands::show::handle))
        .routes(routes!(commands::output::handle))
        .routes(routes!(commands::cancel::handle))
        .routes(routes!(commands::approve::approve))
        .routes(routes!(commands::approve::deny))
        .routes(routes!(commands::rerun::handle))
        .routes(routes!(docker::act::handle))
        .routes(routes!(enroll::handle))
        .routes(routes!(api_keys::list::handle, api_keys::create::handle))
        .routes(routes!(api_keys::whose::handle))
        .routes(routes!(api_keys::delete::handle))
        .routes(routes!(api_keys::revoke::handle))
        .routes(routes!(api_keys::rotate::handle))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::show, users::change))
        .routes(routes!(teams::list, teams::create))
        .routes(routes!(teams::show, teams::change, teams::delete))
        .routes(routes!(teams::add_member, teams::remove_member))
        .routes(routes!(grants::list, grants::give))
        .routes(routes!(grants::revoke))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::revoke))
        .routes(routes!(settings::show, settings::change))
        .routes(routes!(metrics::latest::handle))
        .routes(routes!(metrics::history::handle))
        .routes(routes!(metrics::series::handle))
        .routes(routes!(live::fleet::handle))
        .routes(routes!(live::metrics::handle))
        .routes(routes!(live::logs::handle))
        .routes(routes!(logs::search::handle))
        .routes(routes!(logs::of_server::handle))
        .routes(routes!(logs::entry::handle))
        .routes(routes!(logs::sources::handle))
        .routes(routes!(logs::histogram::handle))
        .routes(routes!(logs::download::handle))
        .routes(routes!(live::container_logs::handle))
        .routes(routes!(docker::containers::handle))
        .routes(routes!(docker::inspect::handle))
        .routes(routes!(docker::logs::handle))
        .routes(routes!(docker::images::handle))
        .routes(routes!(docker::events::handle))
        .routes(routes!(live::terminal::handle))
        .routes(routes!(terminals::list::handle))
        .routes(routes!(terminals::close::handle))
        .routes(routes!(
            terminals::recording::show,
            terminals::recording::erase
        ))
        .routes(routes!(terminals::policy::show, terminals::policy::change))
        .routes(routes!(
            terminals::policy::show_own,
            terminals::policy::change_own
        ))
        .routes(routes!(jobs::list, jobs::start::handle))
        .routes(routes!(jobs::start::preview))
        .routes(routes!(jobs::show))
        .routes(routes!(jobs::hosts::handle))
        .routes(routes!(jobs::start::retry))
        .routes(routes!(jobs::control::cancel))
        .routes(routes!(jobs::control::pause))
        .routes(routes!(jobs::control::resume))
        .routes(routes!(jobs::control::approve))
        .routes(routes!(jobs::control::deny))
        .routes(routes!(scripts::list, scripts::create))
        .routes(routes!(scripts::show, scripts::change, scripts::delete))
        .routes(routes!(scripts::versions))
        .routes(routes!(alerts::list::handle))
        .routes(routes!(alerts::show::handle))
        .routes(routes!(
            alerts::handling::acknowledge,
            alerts::handling::take_back
        ))
        .routes(routes!(alerts::handling::resolve))
        .routes(routes!(alerts::handling::acknowledge_many))
        .routes(routes!(alerts::rules::list, alerts::rules::create))
        .routes(routes!(
            alerts::rules::show,
            alerts::rules::change,
            alerts::rules::delete
        ))
        .routes(routes!(alerts::rules::restore))
        .routes(routes!(alerts::rules::versions))
        .routes(routes!(alerts::wording::check))
        .routes(routes!(alerts::trial::handle))
        .routes(routes!(alerts::starter::handle))
        .routes(routes!(
            alerts::thresholds::list,
            alerts::thresholds::create
        ))
        .routes(routes!(
            alerts::thresholds::change,
            alerts::thresholds::delete
        ))
        .routes(routes!(alerts::silences::list, alerts::silences::create))
        .routes(routes!(chat::slack))
        .routes(routes!(chat::say))
        .routes(routes!(chat::code))
        .routes(routes!(chat::open, chat::close))
        .routes(routes!(alerts::silences::end))
        .routes(routes!(channels::list, channels::create))
        .routes(routes!(channels::change, channels::delete))
        .routes(routes!(channels::restore))
        .routes(routes!(channels::told::handle))
        .routes(routes!(channels::try_out::test))
        .routes(routes!(channels::try_out::preview))
        .routes(routes!(schedules::list, schedules::create))
        .routes(routes!(schedules::preview))
        .routes(routes!(
            schedules::show,
            schedules::change,
            schedules::delete
        ))
        .routes(routes!(schedules::enable))
        .routes(routes!(schedules::disable))
        .routes(routes!(audit::list::handle))
        .routes(routes!(audit::verify::handle))
        .routes(routes!(audit::export::handle))
        .routes(routes!(audit::show::handle))
        .routes(routes!(ops::openapi::handle))
        .routes(routes!(ops::asyncapi::handle))
        .routes(routes!(ops::error_page::handle));
    OpenApiRouter::with_openapi(Base::openapi())
        .nest("/api/v1", v1)
        .routes(routes!(ops::health::handle))
        .routes(routes!(ops::ready::handle))
        .routes(routes!(ops::prometheus::handle))
        .routes(routes!(install::script))
        .routes(routes!(install::program))
}

/// The service: all routes, the web app behind them, and the layers around both. `others` are routes of other parts
/// (the agents' edge); they get the same layers.
pub fn router(api: Api, others: Router) -> Router {
    let (routes, _) = routes().split_for_parts();
    let guarded = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(
            api.clone(),
            request_id::layer,
        ))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(header(
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ))
        .option_layer(https_only(&api))
        .layer(middleware::from_fn(problem::finish))
        .layer(middleware::from_fn_with_state(api.clone(), witness::layer))
        .layer(CatchPanicLayer::custom(limit::panicked))
        .layer(middleware::from_fn_with_state(api.clone(), limit::time))
        .layer(DefaultBodyLimit::max(extract::MAX_BODY));
    routes
        .fallback(assets::handle)
        .with_state(api)
        .merge(others)
        .layer(guarded)
}

/// Browsers shall come by HTTPS alone where whoever runs this has said that its address is one. Not where HTTPS merely
/// happens to be spoken: the promise is about a name, with all its ports.
fn https_only(api: &Api) -> Option<SetResponseHeaderLayer<HeaderValue>> {
    let address = api.config().public_url.as_deref()?;
    address
        .starts_with("https://")
        .then(|| header(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"))
}

fn header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}
