use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn step(uplink: &mut Uplink, now: Instant, input: Input) -> Vec<Action> {
    let mut actions = Vec::new();
    uplink.handle(now, input, &mut actions);
    actions
}

#[test]
fn a_live_sample_goes_out_at_once_and_is_forgotten_when_acknowledged() {
    let now = Instant::now();
    let mut uplink = Uplink::new(Pace::SAMPLES, 0, 0);
    assert_eq!(step(&mut uplink, now, Input::Connected), []);
    assert_eq!(step(&mut uplink, now, Input::Grown(1)), [Action::Send(0)]);
    assert_eq!(
        step(&mut uplink, now, Input::Acknowledged(0)),
        [Action::Done(1)]
    );
    assert_eq!(uplink.wake_at(), None);
}

#[test]
fn without_a_connection_nothing_is_sent() {
    let now = Instant::now();
    let mut uplink = Uplink::new(Pace::SAMPLES, 0, 5);
    assert_eq!(step(&mut uplink, now, Input::Grown(9)), []);
    assert_eq!(uplink.wake_at(), None);
}

#[test]
fn after_an_unknown_outcome_it_waits_for_the_others_and_goes_back() {
    let now = Instant::now();
    let mut uplink = Uplink::new(Pace::SAMPLES, 0, 0);
    step(&mut uplink, now, Input::Connected);
    assert_eq!(
        step(&mut uplink, now, Input::Grown(3)),
        [Action::Send(0), Action::Send(1), Action::Send(2)]
    );
    assert_eq!(step(&mut uplink, now, Input::Unknown(0)), []);
    assert_eq!(
        step(&mut uplink, now, Input::Grown(4)),
        [],
        "nothing overtakes the failed one"
    );
    assert_eq!(step(&mut uplink, now, Input::Acknowledged(1)), []);
    assert_eq!(step(&mut uplink, now, Input::Unknown(2)), []);
    let wake = uplink.wake_at().expect("a retry is planned");
    assert_eq!(
        step(&mut uplink, now, Input::Tick),
        [],
        "not before the pause is over"
    );
    assert_eq!(
        step(&mut uplink, wake, Input::Tick),
        [Action::Send(0), Action::Send(2), Action::Send(3)]
    );
}

#[test]
fn pauses_grow_until_something_is_acknowledged() {
    let mut now = Instant::now();
    let mut uplink = Uplink::new(Pace::SAMPLES, 0, 1);
    step(&mut uplink, now, Input::Connected);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        step(&mut uplink, now, Input::Unknown(0));
        let wake = uplink.wake_at().unwrap();
        pauses.push((wake - now).as_secs());
        now = wake;
        assert_eq!(step(&mut uplink, now, Input::Tick), [Action::Send(0)]);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
    step(&mut uplink, now, Input::Acknowledged(0));
    step(&mut uplink, now, Input::Grown(2));
    step(&mut uplink, now, Input::Unknown(1));
    assert_eq!(uplink.wake_at().unwrap() - now, FIRST_PAUSE);
}

#[test]
fn a_backlog_is_paced_and_the_window_holds() {
    let start = Instant::now();
    let mut now = start;
    let mut uplink = Uplink::new(Pace::SAMPLES, 0, 2000);
    let mut sent = step(&mut uplink, now, Input::Connected).len() as u64;
    assert_eq!(sent, Pace::SAMPLES.burst as u64);
    while let Some(wake) = uplink.wake_at() {
        now = wake;
        sent += step(&mut uplink, now, Input::Tick).len() as u64;
    }
    assert_eq!(sent, Pace::SAMPLES.window);
    let seconds = (now - start).as_secs_f64();
    assert!(
        seconds >= (Pace::SAMPLES.window as f64 - Pace::SAMPLES.burst) / Pace::SAMPLES.rate * 0.9,
        "{sent} records in {seconds} s"
    );
    assert!(step(&mut uplink, now + Duration::from_secs(60), Input::Tick).is_empty());
}

#[test]
fn what_the_spool_dropped_is_not_waited_for() {
    let now = Instant::now();
    let mut uplink = Uplink::new(Pace::SAMPLES, 0, 3);
    step(&mut uplink, now, Input::Connected);
    step(&mut uplink, now, Input::Acknowledged(2));
    // 2 was stored already: the spool may forget it as soon as it is the first.
    assert_eq!(step(&mut uplink, now, Input::Dropped(2)), [Action::Done(3)]);
    assert_eq!((uplink.front, uplink.in_flight()), (3, 0));
    assert_eq!(step(&mut uplink, now, Input::Grown(4)), [Action::Send(3)]);
}

