//! Settings: flags over environment over file. Read once by [`cli`](crate::cli).
//!
//! The file is TOML, `/etc/chatops/agent.toml` unless `--config` names another; unknown names in it are refused, since
//! a misspelt setting that is ignored is worse than none. The key is in no error and no `Debug` text.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use chatops_schemas::event::metric::MAX_NAME;
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

use crate::{
    endpoint::{Endpoint, EndpointError},
    key::{ApiKey, KeyError},
    logs::settings,
    trust::Fingerprint,
};

/// Where settings are looked for unless told otherwise.
pub const DEFAULT_FILE: &str = "/etc/chatops/agent.toml";
/// Time between samples unless the owner of the server asks for another.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
/// Shortest and longest time between samples, in seconds.
pub const INTERVAL_SECONDS: std::ops::RangeInclusive<u64> = 1..=60;

/// What may run on this host. It is decided here; the server cannot widen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Reading the host's figures.
    Metrics,
    /// Listing processes by name and owner, and systemd's units.
    Processes,
    /// Listing containers, reading their figures, settings and logs.
    Docker,
    /// Sending log lines of the sources that the settings name.
    Logs,
    /// Running programs, signalling processes, starting and stopping units, as the agent's user.
    Exec,
    /// Opening terminals, on the host and in containers.
    Terminal,
    /// Starting, stopping and removing containers.
    DockerControl,
}

impl Capability {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Metrics,
        Self::Processes,
        Self::Docker,
        Self::Logs,
        Self::Exec,
        Self::Terminal,
        Self::DockerControl,
    ];
    /// What is allowed unless the settings say otherwise: reading, and nothing that changes the host.
    pub const DEFAULT: [Self; 3] = [Self::Metrics, Self::Processes, Self::Docker];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Processes => "processes",
            Self::Docker => "docker",
            Self::Logs => "logs",
            Self::Exec => "exec",
            Self::Terminal => "terminal",
            Self::DockerControl => "docker_control",
        }
    }
}

impl FromStr for Capability {
    type Err = ConfigError;
    fn from_str(word: &str) -> Result<Self, ConfigError> {
        Self::ALL
            .into_iter()
            .find(|capability| capability.word() == word)
            .ok_or_else(|| ConfigError::Capability(word.chars().take(40).collect()))
    }
}

