//! What a run of all tests leaves for the search for secrets (`deploy/secrets.sh`): the logs of every process that a test
//! started and of the tests' own, where the crate that is tested runs in them, and every secret that a test made up or was
//! given.
//!
//! Called by this crate when a [`Scratch`](crate::Scratch) directory goes, and by tests that read what a process says or
//! talk to it. Does nothing unless `$CHATOPS_TEST_EVIDENCE` names a folder: `make test` makes one, with the secrets in
//! files of their own that only this user can read, and deletes it after the search.
//!
//! A test process that is killed leaves out what it had not written yet; a log that cannot be copied is left out, too. The
//! search counts what there is and fails on none.

use std::{
    env, fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process,
    sync::{
        Mutex, Once,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::Value;
use tracing_subscriber::EnvFilter;

const PLACE: &str = "CHATOPS_TEST_EVIDENCE";
/// What is shorter may occur by chance, or as a word.
const SHORTEST: usize = 12;
/// Folders of a scratch directory that are looked into, one below the other.
const DEPTH: usize = 4;
/// Fields of requests and answers whose values open a door.
const FIELDS: [&str; 10] = [
    "password",
    "current_password",
    "new_password",
    "access_token",
    "refresh_token",
    "token",
    "key",
    "secret",
    "code",
    "codes",
];

/// What a test process writes down of itself: all that the product can be told to, which is everything but the messages
/// that the sockets' library prints (`chatops/src/telemetry.rs`).
const HEARD: &str = "trace,tungstenite=debug";

static LISTENING: Once = Once::new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

fn place() -> Option<PathBuf> {
    env::var_os(PLACE).map(PathBuf::from)
}

/// From now on this may be in no log. `kind` is what it is called when it is.
pub fn secret(kind: &str, value: &str) {
    let Some(place) = place() else { return };
    let told = value.split(['\t', '\n']).next().unwrap_or_default();
    if told.len() < SHORTEST {
        return;
    }
    let folder = place.join("secrets");
    let name = format!("{}.tsv", process::id());
    let file = fs::create_dir_all(&folder).and_then(|()| {
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(folder.join(name))
    });
    if let Ok(mut file) = file {
        let mut lines = format!("{kind}\t{told}\n");
        // As an address or a form would carry it.
        for blank in ["%20", "+"].iter().filter(|_| told.contains(' ')) {
            lines.push_str(&format!("{kind}\t{}\n", told.replace(' ', blank)));
        }
        let _ = file.write_all(lines.as_bytes());
    }
}

/// Every secret in the body of a request or of an answer.
pub fn secrets_in(body: &Value) {
    if place().is_some() {
        look(body, None);
    }
}

fn look(value: &Value, field: Option<&str>) {
    match (value, field) {
        (Value::Object(fields), _) => {
            for (name, value) in fields {
                let known = FIELDS.iter().find(|field| *field == name);
                look(value, known.copied());
            }
        }
        (Value::Array(values), _) => values.iter().for_each(|value| look(value, field)),
        // Ids go by these names, too.
        (Value::String(text), Some("key" | "token")) if !text.starts_with("chatops_") => {}
        (Value::String(text), Some(field)) => secret(field, secret_part(text)),
        _ => {}
    }
}

/// The part that others cannot know: of an access token its signature, of a key what follows its id.
fn secret_part(text: &str) -> &str {
    if let Some(key) = text.strip_prefix("chatops_") {
        let rest = key.strip_prefix("pat_").unwrap_or(key);
        return rest.split_once('_').map_or(rest, |(_, secret)| secret);
    }
    match text.split('.').collect::<Vec<_>>()[..] {
        [_, _, signature] => signature,
        _ => text,
    }
}

/// From now on this process's own log is kept, at every level: `within-<crate>`. Lines are written as they come, so that a
/// test that is killed leaves its own.
pub fn listen() {
    // A test that has chosen another listener wants what it hears for itself, and leaves it here.
    if place().is_none() || tracing::dispatcher::has_been_set() {
        return;
    }
    LISTENING.call_once(|| {
        let of = env::var("CARGO_PKG_NAME").unwrap_or_else(|_| "unknown".to_owned());
        let Some(file) = log(&format!("within-{of}")).and_then(|file| fs::File::create(file).ok())
        else {
            return;
        };
        let _ = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(HEARD))
            .with_ansi(false)
            .with_writer(Mutex::new(file))
            .try_init();
    });
}

/// What a process has said, as far as the test has heard it.
pub fn said(who: &str, text: &str) {
    if let Some(file) = log(who) {
        let _ = fs::write(file, text);
    }
}

fn log(who: &str) -> Option<PathBuf> {
    let folder = place()?.join("logs");
    fs::create_dir_all(&folder).ok()?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Some(folder.join(format!("{who}-{}-{number}.log", process::id())))
}

/// Takes the logs and the credentials out of a directory that is about to go.
pub(crate) fn gather(directory: &Path) {
    if place().is_some() {
        walk(directory, DEPTH);
    }
}

fn walk(directory: &Path, depth: usize) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 1 => walk(&path, depth - 1),
            Ok(kind) if kind.is_file() => match name.as_ref() {
                // The servers of this crate have one file each in a directory of their own.
                "log" => copy(&path, "server"),
                "credentials.toml" | "agent.toml" => credentials(&path),
                name => {
                    if let Some(who) = name.strip_suffix(".log") {
                        copy(&path, who);
                    }
                }
            },
            _ => {}
        }
    }
}

fn copy(path: &Path, who: &str) {
    if let Some(to) = log(who) {
        let _ = fs::copy(path, to);
    }
}

/// Passwords, seeds and keys: `name = "value"`, long enough to be no word.
fn credentials(path: &Path) {
    let text = fs::read_to_string(path).unwrap_or_default();
    for (name, value) in text.lines().filter_map(|line| line.split_once(" = ")) {
        let value = value.trim().trim_matches('"');
        let public = name.contains("signing_key") || value.contains(['/', '[', ' ']);
        if value.len() > 20 && !public {
            secret(name.trim(), secret_part(value));
        }
    }
}
