//! Samples that no stream has acknowledged yet: a bounded queue on disk. Used by [`service`](crate::service), which
//! appends what it reads and removes what [`uplink`](crate::uplink) knows to be stored.
//!
//! # What is guaranteed
//! - Order: records are numbered as they come and leave from the front.
//! - A crash of the agent loses at most one record. While all is well nothing is written: the newest record waits in
//!   memory for an acknowledgement that comes within milliseconds, and the disk is spared. As soon as a second record
//!   comes before the first is acknowledged, or after [`Spool::flush`], everything is on disk, and stays there until
//!   acknowledged.
//! - `kill -9` in the middle of a write leaves a torn record at the end; opening finds it by its checksum and cuts it
//!   off. Nothing before it is lost. (After a power cut the last half minute may be missing: nothing is synced while
//!   running, the kernel writes it back in its own time.)
//! - It never grows beyond its limit: the oldest segment is dropped first, and every record dropped is counted. The
//!   same happens when the disk is full. Without a usable folder a few records are kept in memory.
//!
//! One process at a time: the folder is locked by whoever opens it.

pub(crate) mod checksum;
mod segment;

use std::{
    collections::VecDeque,
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use checksum::crc32;
use segment::{Loaded, Segment};

/// Acknowledged records of which the disk may not know yet. They are sent again after a crash and recognised as
/// duplicates.
const REMEMBER_EVERY: u64 = 64;
const FRONT_FILE: &str = "front";

/// What a record holds, for those whose spool drops it: whose, and how many.
pub type Contents = fn(&Bytes) -> Option<(String, u64)>;

/// What a dropped record held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Its number.
    pub number: u64,
    /// Whose it was.
    pub whose: String,
    /// How many.
    pub many: u64,
}

/// Where and how much.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of the segments; `None` keeps everything in memory.
    pub folder: Option<PathBuf>,
    /// Bytes on disk, at most.
    pub max_bytes: u64,
    /// Size at which a new segment is begun: the grain in which the oldest is dropped.
    pub segment_bytes: u64,
    /// Records in memory when the disk cannot take them, at most.
    pub max_in_memory: usize,
    /// Looks into records that are dropped for want of room; see [`Spool::take_lost`].
    pub contents: Option<Contents>,
}

impl Options {
    /// 64 MiB: half a day of full samples every 5 s.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self {
            folder: Some(folder),
            ..Self::in_memory()
        }
    }

    /// For hosts where nothing may be written.
    pub fn in_memory() -> Self {
        Self {
            folder: None,
            max_bytes: 64 << 20,
            segment_bytes: 256 << 10,
            max_in_memory: 64,
            contents: None,
        }
    }
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{action} {path}")]
pub struct SpoolError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl SpoolError {
    fn new(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self {
            action,
            path,
            source,
        }
    }
}

/// The queue.
#[derive(Debug)]
pub struct Spool {
    options: Options,
    segments: VecDeque<Segment>,
    writing: Option<File>,
    /// Newer than everything on disk.
    in_memory: VecDeque<Bytes>,
    front: u64,
    end: u64,
    remembered_front: u64,
    dropped: u64,
    /// What dropped records held, and nobody has asked for yet.
    lost: Vec<Lost>,
    loaded: Option<Loaded>,
}

impl Spool {
    /// Opens what an earlier process left behind. Damaged tails are cut off; records lost in the middle are counted as
    /// dropped.
    pub fn open(options: Options) -> Result<Self, SpoolError> {
        let mut spool = Self {
            options,
            segments: VecDeque::new(),
            writing: None,
            in_memory: VecDeque::new(),
            front: 0,
            end: 0,
            remembered_front: 0,
            dropped: 0,
            lost: Vec::new(),
            loaded: None,
        };
        if let Some(folder) = spool.options.folder.clone() {
            fs::create_dir_all(&folder).map_err(SpoolError::new("create folder", &folder))?;
            spool.recover(&folder)?;
        }
        Ok(spool)
    }

    /// Number of the first record that is not done.
    pub const fn front(&self) -> u64 {
        self.front
    }

    /// Number the next record will get.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Records waiting.
    pub const fn len(&self) -> u64 {
        self.end - self.front
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records dropped since it was opened, because there was no room or they had become unreadable.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Bytes on disk.
    pub fn bytes_on_disk(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Adds a record at the end. Writes to disk only when there are others before it; a disk that cannot take it is no
    /// error here, it shows in [`Spool::dropped`] once memory is full too.
    pub fn append(&mut self, record: Bytes) {
        self.in_memory.push_back(record);
        self.end += 1;
        if self.len() > 1 && self.flush().is_err() {
            while self.in_memory.len() > self.options.max_in_memory {
                self.drop_before(self.end - self.in_memory.len() as u64 + 1);
            }
        }
    }

    /// Puts everything on disk. Called when an acknowledgement is late and before the process ends.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.options.folder.is_none() {
            return match self.in_memory.len() {
                0 | 1 => Ok(()),
                _ => Err(io::ErrorKind::Unsupported.into()),
            };
        }
        while let Some(record) = self.in_memory.front().cloned() {
            let number = self.end - self.in_memory.len() as u64;
            if let Err(error) = self.write(number, &record) {
                // A full disk is made room on by what would go first anyway.
                self.writing = None;
                if error.kind() != io::ErrorKind::StorageFull || !self.drop_oldest_segment() {
                    return Err(error);
                }
                self.write(number, &record)?;
            }
            self.in_memory.pop_front();
        }
        while self.bytes_on_disk() > self.options.max_bytes && self.drop_oldest_segment() {}
        Ok(())
    }