/// Settings as they are written; every one may be absent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address of the server.
    pub url: Option<String>,
    /// The key itself.
    pub api_key: Option<Hidden>,
    /// File that holds the key.
    pub api_key_file: Option<PathBuf>,
    /// Seconds between samples.
    pub interval: Option<u64>,
    /// What may run here.
    pub capabilities: Option<Vec<String>>,
    /// Folder for the spool and the state.
    pub data: Option<PathBuf>,
    /// Private certificate authority, PEM.
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of that certificate: another one in its place is refused.
    pub ca_sha256: Option<String>,
    /// Public half of the key with which the server signs what it asks of this host, as it was when this host was enrolled.
    pub signing_key: Option<String>,
    /// Prefixes of interfaces to leave out.
    pub skip_interfaces: Option<Vec<String>>,
    /// Socket of Docker or Podman.
    pub docker_socket: Option<PathBuf>,
    /// MiB of samples kept while the server is away.
    pub spool_mib: Option<u64>,
    /// What is logged.
    pub log: Option<String>,
    /// Sources of log lines that are sent.
    pub logs: Option<Vec<settings::Written>>,
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Hidden {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

impl Hidden {
    /// The text, for the one place that needs it.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// Settings that are valid.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to send, with which key. Absent when no address or no key is set, which is enough to look at samples.
    pub uplink: Option<Uplink>,
    /// Time between samples, if set here; it then wins over the server's.
    pub interval: Option<Duration>,
    /// What may run here.
    pub capabilities: Vec<Capability>,
    /// Folder for the spool and the state.
    pub data: PathBuf,
    /// Prefixes of interfaces to leave out.
    pub skip_interfaces: Vec<String>,
    /// Socket of Docker or Podman; the usual places when not set.
    pub docker_socket: Option<PathBuf>,
    /// Bytes of samples kept while the server is away.
    pub spool_bytes: u64,
    /// What is logged.
    pub log: String,
    /// Sources of log lines; they are read only with [`Capability::Logs`].
    pub logs: Vec<settings::Source>,
    /// Who signs what the server asks of this host; nothing is done without.
    pub signing_key: Option<[u8; 32]>,
}

/// Where to send, with which key.
#[derive(Debug, Clone)]
pub struct Uplink {
    /// Where.
    pub endpoint: Endpoint,
    /// As whom.
    pub key: ApiKey,
    /// Private certificate authority, PEM.
    pub ca_file: Option<PathBuf>,
}

/// Why settings are not valid. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file does not parse.
    #[error("cannot use the settings file {0}: {1}")]
    File(PathBuf, String),
    /// A named file is missing.
    #[error("cannot read the settings file {0}: {1}")]
    NoFile(PathBuf, io::Error),
    /// The key's file cannot be read.
    #[error("cannot read the API key file {0}: {1}")]
    KeyFile(PathBuf, io::Error),
    /// No key.
    #[error(
        "there is no API key: set CHATOPS_API_KEY, or --api-key-file with the file that holds it"
    )]
    NoKey,
    /// No address.
    #[error(
        "there is no address to send to: set CHATOPS_AGENT_URL or --url, for example nats://monitor.example.org:4222 or https://monitor.example.org"
    )]
    NoUrl,
    /// Not a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Not an address.
    #[error(transparent)]
    Url(#[from] EndpointError),
    /// Out of range.
    #[error("the interval is {0} s; 1 to 60 seconds are possible")]
    Interval(u64),
    /// Not a fingerprint.
    #[error("ca_sha256 takes the 64 hexadecimal digits of a SHA-256 fingerprint")]
    Fingerprint,
    /// A pin and nothing to measure by it.
    #[error("ca_sha256 is set but ca_file is not: name the certificate that it belongs to")]
    PinWithoutFile,
    /// The certificate cannot be read.
    #[error("cannot read the certificate file {0}: {1}")]
    Authority(PathBuf, io::Error),
    /// Somebody exchanged the certificate.
    #[error(
        "the certificate in {0} is not the one this host was enrolled with: its fingerprint differs from ca_sha256; enrol this host again"
    )]
    OtherAuthority(PathBuf),
    /// Not a key.
    #[error("signing_key is damaged: enrol this host again")]
    SigningKey,
    /// Unknown word.
    #[error(
        "there is no capability {0:?}; this agent knows metrics, processes, docker, logs, exec, terminal, docker_control, or all"
    )]
    Capability(String),
    /// A source of log lines.
    #[error(transparent)]
    Logs(#[from] settings::SourceError),
    /// Out of range.
    #[error("the spool is {0} MiB; 1 to 4096 MiB are possible")]
    Spool(u64),
}

