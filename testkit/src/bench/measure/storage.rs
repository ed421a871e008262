//! What a value costs on disk: in the tables with their indexes, and in the stream.

use std::{fs, path::Path};

use anyhow::Context;

use crate::bench::{
    database::Database,
    fleet::{self, Shape},
    installation::Installation,
    report::{Report, Row, Target},
    stats::Rounds,
};

/// Adds the rows for everything an installation holds; all its samples have the same shape.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    database: &mut Database,
    shape: Shape,
    durability: &'static str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let values = fleet::values(shape) as f64;
    let samples = database.number("SELECT count(*) FROM metrics_raw").await? as f64;
    let raw = database
        .number("SELECT hypertable_size('metrics_raw')")
        .await? as f64;
    let minutes = database
        .number("SELECT hypertable_size('metrics_1m')")
        .await? as f64;
    let row = |measure: &str, bytes: f64| Row {
        measure: format!("{measure}, {values} values a sample"),
        unit: "bytes/value",
        durability,
        ours: Rounds::once(bytes / samples / values),
        note: format!("{} samples, {:.0} MB", samples, bytes / 1e6),
        ..Row::default()
    };
    report.add(Row {
        targets: vec![Target::AtMost(8.0)],
        ..row("raw rows with their index", raw)
    });
    report.add(row("one-minute roll-ups of them", minutes));
    let stream = size(&installation.stream_directory().join("OPS_METRICS"))
        .context("measure the stream's files")?;
    report.add(row(
        "the stream (7 days at most), compressed",
        stream as f64,
    ));
    Ok(())
}

/// Bytes of all files below a directory. One that disappears meanwhile does not count.
fn size(directory: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let Ok(entry) = entry else { continue };
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        bytes += if metadata.is_dir() {
            size(&entry.path()).unwrap_or(0)
        } else {
            metadata.len()
        };
    }
    Ok(bytes)
}
