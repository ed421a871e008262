//! Adding a server to the fleet.

use chatops_schemas::{
    event::ctl::ServerRegistered,
    ids::{ServerId, UserId},
};

use super::text::Check;
use crate::problem::Problem;

/// Milliseconds between samples that an agent can be asked for.
pub const INTERVAL_MS: std::ops::RangeInclusive<u32> = 1_000..=60_000;
/// Most labels of a server.
pub const MAX_TAGS: usize = 32;

/// What somebody typed.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// Name for people.
    pub name: &'a str,
    /// Labels.
    pub tags: &'a [String],
    /// Milliseconds between samples.
    pub interval_ms: Option<u32>,
}

/// The server, if everything is in order.
pub fn decide(
    command: Command<'_>,
    server: ServerId,
    owner: UserId,
) -> Result<ServerRegistered, Problem> {
    let mut check = Check::default();
    let name = check.text("name", command.name, 128);
    let tags = tags(&mut check, command.tags);
    interval(&mut check, command.interval_ms);
    check.done(ServerRegistered {
        server,
        name,
        owner,
        tags,
        interval_ms: command.interval_ms,
    })
}

/// Trimmed, each once, in the order they were typed.
pub(super) fn tags(check: &mut Check, tags: &[String]) -> Vec<String> {
    if tags.len() > MAX_TAGS {
        check.refuse("tags", format!("has more than {MAX_TAGS} labels"));
        return Vec::new();
    }
    let mut kept: Vec<String> = Vec::with_capacity(tags.len());
    for (n, tag) in tags.iter().enumerate() {
        let tag = check.text(&format!("tags[{n}]"), tag, 64);
        if !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    kept
}

pub(super) fn interval(check: &mut Check, interval_ms: Option<u32>) {
    if interval_ms.is_some_and(|ms| !INTERVAL_MS.contains(&ms)) {
        check.refuse("interval_ms", "must be between 1000 and 60000");
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn run(
        name: &str,
        tags: &[&str],
        interval_ms: Option<u32>,
    ) -> Result<ServerRegistered, Problem> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let server = ServerId::parse("s1").unwrap();
        decide(
            Command {
                name,
                tags: &tags,
                interval_ms,
            },
            server,
            UserId(Uuid::from_u128(1)),
        )
    }

    #[test]
    fn names_are_kept_as_typed_even_when_they_look_like_code() {
        for name in [
            "web-1",
            "'; DROP TABLE servers; --",
            "<script>alert(1)</script>",
            "сервер 東京",
        ] {
            assert_eq!(run(name, &[], None).unwrap().name, name);
        }
    }

    #[test]
    fn labels_are_trimmed_and_unique() {
        assert_eq!(
            run("a", &[" prod ", "prod", "eu"], Some(1000))
                .unwrap()
                .tags,
            ["prod", "eu"]
        );
    }

    #[test]
    fn what_is_empty_too_long_or_out_of_range_is_refused() {
        assert_eq!(
            run(" ", &["", "x"], Some(10)).unwrap_err().errors().len(),
            3
        );
        assert!(run(&"x".repeat(129), &[], None).is_err());
        assert!(run("a\u{0}b", &[], None).is_err());
        assert!(run("a", &["x"; 33], None).is_err());
    }
}
