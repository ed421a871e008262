//! Files, found by patterns and followed over rotations.
//!
//! A file is known by its device and number, so it may be renamed; what is left in it is read to its end. One that has
//! become shorter is begun anew. After a restart each file goes on where it was, also when it was renamed meanwhile; what
//! was compressed or removed meanwhile is gone. Patterns should not name the renamed copies of files that are rotated by
//! copying: these would be read as new files.
//!
//! Reading blocks, so it is done on a thread that may wait; this task waits for it and does nothing else meanwhile.

pub mod glob;
pub mod tail;

use std::{
    collections::HashSet,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use chatops_schemas::{clock::Timestamp, event::log::LogLine};
use tokio::{task::spawn_blocking, time::sleep};

use super::{
    RETRY, Shipper, Stopping,
    join::{Join, Record},
    parse,
    settings::Files,
};
use tail::{Place, Read, Tail};

/// Files of one source that are open at once.
const MAX_OPEN: usize = 256;
/// How often files are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often open files are looked at while nothing comes.
const IDLE: Duration = Duration::from_millis(100);
/// A record waits this long for lines that belong to it.
const HOLD: Duration = Duration::from_millis(200);
/// A file that is no longer found is read for so long after its last line.
const GONE_AFTER: Duration = Duration::from_secs(5);
/// Lines taken in one turn.
const TURN: usize = 4000;

/// Where all files of a source go on.
pub type Places = Vec<Place>;

/// A file being followed.
struct Open {
    tail: Tail,
    join: Join,
    /// Behind the last record that was given on.
    done: u64,
    /// [`Place`] of `done` as far as it was made already.
    place: Option<Place>,
    last_line: Instant,
    /// No pattern finds it any more.
    gone: bool,
}

/// A record of one of the files.
struct Line {
    file: (u64, u64),
    end: u64,
    line: LogLine,
}

/// All files of a source.
struct Reader {
    from: Files,
    open: Vec<Open>,
    /// Nothing is remembered: files that are there already are begun where the settings say.
    first: bool,
    looked: Option<Instant>,
    /// Files that could not be opened, told once.
    told: HashSet<PathBuf>,
}

impl Open {
    fn new(tail: Tail, done: u64) -> Self {
        Self {
            tail,
            join: Join::default(),
            done,
            place: None,
            last_line: Instant::now(),
            gone: false,
        }
    }

    fn place(&mut self) -> Option<Place> {
        let fresh = match &mut self.place {
            // Its head is known for good.
            Some(place) if place.head >= 256 && place.offset <= self.done => {
                place.offset = self.done;
                self.tail.path().clone_into(&mut place.path);
                None
            }
            Some(place) if place.offset == self.done => None,
            _ => Some(self.tail.place(self.done)),
        };
        if let Some(fresh) = fresh {
            self.place = fresh;
        }
        self.place.clone()
    }
}

impl Reader {
    fn new(from: Files, places: Option<Places>) -> Self {
        let mut reader = Self {
            from,
            open: Vec::new(),
            first: places.is_none(),
            looked: None,
            told: HashSet::new(),
        };
        for place in places.unwrap_or_default() {
            if let Some(tail) = place.find() {
                reader.open.push(Open::new(tail, place.offset));
            }
        }
        reader
    }

    /// Finds files that are new, and those that are gone.
    fn look(&mut self) {
        let mut present = HashSet::new();
        let found: Vec<PathBuf> = self.from.globs.iter().flat_map(glob::Glob::find).collect();
        for path in found {
            let Ok(about) = std::fs::metadata(&path) else {
                continue;
            };
            let id = (about.dev(), about.ino());
            if !present.insert(id) {
                continue;
            }
            if let Some(open) = self.open.iter_mut().find(|open| open.tail.id() == id) {
                open.tail.seen_at(&path);
                continue;
            }
            if self.open.len() >= MAX_OPEN {
                if self.told.insert(PathBuf::new()) {
                    tracing::warn!(
                        "more than {MAX_OPEN} files fit a source of logs; {} and others are left out",
                        path.display()
                    );
                }
                continue;
            }
            match Tail::open(&path, self.from.beginning || !self.first) {
                Ok(tail) => {
                    let beginning = self.from.beginning || !self.first;
                    let done = if beginning { 0 } else { about.len() };
                    self.told.remove(&path);
                    self.open.push(Open::new(tail, done));
                }
                Err(error) => {
                    if self.told.len() < 1000 && self.told.insert(path.clone()) {
                        tracing::warn!("the log {} cannot be read: {error}", path.display());
                    }
                }
            }
        }
        self.first = false;
        for open in &mut self.open {
            open.gone = !present.contains(&open.tail.id());
        }
    }

    /// What has come; true: there may be more at once.
    fn turn(&mut self, now: Timestamp) -> (Vec<Line>, bool) {
        if self.looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            self.look();
            self.looked = Some(Instant::now());
        }
        let (mut lines, mut more) = (Vec::new(), false);
        let start = self.from.start.as_ref();
        for open in &mut self.open {
            let mut read = Vec::new();
            while lines.len() < TURN {
                match open.tail.more(&mut read) {
                    Ok(again) => {
                        more |= again;
                        if !read.is_empty() {
                            open.last_line = Instant::now();
                        }
                        for Read { text, cut, end } in read.drain(..) {
                            if let Some(record) = open.join.push(&text, cut, end, start) {
                                lines.push(of(&open.tail, record, now));
                            }
                        }
                        if !again {
                            break;
                        }
                    }
                    Err(error) => {
                        tracing::debug!("{}: {error}", open.tail.path().display());
                        break;
                    }
                }
            }
            let idle = open.last_line.elapsed();
            if open.gone
                && idle >= GONE_AFTER
                && let Some(Read { text, cut, end }) = open.tail.rest()
                && let Some(record) = open.join.push(&text, cut, end, start)
            {
                lines.push(of(&open.tail, record, now));
            }
            if idle >= HOLD
                && let Some(record) = open.join.take()
            {
                lines.push(of(&open.tail, record, now));
            }
        }
        (lines, more)
    }

    fn done(&mut self, file: (u64, u64), end: u64) {
        if let Some(open) = self.open.iter_mut().find(|open| open.tail.id() == file) {
            open.done = end;
        }
    }

    fn places(&mut self) -> Places {
        self.open.iter_mut().filter_map(Open::place).collect()
    }

    /// Lets go of files that are gone and read to their end.
    fn tidy(&mut self) {
        self.open.retain(|open| {
            !(open.gone && open.last_line.elapsed() >= GONE_AFTER && open.join.is_empty())
        });
    }
}

