//! Where settings come from, weakest first, and one sentence when a value is wrong.

use std::{collections::BTreeMap, path::Path};

use figment::{
    Error, Figment, Metadata, Profile, Provider,
    error::Kind,
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};

use super::Config;
use crate::trouble::{Code, Trouble};

/// The documented defaults.
pub(crate) const DEFAULTS: &str = include_str!("../../../deploy/chatops.example.toml");

/// File, below the data directory, with what `up` generated at its first start.
pub(super) const GENERATED: &str = "credentials.toml";

/// Values from flags: path and text.
pub(crate) type Overrides = Vec<(String, String)>;

/// The layers, kept so that `config show` can say where a value came from and `up` can read what it has generated.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// File, environment and flags.
    given: Figment,
}

impl Settings {
    /// Collects all layers. A named file must exist.
    pub(crate) fn read(
        file: Option<&Path>,
        environment: impl Fn(&str) -> Option<String>,
        flags: &Overrides,
    ) -> Result<Self, Trouble> {
        let known = paths(&defaults());
        if let Some((path, _)) = flags.iter().find(|(path, _)| !known.contains_key(path)) {
            return Err(unknown(path, &known));
        }
        let mut given = Figment::new();
        if let Some(file) = file {
            if !file.is_file() {
                return Err(wrong(
                    format!("there is no configuration file {}", file.display()),
                    "name an existing file with --config, or leave it out: every setting has a default",
                ));
            }
            given = given.merge(Toml::file_exact(file));
        }
        given = given
            .merge(Texts::new("environment", &known, |path| {
                environment(&variable(path))
            }))
            .merge(Texts::new("flag", &known, |path| {
                flags
                    .iter()
                    .rev()
                    .find(|(flag, _)| flag == path)
                    .map(|(_, value)| value.clone())
            }));
        let settings = Self { given };
        settings.config()?;
        Ok(settings)
    }

    /// All layers. The data directory decides where the generated one lies, so it is looked up first.
    fn figment(&self) -> Result<Figment, Trouble> {
        let mut figment = Figment::from(defaults());
        let data: String = figment
            .clone()
            .merge(&self.given)
            .extract_inner("data")
            .map_err(explain)?;
        let generated = Path::new(&data).join(GENERATED);
        if generated.exists() {
            figment = figment.merge(Toml::file_exact(generated));
        }
        Ok(figment.merge(&self.given))
    }

    /// The typed settings, or one sentence naming the wrong one.
    pub(crate) fn config(&self) -> Result<Config, Trouble> {
        self.figment()?.extract().map_err(explain)
    }

    /// Every path with its value as text and the name of its source.
    pub(super) fn all(&self) -> Result<Vec<(String, String, String)>, Trouble> {
        let figment = self.figment()?;
        let found = paths(&defaults()).into_keys().map(|path| {
            let value = figment
                .find_value(&path)
                .map(|value| text(&value))
                .unwrap_or_default();
            let source = figment.find_metadata(&path).map(source).unwrap_or_default();
            (path, value, source)
        });
        Ok(found.collect())
    }
}

/// The environment variable of a path.
pub(crate) fn variable(path: &str) -> String {
    format!("CHATOPS_{}", path.replace('.', "_").to_uppercase())
}

/// Whether the value at this path may be shown.
pub(super) fn is_secret(path: &str) -> bool {
    ["password", "secret", "seed"]
        .iter()
        .any(|end| path.ends_with(end))
        || path == "database.url"
        || path == "audit.heads_webhook"
}

fn defaults() -> figment::providers::Data<Toml> {
    Toml::string(DEFAULTS)
}

/// Every leaf of the defaults; its value says which type is expected.
fn paths(defaults: &figment::providers::Data<Toml>) -> BTreeMap<String, Value> {
    fn walk(prefix: &str, dict: &Dict, into: &mut BTreeMap<String, Value>) {
        for (key, value) in dict {
            let path = if prefix.is_empty() {
                key.clone()
            } else {
                format!("{prefix}.{key}")
            };
            match value {
                Value::Dict(_, inner) => walk(&path, inner, into),
                leaf => {
                    into.insert(path, leaf.clone());
                }
            }
        }
    }
    let mut known = BTreeMap::new();
    for dict in defaults.data().unwrap_or_default().values() {
        walk("", dict, &mut known);
    }
    known
}

/// Values given as text, read as the type that the default has.
struct Texts {
    name: &'static str,
    data: Result<Dict, Error>,
}

impl Texts {
    fn new(
        name: &'static str,
        known: &BTreeMap<String, Value>,
        find: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let mut data = Ok(Dict::new());
        for (path, default) in known {
            let Some(text) = find(path) else { continue };
            match (typed(&text, default), &mut data) {
                (Ok(value), Ok(dict)) => put(dict, path, value),
                (Err(expected), Ok(_)) => {
                    let message = format!("{path} must be {expected}, not {text:?}");
                    data = Err(Error::from(Kind::Message(message)));
                }
                (_, Err(_)) => {}
            }
        }
        Self { name, data }
    }
}

impl Provider for Texts {
    fn metadata(&self) -> Metadata {
        let name = self.name;
        Metadata::named(name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.data.clone()?))
    }
}

fn typed(text: &str, default: &Value) -> Result<Value, &'static str> {
    match default {
        Value::Bool(..) => text
            .parse::<bool>()
            .map(Value::from)
            .map_err(|_| "true or false"),
        Value::Num(..) => text
            .parse::<u32>()
            .map(Value::from)
            .map_err(|_| "a whole number"),
        _ => Ok(Value::from(text)),
    }
}

