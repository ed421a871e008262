use std::collections::BTreeMap;

use chatops_schemas::session::{Out, WINDOW};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn ring(keep: Keep) -> Ring {
    Ring::new(keep.bytes())
}

/// Everything that can be sent now.
fn sent(ring: &mut Ring) -> Vec<Out> {
    std::iter::from_fn(|| ring.next()).collect()
}

fn bytes(frames: &[Out]) -> u64 {
    frames
        .iter()
        .map(|frame| match frame {
            Out::Data { data, .. } => data.len() as u64,
            Out::Lost { .. } | Out::Ended { .. } => 0,
        })
        .sum()
}

#[test]
fn without_acknowledgement_the_window_is_all_that_is_taken_and_sent() {
    let mut ring = ring(Keep::Ring);
    let piece = [b'y'; MAX_DATA];
    let mut taken = 0;
    while ring.write(None, &piece).unwrap() {
        taken += MAX_DATA as u64;
    }
    assert_eq!(taken, WINDOW);
    assert_eq!(bytes(&sent(&mut ring)), WINDOW);
    ring.heard(Control::Ack {
        off: MAX_DATA as u64,
    });
    assert!(ring.write(None, &piece).unwrap());
    assert!(!ring.write(None, &piece).unwrap());
    assert_eq!(bytes(&sent(&mut ring)), MAX_DATA as u64);
}

#[test]
fn what_was_missed_is_sent_again_and_what_is_gone_is_told() {
    let mut ring = ring(Keep::Ring);
    let piece = [b'y'; MAX_DATA];
    let total = 2 * RING as u64;
    let mut written = 0;
    while written < total {
        if ring.write(None, &piece).unwrap() {
            written += MAX_DATA as u64;
        } else {
            sent(&mut ring);
            ring.heard(Control::Ack { off: written });
        }
    }
    sent(&mut ring);
    ring.heard(Control::Ack { off: total });
    ring.heard(Control::From { off: 5 });
    let frames = sent(&mut ring);
    let Out::Lost { up_to, lines: 0 } = frames[0] else {
        panic!("{:?}", frames[0]);
    };
    assert!(total - up_to >= WINDOW && total - up_to <= RING as u64);
    assert!(
        matches!(&frames[1], Out::Data { off, .. } if *off == up_to),
        "it goes on with the first byte that is still there"
    );
}

#[test]
fn over_a_new_line_everything_unacknowledged_comes_again_and_the_end_with_it() {
    let mut ring = ring(Keep::Unacknowledged);
    ring.write(None, b"shown").unwrap();
    ring.write(None, b"lost with the line").unwrap();
    ring.end(Last {
        reason: Ended::Exited,
        exit_code: Some(0),
        message: None,
    });
    let first = sent(&mut ring);
    ring.heard(Control::Ack { off: 5 });
    assert_eq!(sent(&mut ring), []);
    ring.again();
    let again = sent(&mut ring);
    assert!(matches!(
        &again[0],
        Out::Data { off: 5, data, .. } if data == b"lost with the line"
    ));
    assert_eq!(again.last(), first.last());
    ring.heard(Control::Ack { off: 23 });
    assert!(ring.over());
}

#[test]
fn a_log_that_keeps_up_keeps_nothing() {
    let mut ring = ring(Keep::Unacknowledged);
    for n in 1..=1000_u64 {
        assert!(ring.write(Some(Stream::Stdout), b"line\n").unwrap());
        sent(&mut ring);
        ring.heard(Control::Ack { off: n * 5 });
    }
    ring.skip(3);
    assert_eq!(
        sent(&mut ring),
        [Out::Lost {
            up_to: 5000,
            lines: 3
        }]
    );
    ring.heard(Control::From { off: 0 });
    assert_eq!(
        sent(&mut ring),
        [Out::Lost {
            up_to: 5000,
            lines: 0
        }]
    );
}

#[test]
fn tiny_pieces_of_two_streams_do_not_fill_the_memory() {
    let mut ring = ring(Keep::Unacknowledged);
    let mut taken = 0_usize;
    while ring
        .write(
            Some(if taken.is_multiple_of(2) {
                Stream::Stdout
            } else {
                Stream::Stderr
            }),
            b"x",
        )
        .unwrap()
    {
        taken += 1;
    }
    assert!(taken < 10_000, "{taken}");
    sent(&mut ring);
    ring.heard(Control::Ack { off: taken as u64 });
    assert!(ring.write(None, b"x").unwrap());
}

#[test]
fn the_end_comes_last_and_comes_again() {
    let mut ring = ring(Keep::Ring);
    assert!(ring.write(None, b"bye").unwrap());
    ring.end(Last {
        reason: Ended::Exited,
        exit_code: Some(3),
        message: None,
    });
    assert_eq!(ring.write(None, b"more"), Err(Closed));
    let frames = sent(&mut ring);
    assert!(matches!(
        frames[..],
        [
            Out::Data { off: 0, .. },
            Out::Ended {
                off: 3,
                exit_code: Some(3),
                ..
            }
        ]
    ));
    assert!(!ring.over());
    ring.heard(Control::From { off: 0 });
    assert_eq!(sent(&mut ring), frames);
    ring.heard(Control::Ack { off: 3 });
    assert!(ring.over());
}

