//! Which commands were begun, and how they ended: what makes "at most once" true over crashes. Used by
//! [`exec`](super::exec) alone.
//!
//! # What is guaranteed
//! - [`Journal::begin`] returns after the disk has the entry. Nothing is begun before, and an id that is in the journal is
//!   never begun again.
//! - An end is written before it is told, with the id under which it is told. A process that dies in between leaves it
//!   for the next one, which tells it under the same id; a beginning without an end becomes an end of its own.
//! - Ids are kept for [`KEPT`], longer than any order is good.
//! - `kill -9` or a power cut in the middle of a write leaves a torn entry at the end of a file, found by its checksum.
//!   An entry that was synced is never behind a torn one: each file is written by one process, which begins a new one at
//!   its start.
//!
//! Files are filled with zeros when they are made, so that adding an entry changes no length and no block map: the disk
//! then has it after one write instead of two.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chatops_schemas::{
    clock::Timestamp,
    event::result::ResultFinished,
    ids::{CommandId, EventId},
    order::Progress,
};
use serde::{Deserialize, Serialize};

use crate::spool::checksum::crc32;

/// How long an id is known: an order is good for a week at most.
pub const KEPT: Duration = Duration::from_secs(8 * 24 * 3600);
/// Size of a file.
const FILE_BYTES: usize = 64 * 1024;
const HEAD: usize = 8;
const SUFFIX: &str = "journal";

/// The end of a command, as it was or will be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Id of the event that tells it.
    pub event: EventId,
    /// When it ended.
    pub at: Timestamp,
    /// How.
    pub finished: ResultFinished,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Entry {
    Begun(CommandId, Timestamp),
    Ended(CommandId, Box<End>),
    Told(CommandId, Timestamp),
    Opened(CommandId, Timestamp),
}

/// What is known of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Running,
    Over,
    Session,
}

/// What an earlier process left.
#[derive(Debug, Default)]
pub struct Left {
    /// Begun at this time, and no end.
    pub begun: Vec<(CommandId, Timestamp)>,
    /// Ended, and nobody has said that the server knows.
    pub untold: Vec<End>,
}

/// The journal of a data folder, which is locked by whoever opens it.
#[derive(Debug)]
pub struct Journal(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    known: HashMap<CommandId, Known>,
    /// Older files, each with the time of its newest entry.
    older: Vec<(PathBuf, Timestamp)>,
    writing: Option<Writing>,
    next_file: u64,
}

#[derive(Debug)]
struct Writing {
    file: File,
    path: PathBuf,
    at: usize,
    newest: Timestamp,
}

impl Journal {
    /// Reads what there is, forgets what is too old, and gives what an earlier process left undone.
    pub fn open(folder: &Path, now: Timestamp) -> io::Result<(Self, Left)> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let mut inner = Inner {
            folder: folder.to_owned(),
            known: HashMap::new(),
            older: Vec::new(),
            writing: None,
            next_file: 0,
        };
        let left = inner.load(now)?;
        Ok((Self(Mutex::new(inner)), left))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far a command is; `None` when it was never begun.
    pub fn progress(&self, id: CommandId) -> Option<Progress> {
        match self.inner().known.get(&id)? {
            Known::Running => Some(Progress::Running),
            Known::Over | Known::Session => Some(Progress::Over),
        }
    }

    /// Takes note that a command begins, and waits for the disk. Blocks.
    pub fn begin(&self, id: CommandId, now: Timestamp) -> io::Result<()> {
        let mut inner = self.inner();
        inner.write(&Entry::Begun(id, now), now)?;
        inner.sync()?;
        inner.known.insert(id, Known::Running);
        Ok(())
    }

    /// Takes note of an end, before it is told. Does not wait for the disk: a power cut makes it an unknown end, which is
    /// true.
    pub fn end(&self, end: &End) -> io::Result<()> {
        let mut inner = self.inner();
        let id = end.finished.command;
        inner.known.insert(id, Known::Over);
        inner.write(&Entry::Ended(id, Box::new(end.clone())), end.at)
    }

    /// The server knows of the end.
    pub fn told(&self, id: CommandId, now: Timestamp) -> io::Result<()> {
        self.inner().write(&Entry::Told(id, now), now)
    }

    /// Takes note that a session is opened; false when its id was used before. Not synced: a session does not survive what
    /// would lose the entry, and its order is good for seconds.
    pub fn opened(&self, id: CommandId, now: Timestamp) -> io::Result<bool> {
        let mut inner = self.inner();
        if inner.known.contains_key(&id) {
            return Ok(false);
        }
        inner.write(&Entry::Opened(id, now), now)?;
        inner.known.insert(id, Known::Session);
        Ok(true)
    }
}