/// A stream behind a connection that keeps order and may break at any point: what was on its way is then handled or
/// not, and answers may be lost. As a real one it knows ids, here the numbers.
#[derive(Debug, Default)]
struct Stream {
    stored: Vec<u64>,
    on_the_way: VecDeque<u64>,
    answers: VecDeque<(u64, bool)>,
}

impl Stream {
    fn take(&mut self, count: usize, refuse: bool) {
        for number in self.on_the_way.drain(..count.min(self.on_the_way.len())) {
            if !refuse && !self.stored.contains(&number) {
                self.stored.push(number);
            }
            self.answers.push_back((number, !refuse));
        }
    }
}

#[derive(Debug, Clone)]
enum Event {
    Grow(u8),
    Take(u8),
    /// Answers as failed what it did not store, as a stream without room does.
    Refuse(u8),
    Answer(u8),
    /// Breaks after taking some; answers are lost.
    Break(u8),
    Connect,
    Wait(u16),
    /// The spool drops its oldest records.
    Drop(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1u8..20).prop_map(Event::Grow),
        4 => (1u8..40).prop_map(Event::Take),
        1 => (1u8..5).prop_map(Event::Refuse),
        4 => (1u8..40).prop_map(Event::Answer),
        1 => (0u8..20).prop_map(Event::Break),
        2 => Just(Event::Connect),
        3 => (1u16..3000).prop_map(Event::Wait),
        1 => (1u8..5).prop_map(Event::Drop),
    ]
}

proptest! {
    #[test]
    fn nothing_is_lost_doubled_or_overtaken_except_counted_drops(events in proptest::collection::vec(event(), 0..120)) {
        let mut now = Instant::now();
        let mut uplink = Uplink::new(Pace::SAMPLES, 0, 0);
        let mut stream = Stream::default();
        let (mut end, mut front, mut refused) = (0u64, 0u64, false);
        let mut dropped = BTreeSet::new();
        let finish = [Event::Connect].into_iter().chain(
            std::iter::repeat_with(|| [Event::Wait(60_000), Event::Take(255), Event::Answer(255)]).take(300).flatten());
        for event in events.into_iter().chain(finish) {
            let mut inputs = Vec::new();
            match event {
                Event::Grow(count) => {
                    end += u64::from(count);
                    inputs.push(Input::Grown(end));
                }
                Event::Take(count) => stream.take(usize::from(count), false),
                Event::Refuse(count) => {
                    refused |= !stream.on_the_way.is_empty();
                    stream.take(usize::from(count), true);
                }
                Event::Answer(count) => {
                    for (number, stored) in stream.answers.drain(..usize::from(count).min(stream.answers.len())) {
                        inputs.push(if stored { Input::Acknowledged(number) } else { Input::Unknown(number) });
                    }
                }
                Event::Break(count) => {
                    stream.take(usize::from(count), false);
                    stream.on_the_way.clear();
                    stream.answers.clear();
                    inputs.push(Input::Disconnected);
                }
                Event::Connect => {
                    if !uplink.connected() {
                        inputs.push(Input::Connected);
                    }
                }
                Event::Wait(millis) => {
                    now += Duration::from_millis(u64::from(millis));
                    inputs.push(Input::Tick);
                }
                Event::Drop(count) => {
                    let to = (front + u64::from(count)).min(end);
                    dropped.extend(front..to);
                    front = front.max(to);
                    inputs.push(Input::Dropped(front));
                }
            }
            for input in inputs {
                for action in step(&mut uplink, now, input) {
                    match action {
                        Action::Send(number) => {
                            prop_assert!(uplink.connected());
                            prop_assert!(number >= front && number < end, "{number} does not exist");
                            prop_assert!(!stream.on_the_way.contains(&number), "{number} is on its way already");
                            stream.on_the_way.push_back(number);
                        }
                        Action::Done(to) => {
                            for number in front..to {
                                prop_assert!(stream.stored.contains(&number), "{number} was forgotten, not stored");
                            }
                            front = front.max(to);
                        }
                    }
                }
                prop_assert!(uplink.in_flight() as u64 <= Pace::SAMPLES.window);
            }
        }
        prop_assert_eq!(front, end, "everything is settled in the end");
        for number in 0..end {
            prop_assert!(stream.stored.contains(&number) || dropped.contains(&number), "{} was lost", number);
        }
        // Only a stream that refuses one record and takes the next can change their order.
        if !refused {
            prop_assert!(stream.stored.is_sorted());
        }
    }
}