fn of(tail: &Tail, record: Record, now: Timestamp) -> Line {
    Line {
        file: tail.id(),
        end: record.end,
        line: parse::line(record, tail.path().to_str(), now),
    }
}

/// Follows the files until the agent stops.
pub async fn run(from: Files, mut shipper: Shipper<Places>) {
    if follow(from, &mut shipper).await.is_err() {
        // The agent stops.
    }
}

async fn follow(from: Files, shipper: &mut Shipper<Places>) -> Result<(), Stopping> {
    let places = shipper.resume().await?;
    let known = places.is_some();
    let mut reader = spawn_blocking(move || Reader::new(from, places))
        .await
        .map_err(|_| Stopping)?;
    let mut begun = known;
    loop {
        let now = shipper.now();
        let (back, (lines, more)) = spawn_blocking(move || {
            let turn = reader.turn(now);
            (reader, turn)
        })
        .await
        .map_err(|_| Stopping)?;
        reader = back;
        if !begun {
            // From here on what comes while the agent is away is not new to it.
            begun = true;
            shipper.begin(&reader.places());
        }
        for Line { file, end, line } in lines {
            let full = shipper.push(line);
            reader.done(file, end);
            if full {
                shipper.flush(&reader.places()).await?;
            }
        }
        if shipper
            .due()
            .is_some_and(|due| due <= tokio::time::Instant::now())
        {
            shipper.flush(&reader.places()).await?;
        }
        reader.tidy();
        if !more {
            sleep(IDLE.min(RETRY)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    struct Ground {
        folder: tempfile::TempDir,
        from: Files,
    }

    impl Ground {
        fn new(beginning: bool) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let pattern = format!("{}/*.log", folder.path().display());
            let from = Files {
                globs: vec![glob::Glob::path(&pattern).unwrap()],
                beginning,
                start: None,
            };
            Self { folder, from }
        }

        fn append(&self, name: &str, text: &str) {
            let path = self.folder.path().join(name);
            let mut file = fs::File::options()
                .create(true)
                .append(true)
                .open(path)
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn rename(&self, from: &str, to: &str) {
            fs::rename(self.folder.path().join(from), self.folder.path().join(to)).unwrap();
        }
    }

    /// Everything that comes now; nothing is waited for but the hold of records.
    fn all(reader: &mut Reader) -> Vec<String> {
        reader.looked = None;
        let mut texts = Vec::new();
        loop {
            let (lines, more) = reader.turn(NOW);
            for Line { file, end, line } in lines {
                reader.done(file, end);
                texts.push(line.message);
            }
            if !more && reader.open.iter().all(|open| open.join.is_empty()) {
                return texts;
            }
            for open in &mut reader.open {
                open.last_line = Instant::now() - HOLD;
            }
        }
    }

    #[test]
    fn a_file_is_followed_through_rename_and_emptying() {
        let ground = Ground::new(true);
        ground.append("a.log", "one\n");
        let mut reader = Reader::new(ground.from.clone(), None);
        assert_eq!(all(&mut reader), ["one"]);
        // Renamed, written to once more under its new name, and a new file in its place.
        ground.append("a.log", "two\n");
        ground.rename("a.log", "a.log.1");
        ground.append("a.log.1", "three\n");
        ground.append("a.log", "four\n");
        let mut found = all(&mut reader);
        found.sort();
        assert_eq!(found, ["four", "three", "two"]);
        fs::File::create(ground.folder.path().join("a.log")).unwrap();
        ground.append("a.log", "5\n");
        assert_eq!(all(&mut reader), ["5"]);
    }

    #[test]
    fn a_restart_goes_on_also_in_a_file_that_was_renamed_meanwhile() {
        let ground = Ground::new(false);
        ground.append("a.log", "before it was opted in\n");
        let mut reader = Reader::new(ground.from.clone(), None);
        assert_eq!(all(&mut reader), [""; 0]);
        ground.append("a.log", "one\nhalf a li");
        assert_eq!(all(&mut reader), ["one"]);
        let places = reader.places();
        drop(reader);
        ground.append("a.log", "ne\ntwo\n");
        ground.rename("a.log", "a.log.1");
        ground.append("a.log", "three\n");
        ground.append("new.log", "four\n");
        let mut reader = Reader::new(ground.from, Some(places));
        let mut found = all(&mut reader);
        found.sort();
        assert_eq!(found, ["four", "half a line", "three", "two"]);
        assert_eq!(all(&mut reader), [""; 0]);
    }

    #[test]
    fn the_place_is_behind_what_was_given_on_and_not_behind_what_is_held() {
        let ground = Ground::new(true);
        ground.append("a.log", "one\ntwo\n  of two\n");
        let mut reader = Reader::new(ground.from.clone(), None);
        let (lines, _) = reader.turn(NOW);
        assert_eq!(lines.len(), 1, "the second may go on");
        for Line { file, end, .. } in lines {
            reader.done(file, end);
        }
        let places = reader.places();
        let mut again = Reader::new(ground.from, Some(places));
        assert_eq!(all(&mut again), ["two\n  of two"]);
    }
}