fn session(linger: Duration) -> (Session, mpsc::Receiver<Io>) {
    let (io, sent) = mpsc::channel(16);
    let id = CommandId(Uuid::from_u128(1));
    (Session::new(id, Keep::Ring, linger, io), sent)
}

#[tokio::test]
async fn a_writer_waits_for_the_viewer_and_wakes_when_it_closes() {
    let (session, mut frames) = session(Duration::from_secs(60));
    let out = session.io.out.clone();
    let sending = tokio::spawn(session.sending.run());
    let writer = {
        let out = out.clone();
        tokio::spawn(async move { out.write(None, &vec![b'y'; 1 << 20]).await })
    };
    let mut seen = 0;
    while seen < WINDOW {
        let frame = Out::decode(&frames.recv().await.unwrap().payload).unwrap();
        seen += bytes(&[frame]);
    }
    assert!(!writer.is_finished());
    out.heard(Control::Close);
    assert_eq!(writer.await.unwrap(), Err(Closed));
    out.end(Ended::Closed, None, None);
    let last = loop {
        let frame = Out::decode(&frames.recv().await.unwrap().payload).unwrap();
        if let Out::Ended { reason, .. } = frame {
            break reason;
        }
    };
    assert_eq!(last, Ended::Closed);
    sending.await.unwrap();
}

#[tokio::test]
async fn an_owner_that_goes_away_without_a_word_ends_the_session() {
    let (session, mut frames) = session(Duration::from_millis(20));
    let sending = tokio::spawn(session.sending.run());
    drop(session.io);
    let frame = Out::decode(&frames.recv().await.unwrap().payload).unwrap();
    assert!(matches!(
        frame,
        Out::Ended {
            reason: Ended::Failed,
            ..
        }
    ));
    sending.await.unwrap();
}

#[derive(Debug, Clone)]
enum Step {
    Write(Option<Stream>, usize),
    Send,
    /// The viewer receives what is on its way up to here, and loses the next.
    Lose,
    Acknowledge,
    Ask,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let stream = prop_oneof![
        Just(None),
        Just(Some(Stream::Stdout)),
        Just(Some(Stream::Stderr))
    ];
    let step = prop_oneof![
        4 => (stream, 1..=MAX_DATA).prop_map(|(stream, len)| Step::Write(stream, len)),
        4 => Just(Step::Send),
        1 => Just(Step::Lose),
        3 => Just(Step::Acknowledge),
        2 => Just(Step::Ask),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    /// A viewer that loses frames, asks again and acknowledges what it has sees every byte in its place, as long as
    /// nothing was announced as lost; and never are more than a window's bytes unacknowledged.
    #[test]
    fn a_viewer_that_asks_again_sees_everything(steps in steps(), keep in prop_oneof![Just(Keep::Ring), Just(Keep::Unacknowledged)]) {
        let mut ring = ring(keep);
        let (mut written, mut streams) = (Vec::<u8>::new(), BTreeMap::new());
        let (mut have, mut acknowledged, mut lose) = (0_u64, 0_u64, false);
        let receive = |ring: &mut Ring, have: &mut u64, lose: &mut bool, written: &[u8], streams: &BTreeMap<u64, Option<Stream>>| {
            while let Some(frame) = ring.next() {
                if std::mem::take(lose) { continue; }
                match frame {
                    Out::Data { off, stream, data } => {
                        prop_assert!(data.len() <= MAX_DATA);
                        if off != *have { continue; }
                        prop_assert_eq!(&written[off as usize..off as usize + data.len()], &data[..]);
                        prop_assert_eq!(streams.range(..=off).next_back().map(|(_, stream)| *stream), Some(stream));
                        *have += data.len() as u64;
                    }
                    other => prop_assert!(false, "nothing was lost: {other:?}"),
                }
            }
            Ok(())
        };
        for step in steps {
            match step {
                Step::Write(stream, len) => {
                    let piece: Vec<u8> = (0..len).map(|n| (written.len() + n) as u8).collect();
                    if ring.write(stream, &piece).unwrap() {
                        streams.insert(written.len() as u64, stream);
                        written.extend_from_slice(&piece);
                    }
                }
                Step::Send => receive(&mut ring, &mut have, &mut lose, &written, &streams)?,
                Step::Lose => lose = true,
                Step::Acknowledge => { acknowledged = have; ring.heard(Control::Ack { off: have }); }
                Step::Ask => ring.heard(Control::From { off: have }),
            }
            prop_assert!(written.len() as u64 - acknowledged <= WINDOW);
        }
        ring.heard(Control::From { off: have });
        lose = false;
        receive(&mut ring, &mut have, &mut lose, &written, &streams)?;
        while have < written.len() as u64 {
            let before = have;
            ring.heard(Control::Ack { off: have });
            receive(&mut ring, &mut have, &mut lose, &written, &streams)?;
            prop_assert!(have > before, "it goes on");
        }
    }
}
