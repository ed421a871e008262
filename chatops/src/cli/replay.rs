//! `chatops replay`: the events of a stream, decoded, for people and for pipes. Reads beside everybody else and takes
//! nothing away.

pub(super) mod position;
mod print;

use anyhow::Context;
use chatops_bus::{Bus, StreamName};
use chatops_schemas::clock::{Clock, System, Timestamp};
use futures::StreamExt;

use super::Replay;
use crate::{
    compose,
    config::Config,
    lifecycle::Leaving,
    output::Output,
    trouble::{Code, Trouble},
};
use position::Position;

pub(super) async fn run(config: &Config, replay: Replay, output: &Output) -> anyhow::Result<()> {
    let stream = stream(&replay.stream)?;
    let now = System.now();
    let from = Position::parse(&replay.from, now)?;
    let to = replay
        .to
        .as_deref()
        .map(|to| Position::parse(to, now))
        .transpose()?;
    let config = super::located(config)?;
    let bus = compose::bus(&config, "chatops replay").await?;
    let leaving = Leaving::listen(output.clone())?;
    let shown = leaving
        .or(Box::pin(show(&bus, stream, &replay, from, to)))
        .await;
    match shown {
        // Ctrl-C is how following ends.
        None => Ok(()),
        Some(Ok(count)) => {
            output.note(format_args!("{count} events"));
            Ok(())
        }
        Some(Err(error)) => Err(error),
    }
}

async fn show(
    bus: &Bus,
    stream: StreamName,
    replay: &Replay,
    from: Position,
    to: Option<Position>,
) -> anyhow::Result<u64> {
    let last = match (replay.follow, to) {
        (true, _) => None,
        (false, Some(Position::Seq(seq))) => Some(End { seq, at: None }),
        (false, Some(Position::At(at))) => Some(End {
            at: Some(at),
            ..newest(bus, stream, &replay.subject).await?
        }),
        (false, Some(Position::New) | None) => Some(newest(bus, stream, &replay.subject).await?),
    };
    let newest = newest(bus, stream, &replay.subject).await?.seq;
    let first = match from {
        Position::Seq(seq) => seq,
        Position::At(_) | Position::New => 0,
    };
    if let Some(end) = last
        && (newest == 0 || first > end.seq.min(newest) || from == Position::New)
    {
        return Ok(0);
    }
    let start = match from {
        Position::Seq(seq) => chatops_bus::From::Seq(seq),
        Position::At(at) => chatops_bus::From::Time(at),
        Position::New => chatops_bus::From::New,
    };
    let mut reader = bus.read(stream, &replay.subject, start).await?;
    let mut count = 0;
    while let Some(event) = reader.next().await {
        let event = event.with_context(|| format!("read {stream}"))?;
        if let Some(end) = last
            && (event.seq > end.seq || end.at.is_some_and(|at| event.stored_at > at))
        {
            break;
        }
        print::event(&event, replay.format)?;
        count += 1;
        let finished = last.is_some_and(|end| event.seq >= end.seq.min(newest));
        if finished || (last.is_some() && event.pending == 0) {
            break;
        }
    }
    Ok(count)
}

#[derive(Debug, Clone, Copy)]
struct End {
    seq: u64,
    at: Option<Timestamp>,
}

/// The newest event that the filter lets through; 0 when there is none.
async fn newest(bus: &Bus, stream: StreamName, subject: &str) -> anyhow::Result<End> {
    let last = bus.last(stream, subject).await?;
    Ok(End {
        seq: last.map_or(0, |event| event.seq),
        at: None,
    })
}

fn stream(name: &str) -> Result<StreamName, Trouble> {
    let found = StreamName::ALL
        .into_iter()
        .find(|stream| stream.as_str().eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        let all = StreamName::ALL.map(StreamName::as_str).join(", ");
        Trouble::new(
            Code::Settings,
            format!("there is no stream {name:?}"),
            format!("choose one of: {all}"),
        )
    })
}