impl Settings {
    /// Puts `self` (flags and environment) over the file. Without `file` the usual one is read if it exists.
    pub fn over_file(self, file: Option<&Path>) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && file.is_none() => {
                String::new()
            }
            Err(error) => return Err(ConfigError::NoFile(path.to_owned(), error)),
        };
        let file: Self = toml::from_str(&text)
            .map_err(|error| ConfigError::File(path.to_owned(), summary(&error, &text)))?;
        Ok(Self {
            url: self.url.or(file.url),
            // A key of its own and a key in a file exclude each other; what is nearer wins.
            api_key_file: self
                .api_key_file
                .or(file.api_key_file.filter(|_| self.api_key.is_none())),
            api_key: self.api_key.or(file.api_key),
            interval: self.interval.or(file.interval),
            capabilities: self.capabilities.or(file.capabilities),
            data: self.data.or(file.data),
            ca_file: self.ca_file.or(file.ca_file),
            ca_sha256: self.ca_sha256.or(file.ca_sha256),
            signing_key: self.signing_key.or(file.signing_key),
            skip_interfaces: self.skip_interfaces.or(file.skip_interfaces),
            docker_socket: self.docker_socket.or(file.docker_socket),
            spool_mib: self.spool_mib.or(file.spool_mib),
            log: self.log.or(file.log),
            logs: self.logs.or(file.logs),
        })
    }

    /// Validates.
    pub fn check(self) -> Result<Config, ConfigError> {
        if let Some(pin) = &self.ca_sha256 {
            check_pin(pin, self.ca_file.as_deref())?;
        }
        let signing_key = self.signing_key.as_deref().map(signing_key).transpose()?;
        let uplink = match (self.url.as_deref(), key(&self)?) {
            (Some(url), Some(key)) => Some(Uplink {
                endpoint: Endpoint::parse(url)?,
                key,
                ca_file: self.ca_file.clone(),
            }),
            (Some(url), None) => {
                Endpoint::parse(url)?;
                None
            }
            (None, _) => None,
        };
        if let Some(seconds) = self
            .interval
            .filter(|seconds| !INTERVAL_SECONDS.contains(seconds))
        {
            return Err(ConfigError::Interval(seconds));
        }
        let spool_mib = self.spool_mib.unwrap_or(64);
        if !(1..=4096).contains(&spool_mib) {
            return Err(ConfigError::Spool(spool_mib));
        }
        let logs = settings::check(self.logs.unwrap_or_default())?;
        Ok(Config {
            uplink,
            interval: self.interval.map(Duration::from_secs),
            capabilities: capabilities(self.capabilities)?,
            data: self.data.unwrap_or_else(default_data),
            skip_interfaces: self
                .skip_interfaces
                .unwrap_or_else(|| vec!["veth".to_owned()])
                .into_iter()
                .filter(|prefix| !prefix.is_empty() && prefix.len() <= MAX_NAME)
                .collect(),
            docker_socket: self.docker_socket,
            spool_bytes: spool_mib << 20,
            log: self.log.unwrap_or_else(|| "info".to_owned()),
            logs,
            signing_key,
        })
    }

    /// Why [`Config::uplink`] is absent.
    pub fn missing(&self) -> ConfigError {
        if self.url.is_none() {
            ConfigError::NoUrl
        } else {
            ConfigError::NoKey
        }
    }
}

/// What is wrong with the file and where, without the line itself: it may hold the key.
fn summary(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| before.bytes().filter(|byte| *byte == b'\n').count() + 1);
    let place = line
        .map(|line| format!("line {line}: "))
        .unwrap_or_default();
    let message = error.message();
    // Values of the wrong kind are quoted by the parser; what was expected is enough.
    match message
        .split_once(", expected ")
        .filter(|_| message.starts_with("invalid "))
    {
        Some((_, expected)) => format!("{place}wrong kind of value, expected {expected}"),
        None => format!("{place}{message}"),
    }
}

fn check_pin(pin: &str, file: Option<&Path>) -> Result<(), ConfigError> {
    let pin = Fingerprint::parse(pin).ok_or(ConfigError::Fingerprint)?;
    let file = file.ok_or(ConfigError::PinWithoutFile)?;
    let pem = fs::read(file).map_err(|error| ConfigError::Authority(file.to_owned(), error))?;
    if Fingerprint::of_pem(&pem) == Some(pin) {
        Ok(())
    } else {
        Err(ConfigError::OtherAuthority(file.to_owned()))
    }
}

