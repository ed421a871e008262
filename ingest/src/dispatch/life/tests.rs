//! Every way through the life of a command, with the time in hand.

use chatops_schemas::{
    event::command::{CommandApproved, CommandCancelRequested, CommandDelivered, CommandRequested},
    order::Program,
};

use super::*;

const GRACE: Duration = Duration::from_secs(30);
const BEGAN: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn at(seconds: i64) -> Timestamp {
    BEGAN.plus_millis(seconds * 1000)
}

fn id() -> CommandId {
    CommandId(uuid::Uuid::from_u128(7))
}

/// May be begun for 30 seconds, may run for 60.
fn life(needs_approval: bool) -> Life {
    let asked = CommandRequested {
        command: id(),
        asked: Asked::Run {
            program: Program::Shell("true".to_owned()),
            cwd: None,
            env: Vec::new(),
            stdin_bytes: 0,
            output_limit: 0,
        },
        not_after: at(30),
        timeout_ms: 60_000,
        order: Some(vec![1]),
        needs_approval,
        job: None,
        repeats: None,
    };
    let event = Envelope {
        id: chatops_schemas::ids::EventId(uuid::Uuid::from_u128(1)),
        kind: String::new(),
        ver: 1,
        time: BEGAN,
        server: None,
        boot: None,
        n: None,
        corr: None,
        cause: None,
        actor: Some("user:x".to_owned()),
        address: None,
        data: Payload::CommandRequested(asked),
    };
    Life::begin(ServerId::parse("h1").unwrap(), 10, BEGAN, event).unwrap()
}

fn ends(step: &Step) -> Outcome {
    match step {
        Step::End(event) | Step::EndUnlessFinished(event) => event.outcome,
        other => panic!("not an end: {other:?}"),
    }
}

fn told(outcome: Outcome) -> ResultFinished {
    ResultFinished {
        command: id(),
        outcome,
        exit_code: Some(0),
        signal: None,
        message: None,
        started_at: None,
        duration_ms: Some(3),
        pieces: 0,
        stdout_bytes: 5,
        stderr_bytes: 0,
        cut_bytes: 0,
    }
}

fn refused(code: RefusalCode) -> Answer {
    Answer::Refused(Refusal::new(code, "no\u{1b}[1m"))
}

fn cancel(life: &mut Life, seq: u64) {
    let data = CommandCancelRequested {
        command: id(),
        order: Some(vec![2]),
    };
    assert!(!life.fold(seq, at(1), Payload::CommandCancelRequested(data)));
}

#[test]
fn delivered_noted_finished() {
    let mut life = life(false);
    assert_eq!(life.next(at(0), GRACE), Step::Deliver);
    life.busy = true;
    assert_eq!(life.next(at(0), GRACE), Step::Wait);
    life.busy = false;
    life.answered(Answer::Accepted, at(0));
    assert_eq!(life.next(at(0), GRACE), Step::NoteDelivered);
    life.wrote_delivered(11, at(0));
    assert_eq!(life.next(at(89), GRACE), Step::Wait);
    life.finished(&told(Outcome::Finished));
    let step = life.next(at(1), GRACE);
    assert_eq!(ends(&step), Outcome::Finished);
    assert!(matches!(step, Step::End(event) if event.stdout_bytes == 5));
}

#[test]
fn an_offline_host_gets_it_within_its_time_and_then_it_expires() {
    let mut life = life(false);
    let mut attempts = 0;
    for tick in 0..30 * 4 {
        let now = BEGAN.plus_millis(tick * 250);
        if life.next(now, GRACE) == Step::Deliver {
            attempts += 1;
            life.attempts += 1;
            life.answered(Answer::Nobody, now);
        }
    }
    assert!((5..12).contains(&attempts), "{attempts} attempts");
    assert_eq!(ends(&life.next(at(31), GRACE)), Outcome::Expired);
}

#[test]
fn silence_is_answered_with_the_same_bytes_and_never_taken_for_expiry() {
    let mut life = life(false);
    life.attempts = 1;
    life.answered(Answer::Silent, at(2));
    assert_eq!(life.next(at(2), GRACE), Step::Deliver, "at once");
    life.attempts = 2;
    life.answered(Answer::Nobody, at(3));
    // Past its time, it is still asked for: the journal knows whether it began.
    assert_eq!(life.next(at(40), GRACE), Step::Deliver);
    life.answered(refused(RefusalCode::Expired), at(40));
    assert_eq!(ends(&life.next(at(40), GRACE)), Outcome::Expired);

    let mut lost = self::life(false);
    lost.answered(Answer::Silent, at(2));
    let step = lost.next(at(30 + 60 + 31), GRACE);
    assert!(matches!(step, Step::EndUnlessFinished(_)));
    assert_eq!(ends(&step), Outcome::Unknown);
}

