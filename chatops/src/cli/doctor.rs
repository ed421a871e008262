//! `chatops doctor`: is everything well, and if not, what to do. Looks from outside, beside whatever runs; changes
//! nothing. Ends with 18 when something is broken, so that scripts can ask too.

mod look;

use std::io::Write;

use serde::Serialize;

use crate::{
    config::Config,
    output::{self, Output},
    trouble::{Code, Trouble},
};

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Well,
    /// Works, but a person should look.
    Odd,
    Broken,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
struct Finding {
    what: String,
    state: State,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn well(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            state: State::Well,
            detail: detail.into(),
            remedy: None,
        }
    }

    fn odd(what: impl Into<String>, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            state: State::Odd,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn broken(
        what: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            state: State::Broken,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// An error with its remedy, where it has one.
    fn of(what: impl Into<String>, error: &anyhow::Error) -> Self {
        let remedy = error
            .downcast_ref::<Trouble>()
            .map_or("see the log", Trouble::remedy);
        Self::broken(what, output::sentence(error), remedy)
    }
}

pub(super) async fn run(config: &Config, json: bool, output: &Output) -> anyhow::Result<()> {
    let findings = look::at_everything(config).await;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&findings)?)?;
    } else {
        writeln!(out, "{}", report(&findings))?;
    }
    let broken = findings
        .iter()
        .filter(|finding| finding.state == State::Broken)
        .count();
    if broken == 0 {
        output.note("nothing is broken");
        return Ok(());
    }
    let what = if broken == 1 {
        "one thing is broken".to_owned()
    } else {
        format!("{broken} things are broken")
    };
    Err(Trouble::new(
        Code::Unhealthy,
        what,
        "follow the arrows above, from the top",
    )
    .into())
}

fn report(findings: &[Finding]) -> String {
    let rows = findings.iter().map(|finding| {
        let state = match finding.state {
            State::Well => "ok",
            State::Odd => "look",
            State::Broken => "BROKEN",
        };
        vec![
            state.to_owned(),
            finding.what.clone(),
            finding.detail.clone(),
        ]
    });
    let table = output::table(&["", "what", "how it is"], rows);
    let mut lines: Vec<String> = Vec::new();
    for (line, finding) in table
        .lines()
        .zip(std::iter::once(None).chain(findings.iter().map(Some)))
    {
        lines.push(line.to_owned());
        if let Some(remedy) = finding.and_then(|finding| finding.remedy.as_ref()) {
            lines.push(format!("          → {remedy}"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_stand_below_what_they_mend() {
        let text = report(&[
            Finding::well("disk", "fine"),
            Finding::broken("bus", "silent", "start it"),
        ]);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[2].starts_with("BROKEN  bus"), "{text}");
        assert!(lines[3].ends_with("→ start it"), "{text}");
    }
}
