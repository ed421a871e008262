//! Frames that wrap bytes of their own: MessagePack only, each with a limit of its own. What is wrapped is not looked into
//! here. Pure.

use chatops_schemas::{
    codec::MAX_EVENT_BYTES,
    ids::CommandId,
    wire::{AgentFrame, MAX_ANSWER_BYTES, MAX_OUTPUT_BYTES},
};
use serde::{Deserialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{Rejected, TOO_LARGE};

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    name: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    request: u64,
    #[serde(with = "serde_bytes")]
    data: Vec<u8>,
}

#[derive(Deserialize)]
struct Output {
    session: CommandId,
    #[serde(with = "serde_bytes")]
    data: Vec<u8>,
}

#[derive(Deserialize)]
struct Event {
    id: Uuid,
    #[serde(with = "serde_bytes")]
    data: Vec<u8>,
}

/// Reads such a frame; `None` when it is of another kind, or nothing that can be read.
pub(super) fn decode(bytes: &[u8]) -> Option<Result<AgentFrame, Rejected>> {
    let kind: Kind<'_> = rmp_serde::from_slice(bytes).ok()?;
    Some(match kind.name {
        "answer" => whole(bytes).and_then(|Answer { request, data }| {
            at_most(&data, MAX_ANSWER_BYTES, None)?;
            Ok(AgentFrame::Answer { request, data })
        }),
        "output" => whole(bytes).and_then(|Output { session, data }| {
            at_most(&data, MAX_OUTPUT_BYTES, None)?;
            Ok(AgentFrame::Output { session, data })
        }),
        "event" => whole(bytes).and_then(|Event { id, data }| {
            at_most(&data, MAX_EVENT_BYTES, Some(id))?;
            Ok(AgentFrame::Event { id, data })
        }),
        _ => return None,
    })
}

/// What went wrong is told without what was in it.
fn whole<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Rejected> {
    let mut rest = bytes;
    let value = T::deserialize(&mut rmp_serde::Deserializer::new(&mut rest)).map_err(|_| {
        Rejected::malformed("a field is missing, or has a type that it must not have")
    })?;
    match rest.len() {
        0 => Ok(value),
        tail => Err(Rejected::malformed(format!("{tail} bytes follow the end"))),
    }
}

fn at_most(data: &[u8], most: usize, id: Option<Uuid>) -> Result<(), Rejected> {
    if data.len() <= most {
        return Ok(());
    }
    let text = format!("it wraps {} bytes, at most {most} are accepted", data.len());
    let rejected = Rejected::new(TOO_LARGE, text);
    Err(Rejected { id, ..rejected })
}

#[cfg(test)]
mod tests {
    use super::super::{Encoding, decode};
    use super::*;

    fn packed(frame: &AgentFrame) -> Result<AgentFrame, Rejected> {
        decode(
            Encoding::Msgpack,
            &rmp_serde::to_vec_named(frame).expect("msgpack"),
        )
    }

    fn frames(size: usize) -> [AgentFrame; 3] {
        let id = Uuid::from_u128(7);
        let data = vec![0xff; size];
        [
            AgentFrame::Answer {
                request: u64::MAX,
                data: data.clone(),
            },
            AgentFrame::Output {
                session: CommandId(id),
                data: data.clone(),
            },
            AgentFrame::Event { id, data },
        ]
    }

    #[test]
    fn what_is_wrapped_comes_out_as_it_was() {
        for frame in frames(0).into_iter().chain(frames(5000)) {
            assert_eq!(packed(&frame), Ok(frame));
        }
    }

    #[test]
    fn each_kind_has_its_limit() {
        let limits = [MAX_ANSWER_BYTES, MAX_OUTPUT_BYTES, MAX_EVENT_BYTES];
        for (n, most) in limits.into_iter().enumerate() {
            let code = |size: usize| packed(&frames(size)[n]).map_err(|rejected| rejected.code);
            assert!(code(most).is_ok(), "{n}");
            assert_eq!(code(most + 1), Err(TOO_LARGE), "{n}");
        }
        let event = packed(&frames(MAX_EVENT_BYTES + 1)[2]).expect_err("too large");
        assert_eq!(event.id, Some(Uuid::from_u128(7)));
    }

    #[test]
    fn in_text_and_with_a_tail_they_are_nothing() {
        for frame in frames(3) {
            let text = serde_json::to_vec(&frame).expect("json");
            let rejected = decode(Encoding::Json, &text).expect_err("refused");
            assert_eq!(rejected.code, super::super::UNKNOWN_TYPE);
            let mut bytes = rmp_serde::to_vec_named(&frame).expect("msgpack");
            bytes.push(0xc0);
            let rejected = decode(Encoding::Msgpack, &bytes).expect_err("refused");
            assert_eq!(rejected.code, "malformed_frame");
        }
    }
}
