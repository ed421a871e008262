//! The PostgreSQL that `up` runs: made once by initdb, tuned for a small host, configured anew at every start.
//!
//! A cluster becomes visible under its name by a rename when it is complete (role, password, database), so a start
//! that was killed halfway is simply repeated. What an operator wants different goes into `local.conf` beside
//! `postgresql.conf`, which is ours.

mod settings;

use std::{
    ffi::OsString,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};

use super::{
    child::{Plan, Running},
    identity::{Identity, give, parent_for_cluster, private_directory},
    place::Place,
    ports, process,
    process::Kind,
    runtime::{POSTGRES_MAJOR, Runtime, unstartable},
};
use crate::{
    config::{Config, required},
    trouble::{Code, Trouble},
};

/// Role and database of ours.
pub(super) const NAME: &str = "chatops";
/// Replaying the log after a crash takes a while on a slow disk.
const PATIENCE: Duration = Duration::from_secs(120);

/// Checks that the data can be served by the program we have; cheap, before anything is started.
pub(super) fn check(config: &Config, place: &Place) -> Result<(), Trouble> {
    if !config.database.listen.ip().is_loopback() {
        return Err(Trouble::new(
            Code::Settings,
            format!(
                "database.listen is {}, but the bundled PostgreSQL answers on loopback only",
                config.database.listen
            ),
            "use an address such as 127.0.0.1:5439, or run your own PostgreSQL and set CHATOPS_DATABASE_URL",
        ));
    }
    let Ok(version) = fs::read_to_string(place.postgres().join("PG_VERSION")) else {
        return Ok(());
    };
    if version.trim().parse() != Ok(POSTGRES_MAJOR) {
        return Err(Trouble::new(
            Code::DataVersion,
            format!(
                "the data in {} were written by PostgreSQL {}; this ChatOps runs {POSTGRES_MAJOR}",
                place.postgres().display(),
                version.trim()
            ),
            "move them with pg_upgrade or pg_dump of that version, or choose other data with --data DIRECTORY",
        ));
    }
    Ok(())
}

/// Whether the cluster exists.
pub(super) fn exists(place: &Place) -> bool {
    place.postgres().join("PG_VERSION").exists()
}

/// Makes the cluster with our role and database. About a second.
pub(super) fn create(config: &Config, place: &Place, runtime: &Runtime) -> anyhow::Result<()> {
    let identity = Identity::for_postgres(&place.postgres())?;
    let parent = parent_for_cluster(place, identity)?;
    let partial = parent.join("postgres.partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(|error| Trouble::writing(&partial, &error))?;
    }
    private_directory(&partial, identity)?;
    let mut initdb = Command::new(&runtime.initdb);
    initdb
        .args(["-U", NAME, "-A", "trust", "-E", "UTF8"])
        .args([
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ])
        .args(["--data-checksums", "--no-instructions", "-D"])
        .arg(&partial);
    run(initdb, identity, "")?;
    let password = required(&config.database.password, "database.password")?;
    set_password_and_database(runtime, &partial, identity, password, true)?;
    let cluster = parent.join("postgres");
    if cluster != place.postgres() {
        link(&cluster, &place.postgres())?;
    }
    fs::rename(&partial, &cluster).map_err(|error| Trouble::writing(&cluster, &error))?;
    Ok(())
}

/// Leads from the data directory to a cluster elsewhere. A cluster that lies there already belongs to a data directory
/// that somebody deleted: it is put aside, since its streams are gone.
fn link(cluster: &Path, from: &Path) -> Result<(), Trouble> {
    let failed = |error: std::io::Error| Trouble::writing(cluster, &error);
    if cluster.exists() {
        let aside = cluster.with_extension("orphan");
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(failed)?;
        }
        fs::rename(cluster, aside).map_err(failed)?;
    }
    let _ = fs::remove_file(from);
    std::os::unix::fs::symlink(cluster, from).map_err(|error| Trouble::writing(from, &error))
}

/// Gives our role a new password, after the file with the old one was lost.
pub(super) fn reset_password(
    config: &Config,
    place: &Place,
    runtime: &Runtime,
) -> anyhow::Result<()> {
    let identity = Identity::for_postgres(&place.postgres())?;
    let password = required(&config.database.password, "database.password")?;
    set_password_and_database(runtime, &place.postgres(), identity, password, false)
}

/// Writes the configuration and says how to start the server.
pub(super) fn plan(config: &Config, place: &Place, runtime: &Runtime) -> anyhow::Result<Plan> {
    let identity = Identity::for_postgres(&place.postgres())?;
    let cluster = place
        .postgres()
        .canonicalize()
        .context("find the database's directory")?;
    let port = config.database.listen.port();
    let socket = place.socket(port);
    if let Some(directory) = &socket {
        private_directory(directory, identity)?;
        // Clients may be another user than the server: a password is asked for, whoever comes.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        fs::set_permissions(directory, open)
            .map_err(|error| Trouble::writing(directory, &error))?;
    }
    let text = settings::text(
        config.database.listen,
        socket.as_deref(),
        config.database.max_connections,
    );
    give(&cluster.join("postgresql.conf"), &text, identity)?;
    give(
        &cluster.join("pg_hba.conf"),
        settings::WHO_MAY_CONNECT,
        identity,
    )?;
    remove_misleading_pid(place, &cluster);
    Ok(Plan {
        kind: Kind::Postgres,
        name: "PostgreSQL",
        program: runtime.postgres.clone(),
        arguments: vec![OsString::from("-D"), cluster.into()],
        environment: Vec::new(),
        identity,
        log: place.log("postgres"),
    })
}