    /// Puts everything on disk and waits until the disk has it. Called once, before the process ends.
    pub fn close(&mut self) -> io::Result<()> {
        self.flush()?;
        self.remember_front();
        self.writing.as_ref().map_or(Ok(()), File::sync_data)
    }

    /// A record; `None` when it is done, dropped, not there yet, or has become unreadable.
    pub fn read(&mut self, number: u64) -> Option<Bytes> {
        if number < self.front || number >= self.end {
            return None;
        }
        let first_in_memory = self.end - self.in_memory.len() as u64;
        if let Some(index) = number.checked_sub(first_in_memory) {
            return self.in_memory.get(usize::try_from(index).ok()?).cloned();
        }
        let segment = self
            .segments
            .iter()
            .rfind(|segment| segment.first <= number)?;
        if !self
            .loaded
            .as_ref()
            .is_some_and(|loaded| loaded.holds(number))
        {
            self.loaded = Loaded::read(segment).ok();
        }
        self.loaded
            .as_ref()
            .and_then(|loaded| loaded.record(number))
    }

    /// Forgets all records before `number`: they are stored elsewhere.
    pub fn remove_before(&mut self, number: u64) {
        self.advance(number);
        if !self.segments.is_empty() && self.front - self.remembered_front >= REMEMBER_EVERY {
            self.remember_front();
        }
    }

    /// Forgets all records before `number` without anybody having stored them, and counts them.
    pub fn drop_before(&mut self, number: u64) {
        let number = number.min(self.end);
        if let Some(contents) = self.options.contents {
            for number in self.front..number {
                if let Some((whose, many)) = self.read(number).as_ref().and_then(contents) {
                    self.lost.push(Lost {
                        number,
                        whose,
                        many,
                    });
                }
            }
        }
        self.dropped += number.saturating_sub(self.front);
        self.advance(number);
    }

    /// What the records held that were dropped since the last call.
    pub fn take_lost(&mut self) -> Vec<Lost> {
        std::mem::take(&mut self.lost)
    }

    fn advance(&mut self, number: u64) {
        self.front = self.front.max(number.min(self.end));
        while self.in_memory.len() as u64 > self.len() {
            self.in_memory.pop_front();
        }
        while let Some(segment) = self
            .segments
            .front()
            .filter(|segment| segment.end() <= self.front)
        {
            // One that cannot be deleted is found again at the next start and sent again; the stream knows its ids.
            let _ = fs::remove_file(&segment.path);
            self.segments.pop_front();
            if self.segments.is_empty() {
                self.writing = None;
                self.remember_front();
            }
        }
        if self
            .loaded
            .as_ref()
            .is_some_and(|loaded| loaded.end() <= self.front)
        {
            self.loaded = None;
        }
    }

    fn drop_oldest_segment(&mut self) -> bool {
        let Some(end) = self.segments.front().map(Segment::end) else {
            return false;
        };
        self.drop_before(end);
        true
    }

    fn write(&mut self, number: u64, record: &[u8]) -> io::Result<()> {
        let Some(folder) = &self.options.folder else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let full = |segment: &Segment| {
            segment.end() != number
                || segment.bytes + record.len() as u64 > self.options.segment_bytes
        };
        if self.segments.back().is_none_or(full) {
            let (segment, file) = Segment::create(folder, number)?;
            self.segments.push_back(segment);
            self.writing = Some(file);
        }
        let Some(segment) = self.segments.back_mut() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if self.writing.is_none() {
            self.writing = Some(File::options().write(true).open(&segment.path)?);
        }
        let Some(file) = &self.writing else {
            return Err(io::ErrorKind::NotFound.into());
        };
        segment.append(file, record)
    }

    /// Writes the front beside the segments, in place. A torn or missing note only means that some records are sent
    /// again.
    fn remember_front(&mut self) {
        let Some(folder) = &self.options.folder else {
            return;
        };
        let number = self.front.to_le_bytes();
        let note = [number.as_slice(), &crc32(&number).to_le_bytes()].concat();
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(FRONT_FILE));
        if file.and_then(|file| file.write_all_at(&note, 0)).is_ok() {
            self.remembered_front = self.front;
        }
    }

    fn recover(&mut self, folder: &Path) -> Result<(), SpoolError> {
        let mut found = Vec::new();
        for path in segment::list(folder).map_err(SpoolError::new("list folder", folder))? {
            match Segment::recover(&path).map_err(SpoolError::new("read", &path))? {
                Some(segment) => found.push(segment),
                None => fs::remove_file(&path).map_err(SpoolError::new("delete", &path))?,
            }
        }
        let noted = fs::read(folder.join(FRONT_FILE))
            .ok()
            .and_then(|note| parse_front(&note))
            .unwrap_or(0);
        let done: u64 = found
            .iter()
            .map(|segment| noted.saturating_sub(segment.first).min(segment.records))
            .sum();
        let written = found.last().map_or(0, Segment::end);
        self.end = written.max(noted);
        // Damage leaves holes between the numbers. Records before a hole move up to it, so that numbers follow each
        // other again; the last segment keeps its own, because its name orders it before those to come.
        let mut next = written;
        for mut segment in found.into_iter().rev() {
            let first = next.saturating_sub(segment.records);
            self.dropped += first.saturating_sub(segment.first.max(noted));
            segment.first = first;
            segment.records = next - first;
            next = first;
            self.segments.push_front(segment);
        }
        self.front = if self.segments.is_empty() {
            self.end
        } else {
            next
        };
        self.remembered_front = self.front;
        self.advance(if noted >= written {
            noted
        } else {
            self.front + done
        });
        Ok(())
    }
}

fn parse_front(note: &[u8]) -> Option<u64> {
    let (number, sum) = note.split_first_chunk::<8>()?;
    (crc32(number).to_le_bytes() == sum).then(|| u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests;