impl Inner {
    fn load(&mut self, now: Timestamp) -> io::Result<Left> {
        let mut paths: Vec<(u64, PathBuf)> = fs::read_dir(&self.folder)?
            .filter_map(Result::ok)
            .filter_map(|entry| Some((number(&entry.path())?, entry.path())))
            .collect();
        paths.sort();
        let (mut begun, mut untold) = (HashMap::new(), HashMap::<CommandId, End>::new());
        for (n, path) in paths {
            self.next_file = n + 1;
            let mut newest = Timestamp::from_micros(i64::MIN);
            for entry in entries(&fs::read(&path)?) {
                let (id, at) = match entry {
                    Entry::Begun(id, at) => {
                        self.known.insert(id, Known::Running);
                        begun.insert(id, at);
                        (id, at)
                    }
                    Entry::Ended(id, end) => {
                        self.known.insert(id, Known::Over);
                        begun.remove(&id);
                        let at = end.at;
                        untold.insert(id, *end);
                        (id, at)
                    }
                    Entry::Told(id, at) => {
                        untold.remove(&id);
                        (id, at)
                    }
                    Entry::Opened(id, at) => {
                        self.known.insert(id, Known::Session);
                        (id, at)
                    }
                };
                // Files go as a whole; until then a clock that was set back must not bring an id back.
                self.known.entry(id).or_insert(Known::Over);
                newest = newest.max(at);
            }
            self.older.push((path, newest));
        }
        let mut left = Left {
            begun: begun.into_iter().collect(),
            untold: untold.into_values().collect(),
        };
        left.begun.sort_by_key(|(_, at)| *at);
        left.untold.sort_by_key(|end| end.at);
        self.forget(now);
        Ok(left)
    }

    /// Deletes files whose newest entry is too old. Their ids stay known to this process.
    fn forget(&mut self, now: Timestamp) {
        let kept = KEPT.as_micros() as i64;
        self.older.retain(|(path, newest)| {
            let old = now.micros_since(*newest) > kept;
            // One that cannot be deleted is tried again at the next start.
            !old || fs::remove_file(path).is_err()
        });
    }

    fn write(&mut self, entry: &Entry, now: Timestamp) -> io::Result<()> {
        let body = rmp_serde::to_vec_named(entry).map_err(io::Error::other)?;
        let mut framed = Vec::with_capacity(HEAD + body.len());
        framed.extend_from_slice(
            &u32::try_from(body.len())
                .map_err(io::Error::other)?
                .to_le_bytes(),
        );
        framed.extend_from_slice(&crc32(&body).to_le_bytes());
        framed.extend_from_slice(&body);
        if let Some(full) = self
            .writing
            .take_if(|writing| writing.at + framed.len() > FILE_BYTES)
        {
            full.file.sync_data()?;
            self.older.push((full.path, full.newest));
            self.forget(now);
        }
        let writing = match &mut self.writing {
            Some(writing) => writing,
            none => {
                let path = self
                    .folder
                    .join(format!("{:016x}.{SUFFIX}", self.next_file));
                self.next_file += 1;
                none.insert(Writing::create(path, &self.folder)?)
            }
        };
        writing.file.write_all_at(&framed, writing.at as u64)?;
        writing.at += framed.len();
        writing.newest = writing.newest.max(now);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.writing
            .as_ref()
            .map_or(Ok(()), |writing| writing.file.sync_data())
    }
}

impl Writing {
    fn create(path: PathBuf, folder: &Path) -> io::Result<Self> {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all_at(&[0; FILE_BYTES], 0)?;
        file.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(Self {
            file,
            path,
            at: 0,
            newest: Timestamp::from_micros(i64::MIN),
        })
    }
}

fn number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    u64::from_str_radix(name.strip_suffix('.')?, 16).ok()
}

/// Whole entries, up to the first that is torn, damaged or not written.
fn entries(mut bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    while let Some((entry, rest)) = entry(bytes) {
        entries.push(entry);
        bytes = rest;
    }
    entries
}

fn entry(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let len = u32::from_le_bytes(*len) as usize;
    let (body, rest) = rest.split_at_checked(len).filter(|_| len > 0)?;
    if crc32(body) != u32::from_le_bytes(*sum) {
        return None;
    }
    Some((rmp_serde::from_slice(body).ok()?, rest))
}

#[cfg(test)]
mod tests;
