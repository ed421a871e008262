//! One table of everything measured, for people and as JSON. A row holds our figure, the limit taken in the same run,
//! their ratio and what we promised; a part that could not be measured is a row that says why.

use serde_json::{Value, json};

use super::{machine::Machine, process::Cpu, stats::Rounds};

const HEADINGS: [&str; 9] = [
    "measure",
    "acknowledged means",
    "ours: median [min..max]",
    "limit, same run",
    "ratio",
    "target",
    "met",
    "CPU s nats / postgres / chatops; others in cores",
    "note",
];

/// What a figure has to reach.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// Of the limit.
    ShareAtLeast(f64),
    /// Times the limit.
    TimesAtMost(f64),
}

/// What bare parts reach on this machine in this run.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    pub(super) what: String,
    pub(super) figure: Rounds,
}

/// One line of the report.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    pub(super) measure: String,
    pub(super) unit: &'static str,
    /// When an acknowledged event is on the disk.
    pub(super) durability: &'static str,
    pub(super) ours: Rounds,
    pub(super) limit: Option<Limit>,
    pub(super) targets: Vec<Target>,
    /// Processor seconds of the servers in all rounds together.
    pub(super) cpu: Option<Cpu>,
    /// Seconds all rounds took together, for `cpu`.
    pub(super) seconds: f64,
    pub(super) note: String,
}

/// The whole report.
#[derive(Debug)]
pub(super) struct Report {
    machine: Machine,
    taken_at: String,
    mode: &'static str,
    rows: Vec<Row>,
    /// Parts that failed, and why.
    failed: Vec<(String, String)>,
    /// Parts that cannot be measured on this machine, and why.
    skipped: Vec<(String, String)>,
}

impl Target {
    fn met(self, ours: f64, limit: Option<f64>) -> bool {
        match (self, limit) {
            (Self::AtLeast(least), _) => ours >= least,
            (Self::AtMost(most), _) => ours <= most,
            (Self::ShareAtLeast(share), Some(limit)) => ours >= share * limit,
            (Self::TimesAtMost(times), Some(limit)) => ours <= times * limit,
            (Self::ShareAtLeast(_) | Self::TimesAtMost(_), None) => false,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(least) => format!("≥ {}", number(least)),
            Self::AtMost(most) => format!("≤ {}", number(most)),
            Self::ShareAtLeast(share) => format!("≥ {:.0} % of the limit", share * 100.0),
            Self::TimesAtMost(times) => format!("≤ {} × the limit", number(times)),
        }
    }
}

impl Row {
    fn limit_median(&self) -> Option<f64> {
        self.limit.as_ref().map(|limit| limit.figure.median())
    }

    fn ratio(&self) -> Option<f64> {
        self.limit_median().map(|limit| self.ours.median() / limit)
    }

    /// `None` without a target.
    fn met(&self) -> Option<bool> {
        let met = |target: &Target| target.met(self.ours.median(), self.limit_median());
        (!self.targets.is_empty()).then(|| self.targets.iter().all(met))
    }

    fn cells(&self) -> Vec<String> {
        let unit = |figure: &Rounds| {
            format!("{} {}", with_range(figure), self.unit)
                .trim()
                .to_owned()
        };
        let cpu = self.cpu.map_or_else(String::new, |cpu| {
            format!(
                "{:.1} / {:.1} / {:.1}, others {:.2}",
                cpu.nats,
                cpu.postgres,
                cpu.chatops,
                cpu.foreign() / self.seconds
            )
        });
        vec![
            self.measure.clone(),
            self.durability.to_owned(),
            unit(&self.ours),
            self.limit.as_ref().map_or_else(String::new, |limit| {
                format!("{} ({})", with_range(&limit.figure), limit.what)
            }),
            self.ratio()
                .map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            self.targets
                .iter()
                .map(|target| target.text())
                .collect::<Vec<_>>()
                .join(" and "),
            self.met()
                .map_or("", |met| if met { "yes" } else { "NO" })
                .to_owned(),
            cpu,
            self.note.clone(),
        ]
    }

    fn json(&self) -> Value {
        let figure = |rounds: &Rounds| json!({ "median": rounds.median(), "min": rounds.min(), "max": rounds.max(), "rounds": rounds.count() });
        json!({
            "measure": self.measure, "unit": self.unit, "durability": self.durability, "ours": figure(&self.ours),
            "limit": self.limit.as_ref().map(|limit| json!({ "what": limit.what, "figure": figure(&limit.figure) })),
            "ratio": self.ratio(), "targets": self.targets.iter().map(|t| t.text()).collect::<Vec<_>>(), "met": self.met(),
            "cpu_seconds": self.cpu.map(|cpu| json!({ "nats": cpu.nats, "postgres": cpu.postgres, "chatops": cpu.chatops, "bench": cpu.bench, "others": cpu.foreign(), "wall": self.seconds })),
            "note": self.note,
        })
    }
}

