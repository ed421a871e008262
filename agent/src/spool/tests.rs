use proptest::prelude::*;

use super::*;

fn record(number: u64) -> Bytes {
    Bytes::from(format!(
        "record {number} {}",
        "x".repeat((number % 50) as usize)
    ))
}

fn options(folder: &Path) -> Options {
    Options {
        segment_bytes: 256,
        ..Options::in_folder(folder.to_owned())
    }
}

fn filled(folder: &Path, count: u64) -> Spool {
    let mut spool = Spool::open(options(folder)).unwrap();
    (0..count).for_each(|number| spool.append(record(number)));
    spool
}

fn files(folder: &Path) -> Vec<PathBuf> {
    segment::list(folder).unwrap()
}

#[test]
fn while_all_is_well_the_disk_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(options(dir.path())).unwrap();
    for number in 0..1000 {
        spool.append(record(number));
        assert_eq!(spool.read(number), Some(record(number)));
        spool.remove_before(number + 1);
    }
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
}

#[test]
fn a_late_acknowledgement_puts_the_record_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = filled(dir.path(), 1);
    spool.flush().unwrap();
    drop(spool);
    let mut spool = Spool::open(options(dir.path())).unwrap();
    assert_eq!((spool.len(), spool.read(0)), (1, Some(record(0))));
}

#[test]
fn a_crash_with_two_waiting_loses_none() {
    let dir = tempfile::tempdir().unwrap();
    // Dropped without close: what a crash does.
    drop(filled(dir.path(), 100));
    let mut spool = Spool::open(options(dir.path())).unwrap();
    assert_eq!((spool.len(), spool.dropped()), (100, 0));
    for number in 0..100 {
        assert_eq!(spool.read(number), Some(record(number)), "{number}");
    }
}

#[test]
fn every_cut_of_the_tail_keeps_what_is_before_it() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), 5));
    let path = files(dir.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        let mut spool = Spool::open(options(dir.path())).unwrap();
        let kept = spool.len();
        (0..kept).for_each(|number| {
            assert_eq!(spool.read(number), Some(record(number)), "cut at {len}")
        });
        spool.append(record(kept));
        spool.append(record(kept + 1));
        drop(spool);
        let mut spool = Spool::open(options(dir.path())).unwrap();
        assert_eq!(spool.read(kept + 1), Some(record(kept + 1)), "cut at {len}");
        for path in files(dir.path()) {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_flipped_bit_in_the_middle_is_found_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), 40));
    let first = files(dir.path()).remove(0);
    let mut bytes = fs::read(&first).unwrap();
    bytes[20] ^= 1;
    fs::write(&first, bytes).unwrap();
    let mut spool = Spool::open(options(dir.path())).unwrap();
    assert_eq!(spool.end(), 40);
    assert_eq!(spool.read(39), Some(record(39)));
    assert_eq!(spool.front() + spool.len(), 40);
    assert!(
        spool.front() > 0,
        "the damaged segment held nothing before its damage"
    );
}

#[test]
fn a_full_spool_drops_the_oldest_and_counts_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(Options {
        max_bytes: 2000,
        ..options(dir.path())
    })
    .unwrap();
    (0..500).for_each(|number| spool.append(record(number)));
    assert!(spool.bytes_on_disk() <= 2000);
    assert_eq!(spool.dropped(), spool.front());
    assert_eq!(spool.dropped() + spool.len(), 500);
    for number in spool.front()..500 {
        assert_eq!(spool.read(number), Some(record(number)));
    }
    assert_eq!(spool.read(spool.front() - 1), None);
}

#[test]
fn what_dropped_records_held_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    for folder in [Some(dir.path().to_owned()), None] {
        let mut spool = Spool::open(Options {
            folder,
            max_bytes: 2000,
            contents: Some(|record| Some((format!("of {}", record.len() % 2), 1))),
            ..options(dir.path())
        })
        .unwrap();
        (0..500).for_each(|number| spool.append(record(number)));
        let told = spool.take_lost();
        let numbers: Vec<u64> = told.iter().map(|lost| lost.number).collect();
        assert!(!numbers.is_empty());
        assert_eq!(numbers, (0..spool.dropped()).collect::<Vec<_>>());
        assert!(spool.take_lost().is_empty());
        // What is stored elsewhere is not lost.
        spool.remove_before(spool.end());
        assert!(spool.take_lost().is_empty());
    }
}

#[test]
fn without_a_folder_memory_is_bounded_and_drops_are_counted() {
    let mut spool = Spool::open(Options::in_memory()).unwrap();
    (0..1000).for_each(|number| spool.append(record(number)));
    assert_eq!((spool.len(), spool.dropped()), (64, 936));
    assert_eq!(spool.read(936), Some(record(936)));
}