fn put(dict: &mut Dict, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            dict.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = dict
                .entry(head.to_owned())
                .or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, number) => match (number.to_u128(), number.to_i128()) {
            (Some(number), _) => number.to_string(),
            (None, Some(number)) => number.to_string(),
            (None, None) => String::new(),
        },
        _ => String::new(),
    }
}

fn source(metadata: &Metadata) -> String {
    match metadata
        .source
        .as_ref()
        .and_then(figment::Source::file_path)
    {
        Some(file) => file.display().to_string(),
        None if metadata.name.starts_with("TOML") => "default".to_owned(),
        None => metadata.name.to_string(),
    }
}

/// The library's message quotes the offending value, which must not happen to a secret.
fn explain(error: Error) -> Trouble {
    let path = error.path.join(".");
    let from = error
        .metadata
        .as_ref()
        .map(source)
        .filter(|from| !from.is_empty());
    let from = from
        .map(|from| format!(" (from {from})"))
        .unwrap_or_default();
    let what = match (&error.kind, is_secret(&path)) {
        (_, true) => format!("{path} must be text in quotes{from}"),
        (Kind::UnknownField(name, _), _) => {
            let full = format!("{path}.{name}");
            return unknown(full.trim_start_matches('.'), &paths(&defaults()));
        }
        (kind, _) if path.is_empty() => format!("{kind}{from}"),
        (kind, _) => format!("{path}: {kind}{from}"),
    };
    wrong(
        what,
        "correct it; `chatops config show` prints every setting and where it comes from",
    )
}

fn unknown(path: &str, known: &BTreeMap<String, Value>) -> Trouble {
    let last = path.rsplit('.').next().unwrap_or(path);
    let near = known
        .keys()
        .find(|name| name.rsplit('.').next() == Some(last));
    let remedy = match near {
        Some(name) => format!("did you mean {name}?"),
        None => "`chatops config show` lists all settings".to_owned(),
    };
    wrong(format!("there is no setting {path:?}"), remedy)
}

fn wrong(what: impl Into<String>, remedy: impl Into<String>) -> Trouble {
    Trouble::new(Code::Settings, what, remedy)
}

#[cfg(test)]
mod tests {
    use chatops_api::config::Registration;

    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    fn flag(path: &str, value: &str) -> Overrides {
        vec![(path.to_owned(), value.to_owned())]
    }

    #[test]
    fn the_example_file_is_complete_and_valid() {
        let config = Settings::read(None, none, &Vec::new())
            .unwrap()
            .config()
            .unwrap();
        assert_eq!(config.listen.port(), 8080);
        assert!(config.nats.url.is_none());
        assert!(config.nats.svc_password.get().is_none());
    }

    #[test]
    fn environment_beats_file_and_flags_beat_environment() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "listen = '127.0.0.1:1'\n[nats]\nlisten = '127.0.0.1:2'",
        )
        .unwrap();
        let environment = |name: &str| match name {
            "CHATOPS_NATS_LISTEN" => Some("127.0.0.1:3".to_owned()),
            "CHATOPS_NATS_SVC_PASSWORD" => Some("12345".to_owned()),
            _ => None,
        };
        let settings = Settings::read(
            Some(file.path()),
            environment,
            &flag("listen", "127.0.0.1:4"),
        )
        .unwrap();
        let config = settings.config().unwrap();
        assert_eq!((config.listen.port(), config.nats.listen.port()), (4, 3));
        assert!(config.nats.svc_password.get().is_some());
    }

    #[test]
    fn who_may_register_is_one_of_three() {
        for (text, mode) in [
            ("open", Registration::Open),
            ("invite", Registration::Invite),
            ("closed", Registration::Closed),
        ] {
            let settings = Settings::read(None, none, &flag("api.registration", text)).unwrap();
            assert_eq!(settings.config().unwrap().api.registration, mode);
        }
        let refused = Settings::read(None, none, &flag("api.registration", "maybe"));
        assert!(refused.is_err_and(|trouble| trouble.to_string().contains("api.registration")));
    }

    #[test]
    fn a_wrong_value_is_named_with_its_source() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "listen = 'here'").unwrap();
        let trouble = Settings::read(Some(file.path()), none, &Vec::new()).unwrap_err();
        assert!(
            trouble.to_string().contains("listen") && trouble.to_string().contains("from"),
            "{trouble}"
        );
        let trouble = Settings::read(None, none, &flag("agent.local", "maybe")).unwrap_err();
        assert!(trouble.to_string().contains("true or false"), "{trouble}");
    }

    #[test]
    fn a_secret_of_the_wrong_type_is_not_quoted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[nats]\nsvc_password = 424242").unwrap();
        let trouble = Settings::read(Some(file.path()), none, &Vec::new()).unwrap_err();
        assert!(!trouble.to_string().contains("424242"), "{trouble}");
    }

    #[test]
    fn an_unknown_setting_suggests_the_known_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "websocket_listen = '127.0.0.1:1'").unwrap();
        let trouble = Settings::read(Some(file.path()), none, &Vec::new()).unwrap_err();
        assert!(
            trouble.remedy().contains("nats.websocket_listen"),
            "{trouble} {}",
            trouble.remedy()
        );
    }
}