/// Starts it and waits until it accepts connections.
pub(super) async fn start(config: &Config, place: &Place, plan: &Plan) -> anyhow::Result<Running> {
    ports::check(
        config.database.listen,
        "database.listen",
        "the bundled PostgreSQL",
    )?;
    let mut running = plan.start()?;
    let state = place.postgres().join("postmaster.pid");
    running
        .ready(PATIENCE, async |pid| {
            accepts(&fs::read_to_string(&state).unwrap_or_default(), pid)
        })
        .await?;
    Ok(running)
}

/// How this process connects: over the socket where there is one.
pub(super) fn url(config: &Config, place: &Place) -> anyhow::Result<SecretString> {
    let password = required(&config.database.password, "database.password")?.expose_secret();
    let listen = config.database.listen;
    let at = format!(
        "postgres://{NAME}:{}@{listen}/{NAME}",
        encode(password.as_bytes())
    );
    Ok(match place.socket(listen.port()) {
        Some(directory) => format!(
            "{at}?host={}",
            encode(directory.as_os_str().as_encoded_bytes())
        )
        .into(),
        None => at.into(),
    })
}

/// The eighth line of the file says how far the server is, as `pg_ctl` reads it.
fn accepts(state: &str, pid: u32) -> bool {
    let mut lines = state.lines();
    lines.next() == Some(&pid.to_string()) && lines.nth(6).map(str::trim) == Some("ready")
}

/// PostgreSQL refuses to start while the process named in its pid file lives, although the number may have been given
/// to a stranger after a crash. We hold the lock of the data directory and know our processes: a stranger is ignored.
fn remove_misleading_pid(place: &Place, cluster: &Path) {
    let file = cluster.join("postmaster.pid");
    let text = fs::read_to_string(&file).unwrap_or_default();
    let Some(pid) = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse::<i32>().ok())
    else {
        return;
    };
    let ours = process::ours(place, Kind::Postgres);
    if ours.is_empty() && fs::exists(format!("/proc/{pid}")).unwrap_or(false) {
        let _ = fs::remove_file(file);
    }
}

/// Talks to the server program in single-user mode: no port, no authentication, nobody else.
fn set_password_and_database(
    runtime: &Runtime,
    cluster: &Path,
    identity: Option<Identity>,
    password: &SecretString,
    create: bool,
) -> anyhow::Result<()> {
    let mut commands = format!(
        "ALTER ROLE {NAME} PASSWORD '{}';\n",
        password.expose_secret().replace('\'', "''")
    );
    if create {
        commands.push_str(&format!("CREATE DATABASE {NAME};\n"));
    }
    let mut single = Command::new(&runtime.postgres);
    single.args(["--single", "-D"]).arg(cluster).args([
        "-c",
        "log_min_messages=fatal",
        "-c",
        "exit_on_error=on",
    ]);
    // The extension's library is not wanted here, and our settings file may name it.
    single.args(["-c", "shared_preload_libraries=", "postgres"]);
    run(single, identity, &commands)
}

fn run(mut command: Command, identity: Option<Identity>, input: &str) -> anyhow::Result<()> {
    let program = PathBuf::from(command.get_program());
    command
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if let Some(Identity { uid, gid }) = identity {
        use std::os::unix::process::CommandExt;
        command.uid(uid).gid(gid);
    }
    let mut child = command
        .spawn()
        .map_err(|error| unstartable(&program, &error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends early says why on stderr; the broken pipe is only its echo.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .with_context(|| format!("wait for {}", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let why = said
        .lines()
        .rev()
        .find(|line| line.contains("FATAL") || line.contains("error"))
        .or(said.lines().last());
    let full = said.contains("No space left");
    Err(Trouble::new(
        if full { Code::Disk } else { Code::Failed },
        format!(
            "{} failed: {}",
            program.display(),
            why.unwrap_or("it says nothing").trim()
        ),
        if full {
            "free some space on the disk of the data directory"
        } else {
            "correct what it says and start again"
        },
    )
    .into())
}

/// Percent-encodes everything a URL might read as something else.
fn encode(bytes: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    bytes
        .iter()
        .map(|&byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_read_from_our_own_process_only() {
        let state = "42\n/data\n1700000000\n5439\n/socket\n127.0.0.1\n  1 2\nready   \n";
        assert!(accepts(state, 42));
        assert!(!accepts(state, 43));
        assert!(!accepts(&state.replace("ready   ", "starting"), 42));
        assert!(!accepts("", 42));
    }

    #[test]
    fn a_cluster_whose_data_directory_was_deleted_is_put_aside() {
        let root = tempfile::tempdir().unwrap();
        let (elsewhere, from) = (root.path().join("postgres"), root.path().join("link"));
        for content in ["first", "second"] {
            fs::create_dir(&elsewhere).unwrap();
            fs::write(elsewhere.join("file"), content).unwrap();
            link(&elsewhere, &from).unwrap();
            assert!(!elsewhere.exists());
        }
        let aside = root.path().join("postgres.orphan/file");
        assert_eq!(fs::read_to_string(aside).unwrap(), "second");
        assert_eq!(fs::read_link(from).unwrap(), elsewhere);
    }

    #[test]
    fn urls_survive_odd_characters() {
        assert_eq!(encode(b"/my data/so#cket"), "%2Fmy%20data%2Fso%23cket");
    }

    #[test]
    fn data_of_another_major_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let place = Place::prepare(root.path()).unwrap();
        let config = crate::config::Settings::read(None, |_| None, &Vec::new())
            .unwrap()
            .config()
            .unwrap();
        check(&config, &place).unwrap();
        fs::create_dir(place.postgres()).unwrap();
        fs::write(place.postgres().join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(
            check(&config, &place).unwrap_err().code(),
            Code::DataVersion
        );
    }
}
