use chatops_schemas::event::command::Outcome;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn id(n: u128) -> CommandId {
    CommandId(Uuid::from_u128(n))
}

fn end(n: u128, outcome: Outcome) -> End {
    End {
        event: EventId(Uuid::from_u128(n + 1000)),
        at: NOW.plus_millis(5),
        finished: ResultFinished {
            command: id(n),
            outcome,
            exit_code: Some(0),
            signal: None,
            message: None,
            started_at: Some(NOW),
            duration_ms: Some(5),
            pieces: 1,
            stdout_bytes: 2,
            stderr_bytes: 0,
            cut_bytes: 0,
        },
    }
}

#[test]
fn each_step_of_a_command_is_known_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, left) = Journal::open(dir.path(), NOW).unwrap();
    assert!(left.begun.is_empty() && left.untold.is_empty());
    for n in 1..=3 {
        assert_eq!(journal.progress(id(n)), None);
        journal.begin(id(n), NOW).unwrap();
        assert_eq!(journal.progress(id(n)), Some(Progress::Running));
    }
    journal.end(&end(2, Outcome::Finished)).unwrap();
    journal.end(&end(3, Outcome::Cancelled)).unwrap();
    journal.told(id(3), NOW).unwrap();
    assert!(journal.opened(id(4), NOW).unwrap());
    assert!(!journal.opened(id(4), NOW).unwrap());
    // Nothing is written at the end of a process: this is a crash.
    drop(journal);

    let (journal, left) = Journal::open(dir.path(), NOW).unwrap();
    assert_eq!(left.begun, [(id(1), NOW)]);
    assert_eq!(left.untold, [end(2, Outcome::Finished)]);
    assert_eq!(journal.progress(id(1)), Some(Progress::Running));
    for n in 2..=4 {
        assert_eq!(journal.progress(id(n)), Some(Progress::Over));
    }
    assert!(!journal.opened(id(4), NOW).unwrap());
}

#[test]
fn a_torn_entry_hides_nothing_that_was_written_before_or_after_the_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), NOW).unwrap();
    journal.begin(id(1), NOW).unwrap();
    journal.begin(id(2), NOW).unwrap();
    drop(journal);
    let path = dir.path().join("0000000000000000.journal");
    let mut bytes = fs::read(&path).unwrap();
    let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[written - 3] ^= 0xff;
    fs::write(&path, bytes).unwrap();

    let (journal, left) = Journal::open(dir.path(), NOW).unwrap();
    assert_eq!(left.begun, [(id(1), NOW)]);
    journal.begin(id(3), NOW).unwrap();
    drop(journal);
    let (_, left) = Journal::open(dir.path(), NOW).unwrap();
    let mut begun = left.begun;
    begun.sort_by_key(|(id, _)| *id);
    assert_eq!(begun, [(id(1), NOW), (id(3), NOW)]);
}

#[test]
fn files_go_when_their_newest_entry_is_older_than_any_order() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), NOW).unwrap();
    for n in 0..2000 {
        journal.begin(id(n), NOW).unwrap();
        journal.end(&end(n, Outcome::Finished)).unwrap();
        journal.told(id(n), NOW).unwrap();
    }
    drop(journal);
    let files = || fs::read_dir(dir.path()).unwrap().count();
    assert!(files() > 4);
    let later = NOW.plus_micros(KEPT.as_micros() as i64);
    let (journal, _) = Journal::open(dir.path(), later).unwrap();
    assert_eq!(journal.progress(id(0)), Some(Progress::Over));
    assert!(files() > 4);
    drop(journal);
    let (_, left) = Journal::open(dir.path(), later.plus_millis(10)).unwrap();
    assert!(left.begun.is_empty() && left.untold.is_empty());
    assert_eq!(files(), 0);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        entries(&bytes);
    }
}
