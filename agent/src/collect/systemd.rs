//! systemd units that have failed, from the service manager. Runs as a task of [`service`](crate::service).
//!
//! `systemctl` is asked every [`ASK_EVERY`]: starting a program is dear, and a unit that has failed stays so until
//! somebody looks. Speaking D-Bus ourselves would save a process every two minutes and cost a library. On a host
//! without systemd nothing is started. sysinfo knows no units.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{
    process::Command,
    sync::watch,
    time::{sleep, timeout},
};

use super::text::{lines, name, words};

/// Most units in a sample.
pub const MAX_UNITS: usize = 64;
/// Time between two questions.
pub const ASK_EVERY: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(10);
/// Exists exactly where systemd is the service manager.
const MARK: &str = "/run/systemd/system";

/// What was found last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failed {
    /// Names of units.
    pub units: Vec<String>,
    /// Those left out because there are more than [`MAX_UNITS`].
    pub left_out: u32,
}

/// Whether systemd manages this host.
pub fn present() -> bool {
    Path::new(MARK).is_dir()
}

/// Asks for ever; returns at once on a host without systemd.
pub async fn watch(failed: watch::Sender<Failed>) {
    if !present() {
        return;
    }
    while !failed.is_closed() {
        match ask().await {
            Ok(found) => {
                failed.send_replace(found);
            }
            Err(reason) => tracing::debug!("failed units cannot be read: {reason}"),
        }
        sleep(ASK_EVERY).await;
    }
}

/// Asks once.
pub async fn ask() -> Result<Failed, String> {
    let output = Command::new("systemctl")
        .args([
            "list-units",
            "--state=failed",
            "--plain",
            "--no-legend",
            "--no-pager",
            "--full",
        ])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, output)
        .await
        .map_err(|_| "systemctl does not answer".to_owned())?;
    let output = output.map_err(|error| format!("systemctl: {error}"))?;
    if !output.status.success() {
        return Err(format!("systemctl: {}", name(output.stderr.trim_ascii())));
    }
    Ok(parse(&output.stdout))
}

/// Parses `unit load active sub description`, one a line.
pub fn parse(text: &[u8]) -> Failed {
    let mut units: Vec<String> = lines(text)
        // Some versions mark failed units with a dot even in plain lists.
        .filter_map(|line| words(line).find(|word| *word != "●".as_bytes() && *word != b"*"))
        .filter(|unit| unit.contains(&b'.'))
        .map(name)
        .collect();
    let left_out = u32::try_from(units.len().saturating_sub(MAX_UNITS)).unwrap_or(u32::MAX);
    units.truncate(MAX_UNITS);
    Failed { units, left_out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_units() {
        let text = "nginx.service loaded failed failed A web server\n● dev-sda1.swap loaded failed failed /dev/sda1\n";
        assert_eq!(
            parse(text.as_bytes()).units,
            ["nginx.service", "dev-sda1.swap"]
        );
        assert_eq!(parse(b"").units, [""; 0]);
    }

    #[test]
    fn more_than_fit_are_counted() {
        let text: String = (0..MAX_UNITS + 5)
            .map(|n| format!("unit-{n}.service loaded failed failed x\n"))
            .collect();
        let failed = parse(text.as_bytes());
        assert_eq!((failed.units.len(), failed.left_out), (MAX_UNITS, 5));
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(text in proptest::collection::vec(any::<u8>(), 0..500)) {
            parse(&text);
        }
    }
}