fn signing_key(text: &str) -> Result<[u8; 32], ConfigError> {
    BASE64URL_NOPAD
        .decode(text.trim().as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(ConfigError::SigningKey)
}

fn key(settings: &Settings) -> Result<Option<ApiKey>, ConfigError> {
    if let Some(Hidden(text)) = &settings.api_key {
        return Ok(Some(ApiKey::parse(text)?));
    }
    let Some(path) = &settings.api_key_file else {
        return Ok(None);
    };
    let text =
        fs::read_to_string(path).map_err(|error| ConfigError::KeyFile(path.clone(), error))?;
    Ok(Some(ApiKey::parse(&text)?))
}

fn capabilities(words: Option<Vec<String>>) -> Result<Vec<Capability>, ConfigError> {
    let Some(words) = words else {
        return Ok(Capability::DEFAULT.to_vec());
    };
    if words.iter().any(|word| word == "all") {
        return Ok(Capability::ALL.to_vec());
    }
    // Figures are what the agent is for; a list without them means them too.
    let mut list = vec![Capability::Metrics];
    for word in words
        .iter()
        .map(|word| word.trim())
        .filter(|word| !word.is_empty())
    {
        list.push(word.parse()?);
    }
    list.sort_unstable();
    list.dedup();
    Ok(list)
}

/// `/var/lib/chatops-agent` for root, the user's state folder for others.
fn default_data() -> PathBuf {
    const NAME: &str = "chatops-agent";
    if rustix::process::geteuid().is_root() {
        return Path::new("/var/lib").join(NAME);
    }
    let folder = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    folder("XDG_STATE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(std::env::temp_dir)
        .join(NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "chatops_abcdefgh234567ab_AbCd0123456789012345678901234567890123456";

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = file("url = \"nats://file:4222\"\ninterval = 10\nspool_mib = 8\n");
        let flags = Settings {
            interval: Some(2),
            api_key: Some(KEY.to_owned().into()),
            ..Settings::default()
        };
        let config = flags.over_file(Some(file.path())).unwrap().check().unwrap();
        assert_eq!(config.interval, Some(Duration::from_secs(2)));
        assert_eq!(config.spool_bytes, 8 << 20);
        assert_eq!(config.uplink.unwrap().key.id.as_str(), "abcdefgh234567ab");
    }

    #[test]
    fn a_misspelt_setting_is_refused_by_name() {
        let file = file("intervall = 10\n");
        let error = Settings::default()
            .over_file(Some(file.path()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("intervall"), "{error}");
    }

    #[test]
    fn a_broken_file_is_explained_without_its_secrets() {
        for text in [
            "\nurl = \"nats://x\"\napi_key = hunter2\n",
            "\n\napi_key = [\"hunter2\"]\n",
            "\n\ninterval = \"hunter2\"\n",
        ] {
            let file = file(text);
            let error = Settings::default()
                .over_file(Some(file.path()))
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("line 3") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_key_given_directly_wins_over_a_key_file_in_the_file() {
        let file = file("api_key_file = \"/nowhere\"\n");
        let flags = Settings {
            api_key: Some(KEY.to_owned().into()),
            ..Settings::default()
        };
        assert_eq!(
            flags.over_file(Some(file.path())).unwrap().api_key_file,
            None
        );
    }

    #[test]
    fn a_named_file_must_exist() {
        let error = Settings::default()
            .over_file(Some(Path::new("/nowhere.toml")))
            .unwrap_err();
        assert!(matches!(error, ConfigError::NoFile(..)));
    }

    #[test]
    fn impossible_values_are_refused() {
        let with = |settings: Settings| settings.check().unwrap_err().to_string();
        assert!(
            with(Settings {
                interval: Some(0),
                ..Settings::default()
            })
            .contains("1 to 60")
        );
        assert!(
            with(Settings {
                interval: Some(61),
                ..Settings::default()
            })
            .contains("1 to 60")
        );
        assert!(
            with(Settings {
                spool_mib: Some(0),
                ..Settings::default()
            })
            .contains("MiB")
        );
        let words = Some(vec!["sudo".to_owned()]);
        assert!(
            with(Settings {
                capabilities: words,
                ..Settings::default()
            })
            .contains("sudo")
        );
    }

    #[test]
    fn capabilities_always_hold_metrics() {
        let list = |words: &[&str]| {
            capabilities(Some(words.iter().map(|word| (*word).to_owned()).collect())).unwrap()
        };
        assert_eq!(
            list(&["docker", " docker"]),
            [Capability::Metrics, Capability::Docker]
        );
        assert_eq!(list(&["all"]), Capability::ALL);
        assert_eq!(list(&[]), [Capability::Metrics]);
        assert_eq!(capabilities(None).unwrap(), Capability::DEFAULT);
        assert_eq!(
            list(&["exec", "docker_control"]),
            [
                Capability::Metrics,
                Capability::Exec,
                Capability::DockerControl
            ]
        );
    }

    #[test]
    fn the_key_is_never_printed() {
        let file = file(&format!("api_key = \"{KEY}\"\nurl = \"nats://x\"\n"));
        let settings = Settings::default().over_file(Some(file.path())).unwrap();
        let shown = format!("{settings:?} {:?}", settings.clone().check().unwrap());
        assert!(!shown.contains("AbCd0123"), "{shown}");
    }

    #[test]
    fn a_key_file_is_read() {
        let key = file(&format!("{KEY}\n"));
        let settings = Settings {
            url: Some("https://monitor.example.org".into()),
            api_key_file: Some(key.path().into()),
            ..Settings::default()
        };
        assert!(settings.check().unwrap().uplink.is_some());
    }
}