#[test]
fn a_folder_that_disappears_leaves_memory() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("spool");
    let mut spool = filled(&folder, 1);
    fs::remove_dir_all(&folder).unwrap();
    (1..10).for_each(|number| spool.append(record(number)));
    assert_eq!((spool.len(), spool.dropped()), (10, 0));
    fs::create_dir_all(&folder).unwrap();
    spool.append(record(10));
    drop(spool);
    let mut spool = Spool::open(options(&folder)).unwrap();
    assert_eq!(
        (spool.len(), spool.read(0), spool.read(10)),
        (11, Some(record(0)), Some(record(10)))
    );
}

#[test]
fn what_is_done_stays_done_after_a_clean_stop() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = filled(dir.path(), 30);
    spool.remove_before(17);
    spool.close().unwrap();
    drop(spool);
    let mut spool = Spool::open(options(dir.path())).unwrap();
    assert_eq!((spool.front(), spool.end()), (17, 30));
    spool.remove_before(30);
    assert!(files(dir.path()).is_empty());
    drop(spool);
    let mut spool = Spool::open(options(dir.path())).unwrap();
    assert_eq!((spool.front(), spool.end()), (30, 30));
    spool.append(record(30));
    assert_eq!(spool.read(30), Some(record(30)));
}

#[test]
fn a_segment_that_could_not_be_deleted_is_still_done() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = filled(dir.path(), 3);
    let path = files(dir.path()).remove(0);
    let kept = fs::read(&path).unwrap();
    spool.remove_before(3);
    spool.append(record(3));
    spool.remove_before(4);
    spool.close().unwrap();
    drop(spool);
    fs::write(&path, kept).unwrap();
    let spool = Spool::open(options(dir.path())).unwrap();
    assert!(spool.is_empty());
}

#[test]
fn other_files_in_the_folder_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    drop(filled(dir.path(), 3));
    Spool::open(options(dir.path())).unwrap();
    assert_eq!(
        fs::read_to_string(dir.path().join("notes.txt")).unwrap(),
        "mine"
    );
}

#[derive(Debug, Clone)]
enum Step {
    Append,
    Remove(u64),
    Flush,
    Crash,
    Tear(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Append),
        3 => (0u64..8).prop_map(Step::Remove),
        1 => Just(Step::Flush),
        1 => Just(Step::Crash),
        1 => (1usize..30).prop_map(Step::Tear),
    ]
}

proptest! {
    /// Whatever happens, the records from some front to the end are there, in order and unharmed; a crash takes at
    /// most the one record that was in memory, and a torn end at most the record that it hit.
    #[test]
    fn nothing_is_lost_or_mixed_up(steps in proptest::collection::vec(step(), 1..80)) {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(options(dir.path())).unwrap();
        let mut model: VecDeque<Bytes> = VecDeque::new();
        let mut made = 0;
        for step in steps {
            match step {
                Step::Append => {
                    made += 1;
                    model.push_back(record(made));
                    spool.append(record(made));
                }
                Step::Remove(count) => {
                    let count = count.min(spool.len());
                    spool.remove_before(spool.front() + count);
                    model.drain(..count as usize);
                }
                Step::Flush => spool.flush().unwrap(),
                Step::Crash | Step::Tear(_) => {
                    drop(spool);
                    if let (Step::Tear(bytes), Some(path)) = (step, files(dir.path()).pop()) {
                        let torn = vec![0xA5; bytes];
                        let mut whole = fs::read(&path).unwrap();
                        whole.extend(torn);
                        fs::write(&path, whole).unwrap();
                    }
                    spool = Spool::open(options(dir.path())).unwrap();
                    // Acknowledged ones may come back; the stream knows them.
                    let found: VecDeque<Bytes> =
                        (spool.front()..spool.end()).map(|number| spool.read(number).unwrap()).collect();
                    let lost = usize::from(!found.iter().rev().take(1).eq(model.iter().rev().take(1)) && !model.is_empty());
                    prop_assert!(lost <= 1);
                    model.truncate(model.len() - lost);
                    prop_assert!(found.len() >= model.len(), "{} of {} found", found.len(), model.len());
                    prop_assert!(found.iter().rev().zip(model.iter().rev()).all(|(a, b)| a == b));
                    prop_assert!(found.len() - model.len() < REMEMBER_EVERY as usize);
                    model = found;
                }
            }
            prop_assert_eq!(spool.len(), model.len() as u64);
            prop_assert_eq!(spool.dropped(), 0);
            for (number, expected) in (spool.front()..spool.end()).zip(&model) {
                let found = spool.read(number);
                prop_assert_eq!(found.as_ref(), Some(expected));
            }
        }
    }
}
