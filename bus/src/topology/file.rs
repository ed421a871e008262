//! Reading `topology.toml`.

use std::{collections::HashMap, time::Duration};

use async_nats::jetstream::stream::{
    Compression, Config, DiscardPolicy, RetentionPolicy, StorageType, SubjectTransform,
};
use serde::Deserialize;

/// Why the file is not a topology.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not TOML, or an unknown key.
    #[error("read topology")]
    Toml(#[from] toml::de::Error),
    /// A number with a unit that is not understood.
    #[error("{0:?} is not a {1}")]
    Quantity(String, &'static str),
}

/// The streams as written in the file.
#[derive(Debug, Clone)]
pub struct Topology {
    version: u32,
    streams: Vec<Config>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    stream: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    description: String,
    owner: String,
    subjects: Vec<String>,
    transform: Option<Transform>,
    max_age: Option<String>,
    max_bytes: Option<String>,
    max_message_bytes: Option<String>,
    max_per_subject: Option<i64>,
    discard: Discard,
    #[serde(default)]
    discard_per_subject: bool,
    duplicate_window: String,
    #[serde(default)]
    deny_purge: bool,
    compression: Option<S2>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transform {
    source: String,
    destination: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Discard {
    Old,
    New,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum S2 {
    S2,
}

/// Far above the consumers this system makes, and explicit: the server's own default differs between versions.
const MAX_CONSUMERS: i32 = 4096;

impl Topology {
    /// Parses the file's text.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let file: File = toml::from_str(text)?;
        let streams = file
            .stream
            .into_iter()
            .map(config)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            version: file.version,
            streams,
        })
    }

    /// Every stream with each of its subjects.
    pub fn subjects(&self) -> impl Iterator<Item = (&str, &str)> {
        self.streams.iter().flat_map(|stream| {
            let subjects = stream.subjects.iter();
            subjects.map(|subject| (stream.name.as_str(), subject.as_str()))
        })
    }

    /// Server-side configurations. `atomic` lets publishers send batches that are stored whole or not at all (2.12+).
    pub(super) fn configs(
        &self,
        replicas: usize,
        atomic: bool,
    ) -> impl Iterator<Item = Config> + '_ {
        self.streams.iter().map(move |stream| {
            let mut stream = stream.clone();
            stream.num_replicas = replicas;
            stream.allow_atomic_publish = atomic;
            stream
                .metadata
                .insert("topology".to_owned(), self.version.to_string());
            stream
        })
    }
}

fn config(entry: Entry) -> Result<Config, ParseError> {
    Ok(Config {
        name: entry.name,
        description: Some(entry.description),
        metadata: HashMap::from([("owner".to_owned(), entry.owner)]),
        subjects: entry.subjects,
        subject_transform: entry.transform.map(|t| SubjectTransform {
            source: t.source,
            destination: t.destination,
        }),
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        max_age: entry
            .max_age
            .as_deref()
            .map(duration)
            .transpose()?
            .unwrap_or_default(),
        max_bytes: entry
            .max_bytes
            .as_deref()
            .map(size)
            .transpose()?
            .unwrap_or(-1),
        max_message_size: match entry.max_message_bytes {
            Some(text) => i32::try_from(size(&text)?)
                .map_err(|_| ParseError::Quantity(text, "message size below 2 GiB"))?,
            None => -1,
        },
        max_messages: -1,
        max_messages_per_subject: entry.max_per_subject.unwrap_or(-1),
        max_consumers: MAX_CONSUMERS,
        discard: match entry.discard {
            Discard::Old => DiscardPolicy::Old,
            Discard::New => DiscardPolicy::New,
        },
        discard_new_per_subject: entry.discard_per_subject,
        duplicate_window: duration(&entry.duplicate_window)?,
        deny_delete: true,
        deny_purge: entry.deny_purge,
        allow_direct: true,
        compression: Some(match entry.compression {
            Some(S2::S2) => Compression::S2,
            None => Compression::None,
        }),
        ..Config::default()
    })
}

fn split<'a>(text: &'a str, what: &'static str) -> Result<(u64, &'a str), ParseError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number = number
        .parse()
        .map_err(|_| ParseError::Quantity(text.to_owned(), what))?;
    Ok((number, unit.trim()))
}

fn duration(text: &str) -> Result<Duration, ParseError> {
    let what = "duration such as 10m, 7d";
    let (number, unit) = split(text, what)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(ParseError::Quantity(text.to_owned(), what)),
    };
    Ok(Duration::from_secs(number * seconds))
}

fn size(text: &str) -> Result<i64, ParseError> {
    let what = "size such as 72KiB, 20GiB";
    let (number, unit) = split(text, what)?;
    let shift = match unit {
        "" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return Err(ParseError::Quantity(text.to_owned(), what)),
    };
    i64::try_from(number << shift).map_err(|_| ParseError::Quantity(text.to_owned(), what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        assert_eq!(duration("7d").ok(), Some(Duration::from_secs(604_800)));
        assert_eq!(size("72KiB").ok(), Some(73_728));
        assert!(duration("7 weeks").is_err());
        assert!(size("-1").is_err());
    }

    #[test]
    fn a_misspelt_key_is_an_error_not_a_default() {
        let text = "version = 1\n[[stream]]\nname='X'\ndescription=''\nowner=''\nsubjects=['x']\ndiscard='old'\nduplicate_window='1m'\nmax_aeg='1d'\n";
        assert!(Topology::parse(text).is_err());
    }
}
