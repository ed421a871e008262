//! What people see on the terminal: steps with their time, warnings, tables. Talk goes to stderr, data to stdout, so
//! that every command can be piped.
//!
//! On a terminal the steps that are under way share one line that is rewritten; elsewhere each step is one line when it
//! begins and one when it ends, as the scripts in `deploy/` print them.

use std::{
    fmt,
    future::Future,
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::trouble::Trouble;

/// How often the line of running steps tells its time.
const REDRAW: Duration = Duration::from_secs(1);

/// The terminal; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    rich: bool,
    quiet: bool,
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    title: String,
    since: Instant,
    /// How far it is.
    detail: String,
}

impl Output {
    /// Rich on a terminal, plain lines elsewhere.
    pub(crate) fn new() -> Self {
        let rich = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            shared: Arc::new(Mutex::new(Shared {
                rich,
                quiet: false,
                running: Vec::new(),
            })),
        }
    }

    /// Runs a step and shows how long it took. A failed one is only marked: the caller's error says why.
    pub(crate) async fn step<T, E>(
        &self,
        title: &str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let started = Instant::now();
        self.begin(title);
        let mut work = std::pin::pin!(work);
        let mut tick = tokio::time::interval(REDRAW);
        let result = loop {
            tokio::select! {
                result = &mut work => break result,
                _ = tick.tick() => self.with(|shared| shared.show_running()),
            }
        };
        let mark = if result.is_ok() {
            Mark::Ok
        } else {
            Mark::Failed
        };
        self.end(title, mark, started.elapsed());
        result
    }

    /// How far a step is that is under way: a terminal shows it with the next second.
    pub(crate) fn detail(&self, title: &str, detail: impl fmt::Display) {
        self.with(|shared| {
            let mut running = shared.running.iter_mut();
            if let Some(step) = running.find(|step| step.title == title) {
                step.detail = detail.to_string();
            }
        });
    }

    /// A sentence of no urgency.
    pub(crate) fn note(&self, text: impl fmt::Display) {
        self.with(|shared| shared.line(&format!("  {}", shared.paint("2", &text.to_string()))));
    }

    /// A sentence that stands out.
    pub(crate) fn say(&self, text: impl fmt::Display) {
        self.with(|shared| shared.line(&text.to_string()));
    }

    /// Something a person should know although work goes on.
    pub(crate) fn warn(&self, text: impl fmt::Display) {
        self.with(|shared| shared.line(&format!("  {} {text}", shared.paint("33", "warning:"))));
    }

    /// The end of a failed command.
    pub(crate) fn fail(&self, error: &anyhow::Error) {
        self.with(|shared| {
            shared.line(&format!(
                "{} {}",
                shared.paint("31", "error:"),
                sentence(error)
            ));
            if let Some(trouble) = error.downcast_ref::<Trouble>() {
                shared.line(&format!("  what to do: {}", trouble.remedy()));
            }
        });
    }

    /// Bold on a terminal.
    pub(crate) fn strong(&self, text: &str) -> String {
        self.with(|shared| shared.paint("1", text))
    }

    fn begin(&self, title: &str) {
        self.with(|shared| {
            shared.running.push(Running {
                title: title.to_owned(),
                since: Instant::now(),
                detail: String::new(),
            });
            if !shared.rich {
                shared.line(&format!("  .. {title}"));
            }
            shared.show_running();
        });
    }

    fn end(&self, title: &str, mark: Mark, took: Duration) {
        self.with(|shared| {
            if let Some(at) = shared
                .running
                .iter()
                .position(|running| running.title == title)
            {
                shared.running.remove(at);
            }
            let mark = match mark {
                Mark::Ok => shared.paint("32", "ok"),
                Mark::Failed => shared.paint("31", "failed"),
            };
            shared.line(&format!("  {mark} {title} ({})", seconds(took)));
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Shared) -> T) -> T {
        act(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Log lines go the same way, so that they never land in the middle of the line of running steps.
impl Write for &Output {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.with(|shared| shared.line(String::from_utf8_lossy(line).trim_end_matches('\n')));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
enum Mark {
    Ok,
    Failed,
}

impl Shared {
    /// Prints above the line of running steps. A terminal that went away is no reason to stop working.
    fn line(&mut self, text: &str) {
        if self.quiet {
            return;
        }
        let erase = if self.rich { "\r\x1b[K" } else { "" };
        self.quiet = writeln!(io::stderr(), "{erase}{text}").is_err();
        self.show_running();
    }

    fn show_running(&mut self) {
        if !self.rich || self.quiet || self.running.is_empty() {
            return;
        }
        let running = self.running.iter().map(|step| {
            let took = step.since.elapsed();
            let comma = if step.detail.is_empty() { "" } else { ", " };
            let (title, detail) = (&step.title, &step.detail);
            if took < REDRAW {
                title.clone()
            } else {
                format!("{title} ({} s{comma}{detail})", took.as_secs())
            }
        });
        let running = running.collect::<Vec<_>>().join(", ");
        let text = format!("\r\x1b[K  {} {running}", self.paint("2", ".."));
        self.quiet = write!(io::stderr(), "{text}").is_err();
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.rich {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// An error and its causes in one line, each said once.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

/// `0.3 s`.
pub(crate) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// `1.4 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{count} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// Rows under headings, columns padded to their widest cell.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut lines = vec![
        headings
            .iter()
            .map(|heading| heading.to_uppercase())
            .collect::<Vec<_>>(),
    ];
    lines.extend(rows);
    let mut widths = vec![0; headings.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let padded = |line: &Vec<String>| {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(padded).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_repeats_its_parent_is_said_once() {
        let error = anyhow::anyhow!("connection refused").context("connect: connection refused");
        assert_eq!(sentence(&error), "connect: connection refused");
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(bytes(900), "900 B");
        assert_eq!(bytes(1_500_000_000), "1.4 GiB");
    }

    #[test]
    fn tables_line_up() {
        let text = table(&["name", "n"], [vec!["long one".into(), "1".into()]]);
        assert_eq!(text, "NAME      N\nlong one  1");
    }
}
