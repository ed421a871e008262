//! systemd's units, when somebody asks. Called by the [`Desk`](super::Desk). `systemctl` is asked for the same reason as in
//! [`collect::systemd`](crate::collect::systemd).

use std::{process::Stdio, time::Duration};

use chatops_schemas::{
    answer::{Unit, Units},
    order::{Refusal, RefusalCode},
};
use tokio::{process::Command, time::timeout};

use crate::collect::systemd;

const PATIENCE: Duration = Duration::from_secs(8);
/// Bytes of an answer, far below what the bus carries; units are listed by name, so the rest is missed at the end.
const MOST_BYTES: usize = 180 * 1024;
const FIELDS: usize = 60;

/// All services, timers, sockets and mounts that are loaded.
pub(super) async fn all() -> Result<Units, Refusal> {
    if !systemd::present() {
        return Err(Refusal::new(
            RefusalCode::Unsupported,
            "this host is not managed by systemd, so it has no units",
        ));
    }
    let failed = |reason: String| Refusal::new(RefusalCode::Failed, reason);
    let asking = Command::new("systemctl")
        .args([
            "list-units",
            "--all",
            "--type=service,timer,socket,mount",
            "--plain",
            "--no-legend",
            "--no-pager",
            "--full",
        ])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, asking)
        .await
        .map_err(|_| failed("systemctl does not answer".to_owned()))?
        .map_err(|error| failed(format!("systemctl: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("systemctl: {}", said.trim())));
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Parses `unit load active sub description`, one a line.
fn parse(text: &str) -> Units {
    let mut bytes = 0;
    let units = text
        .lines()
        .filter_map(|line| {
            // Some versions mark units with a dot even in plain lists.
            let line = line.trim_start_matches(['●', '*', ' ']);
            let (name, rest) = line.split_once(char::is_whitespace)?;
            let (load, rest) = rest.trim_start().split_once(char::is_whitespace)?;
            let (active, rest) = rest.trim_start().split_once(char::is_whitespace)?;
            let rest = rest.trim_start();
            let (sub, description) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            Some(Unit {
                name: name.to_owned(),
                description: description.trim().chars().take(256).collect(),
                load: load.to_owned(),
                active: active.to_owned(),
                sub: sub.to_owned(),
            })
        })
        .take_while(|unit| {
            bytes += FIELDS
                + unit.name.len()
                + unit.description.len()
                + unit.load.len()
                + unit.active.len()
                + unit.sub.len();
            bytes <= MOST_BYTES
        })
        .collect();
    Units { units }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_listing_of_systemctl() {
        let text = "nginx.service           loaded    active   running A web server and  proxy\n\
                    ● gone.mount            not-found inactive dead    gone.mount\n";
        let units = parse(text).units;
        assert_eq!(units.len(), 2);
        assert_eq!(
            units[0],
            Unit {
                name: "nginx.service".into(),
                description: "A web server and  proxy".into(),
                load: "loaded".into(),
                active: "active".into(),
                sub: "running".into(),
            }
        );
        assert_eq!(
            (units[1].name.as_str(), units[1].load.as_str()),
            ("gone.mount", "not-found")
        );
    }

    proptest! {
        #[test]
        fn any_text_parses(text in ".{0,400}") {
            parse(&text);
        }
    }
}
