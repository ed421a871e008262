//! The last words of a start: where to go and how to sign in.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::place::Place;
use crate::{
    compose::Services,
    config::Config,
    output::{Output, seconds},
    tls,
};

/// Prints the address; while nobody has an account, with a fresh one-time token for the first.
pub(super) async fn print(
    config: &Config,
    place: &Place,
    services: &Services,
    took: Duration,
    output: &Output,
) -> anyhow::Result<()> {
    let address = config.address();
    output.say(format_args!(
        "\n{} ({})\n",
        output.strong("ChatOps is ready"),
        seconds(took)
    ));
    match services.setup_token().await? {
        Some(token) => {
            output.say(format_args!(
                "  open     {}",
                output.strong(&setup_address(&address, token.expose_secret()))
            ));
            output.say("           whoever opens it first creates the owner's account; the token in it works once");
            output.say("           (`chatops admin setup-token` makes another)");
        }
        None => output.say(format_args!("  open     {}", output.strong(&address))),
    }
    output.say(format_args!("  agents   {}", config.agents_address()));
    if let Some(authority) = tls::authority(config)? {
        output.say(format_args!(
            "  trust    certificates of our own authority, SHA-256 {}",
            authority.sha256
        ));
        output.say(format_args!(
            "           agents pin it; for a browser: {}",
            tls::authority_file(config).display()
        ));
    }
    output.say(format_args!("  data     {}", place.root().display()));
    output.say("  Ctrl-C   stops everything in order; nothing is lost\n");
    Ok(())
}

/// Behind `#`, so that the token is neither sent to a server nor logged by one.
pub(crate) fn setup_address(address: &str, token: &str) -> String {
    format!("{address}/setup#token={token}")
}