#[test]
fn what_a_host_refuses_fails_with_its_words() {
    let mut life = life(false);
    life.answered(refused(RefusalCode::NotAllowed), at(0));
    let Step::End(event) = life.next(at(0), GRACE) else {
        panic!("not an end");
    };
    assert_eq!(event.outcome, Outcome::Failed);
    assert_eq!(event.message.as_deref(), Some("no [1m"));
}

#[test]
fn whoever_lost_the_right_is_told_and_nothing_is_sent() {
    let mut life = life(false);
    life.answered(Answer::Denied("the account is off".to_owned()), at(0));
    assert_eq!(ends(&life.next(at(0), GRACE)), Outcome::Denied);
    let mut erased = self::life(false);
    erased.answered(Answer::Erased, at(0));
    assert_eq!(ends(&erased.next(at(0), GRACE)), Outcome::Failed);
}

#[test]
fn approval_comes_first_and_not_for_ever() {
    let mut life = life(true);
    assert_eq!(life.next(at(0), GRACE), Step::Wait);
    assert_eq!(ends(&life.next(at(31), GRACE)), Outcome::Denied);
    let approved = Payload::CommandApproved(CommandApproved { command: id() });
    assert!(!life.fold(11, at(1), approved));
    assert_eq!(life.next(at(1), GRACE), Step::Deliver);
}

#[test]
fn cancelling_before_delivery_is_an_end_and_later_a_request_to_the_host() {
    let mut life = life(false);
    cancel(&mut life, 11);
    assert_eq!(ends(&life.next(at(1), GRACE)), Outcome::Cancelled);

    let mut running = self::life(false);
    running.answered(Answer::Accepted, at(0));
    running.wrote_delivered(11, at(0));
    cancel(&mut running, 12);
    assert_eq!(
        running.next(at(1), GRACE),
        Step::Cancel(Bytes::from_static(&[2]))
    );
    running.cancel_answered(&Answer::Nobody, at(1));
    assert_eq!(running.next(at(1), GRACE), Step::Wait);
    assert!(matches!(running.next(at(3), GRACE), Step::Cancel(_)));
    running.cancel_answered(&Answer::Accepted, at(3));
    assert_eq!(
        running.next(at(60), GRACE),
        Step::Wait,
        "it tells by itself"
    );
    running.finished(&told(Outcome::Cancelled));
    assert_eq!(ends(&running.next(at(4), GRACE)), Outcome::Cancelled);

    // Handed over or not: the host says.
    let mut unclear = self::life(false);
    unclear.answered(Answer::Silent, at(0));
    cancel(&mut unclear, 11);
    assert!(matches!(unclear.next(at(1), GRACE), Step::Cancel(_)));
    unclear.cancel_answered(&refused(RefusalCode::NotFound), at(1));
    assert_eq!(ends(&unclear.next(at(1), GRACE)), Outcome::Cancelled);
}

#[test]
fn a_host_that_stays_silent_after_delivery_has_timed_out_after_the_grace() {
    let mut life = life(false);
    life.answered(Answer::Accepted, at(0));
    life.wrote_delivered(11, at(0));
    assert_eq!(life.next(at(90), GRACE), Step::Wait);
    let step = life.next(at(91), GRACE);
    assert!(matches!(step, Step::EndUnlessFinished(_)));
    assert_eq!(ends(&step), Outcome::TimedOut);
}

#[test]
fn after_a_conflict_it_waits_for_what_the_other_wrote() {
    let mut life = life(false);
    life.answered(Answer::Accepted, at(0));
    life.was_too_late(10);
    assert_eq!(life.next(at(1), GRACE), Step::Wait);
    let delivered = Payload::CommandDelivered(CommandDelivered {
        command: id(),
        attempt: 1,
    });
    assert!(!life.fold(11, at(1), delivered));
    life.finished(&told(Outcome::Unknown));
    assert_eq!(ends(&life.next(at(1), GRACE)), Outcome::Unknown);
}

#[test]
fn a_host_cannot_say_that_it_was_not_reached() {
    for outcome in [Outcome::Expired, Outcome::Denied] {
        let mut life = life(false);
        life.finished(&told(outcome));
        assert_eq!(ends(&life.next(at(0), GRACE)), Outcome::Failed);
    }
}