impl Report {
    pub(super) fn new(machine: Machine, taken_at: String, mode: &'static str) -> Self {
        Self {
            machine,
            taken_at,
            mode,
            rows: Vec::new(),
            failed: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Adds a row, and shows it at once on standard error: a run takes minutes.
    pub(super) fn add(&mut self, row: Row) {
        let [measure, durability, ours, limit, ratio, ..] = &row.cells()[..] else {
            return;
        };
        let against = if limit.is_empty() {
            String::new()
        } else {
            format!("; limit {limit}, ratio {ratio}")
        };
        eprintln!("  {measure} [{durability}]: {ours}{against}");
        self.rows.push(row);
    }

    /// Notes that a part could not be measured.
    pub(super) fn failed(&mut self, part: &str, error: &anyhow::Error) {
        eprintln!("  {part}: not measured: {error:#}");
        self.failed.push((part.to_owned(), format!("{error:#}")));
    }

    /// Notes that a part cannot be measured here, which is no failure.
    pub(super) fn skipped(&mut self, part: &str, reason: &str) {
        eprintln!("  {part}: left out: {reason}");
        self.skipped.push((part.to_owned(), reason.to_owned()));
    }

    /// Whether everything asked for was measured, as far as it can be here.
    pub(super) fn complete(&self) -> bool {
        self.failed.is_empty()
    }

    pub(super) fn text(&self) -> String {
        let mut table = vec![HEADINGS.map(str::to_owned).to_vec()];
        table.extend(self.rows.iter().map(Row::cells));
        let mut text = format!(
            "{}\ntaken {} ({} run)\n\n{}",
            self.machine.lines(),
            self.taken_at,
            self.mode,
            markdown(&table)
        );
        for (part, reason) in &self.failed {
            text.push_str(&format!("\nnot measured: {part}: {reason}\n"));
        }
        for (part, reason) in &self.skipped {
            text.push_str(&format!("\nleft out: {part}: {reason}\n"));
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "taken_at": self.taken_at, "mode": self.mode, "machine": self.machine,
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "not_measured": reasons(&self.failed), "left_out": reasons(&self.skipped),
        })
    }
}

fn reasons(parts: &[(String, String)]) -> Vec<Value> {
    let one = |(part, reason): &(String, String)| json!({ "part": part, "reason": reason });
    parts.iter().map(one).collect()
}

/// Columns as wide as their widest cell; the first row is the heading.
fn markdown(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(&format!("| {cell:width$} "));
        }
        text.push_str("|\n");
        if number == 0 {
            for width in &widths {
                text.push_str(&format!("|{}", "-".repeat(width + 2)));
            }
            text.push_str("|\n");
        }
    }
    text
}

fn with_range(rounds: &Rounds) -> String {
    if rounds.count() < 2 {
        return number(rounds.median());
    }
    format!(
        "{} [{}..{}]",
        number(rounds.median()),
        number(rounds.min()),
        number(rounds.max())
    )
}

/// Three digits that mean something, thousands separated.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text
        .split_once('.')
        .map_or((text.as_str(), None), |(w, r)| (w, Some(r)));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) && grouped != "-" {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match rest
        .map(|rest| rest.trim_end_matches('0'))
        .filter(|rest| !rest.is_empty())
    {
        Some(rest) => format!("{grouped}.{rest}"),
        None => grouped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (1_234_567.8, "1,234,568"),
            (123.4, "123"),
            (12.34, "12.3"),
            (1.204, "1.2"),
            (0.4567, "0.457"),
            (2.0, "2"),
            (1000.0, "1,000"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn tables_line_up() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let text = markdown(&[row(["a", "b"]), row(["≥ 12", "x"])]);
        assert_eq!(text, "| a    | b |\n|------|---|\n| ≥ 12 | x |\n");
    }

    #[test]
    fn a_row_is_judged_by_its_median() {
        let mut row = Row {
            ours: [4.0, 6.0, 9.0].into_iter().collect(),
            limit: Some(Limit {
                what: "bare".into(),
                figure: Rounds::once(2.0),
            }),
            targets: vec![Target::AtMost(6.0), Target::TimesAtMost(3.0)],
            ..Row::default()
        };
        assert_eq!((row.ratio(), row.met()), (Some(3.0), Some(true)));
        row.targets.push(Target::AtLeast(6.5));
        assert_eq!(row.met(), Some(false));
        row.targets.clear();
        assert_eq!(row.met(), None);
    }
}
