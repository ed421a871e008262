//! One file of the spool. Called by [`super::Spool`] only.
//!
//! A segment is an 8-byte mark and then records, each: length (u32), checksum (u32), bytes; numbers little-endian. Its
//! name is its first record's number, the others follow without holes. It is only ever appended to, and a record is
//! one `write`, so what a crash leaves is whole records and perhaps one torn one at the end.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::checksum::crc32;

const MARK: &[u8; 8] = b"chspool1";
const HEAD: usize = 8;
const SUFFIX: &str = "seg";
/// No spool ever counts this far; higher names are not ours.
const LAST_NUMBER: u64 = 1 << 56;
/// Longer records are never written, so a longer one is damage.
const MAX_RECORD: usize = 1 << 20;

/// What is known of a segment without its contents.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) first: u64,
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl Segment {
    /// Begins a new one, whose first record is `first`.
    pub(super) fn create(folder: &Path, first: u64) -> io::Result<(Self, File)> {
        let path = folder.join(format!("{first:016x}.{SUFFIX}"));
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        let segment = Self {
            path,
            first,
            records: 0,
            bytes: MARK.len() as u64,
        };
        match file.write_all_at(MARK, 0) {
            Ok(()) => Ok((segment, file)),
            Err(error) => {
                let _ = fs::remove_file(&segment.path);
                Err(error)
            }
        }
    }

    /// Number behind the last record.
    pub(super) const fn end(&self) -> u64 {
        self.first + self.records
    }

    /// Adds a record with one `write`. After an error the next record is written over what the failed one left.
    pub(super) fn append(&mut self, file: &File, record: &[u8]) -> io::Result<()> {
        let len = u32::try_from(record.len())
            .ok()
            .filter(|len| *len as usize <= MAX_RECORD);
        let len = len.ok_or(io::ErrorKind::InvalidInput)?;
        let mut framed = Vec::with_capacity(HEAD + record.len());
        framed.extend_from_slice(&len.to_le_bytes());
        framed.extend_from_slice(&crc32(record).to_le_bytes());
        framed.extend_from_slice(record);
        file.write_all_at(&framed, self.bytes)?;
        self.bytes += framed.len() as u64;
        self.records += 1;
        Ok(())
    }

    /// Looks through a file left by an earlier process and cuts off what is damaged. `None` when no record is left.
    pub(super) fn recover(path: &Path) -> io::Result<Option<Self>> {
        let Some(first) = number(path) else {
            return Ok(None);
        };
        let bytes = fs::read(path)?;
        let ends = ends(&bytes);
        let Some(valid) = ends.last().copied() else {
            return Ok(None);
        };
        if valid < bytes.len() {
            File::options()
                .write(true)
                .open(path)?
                .set_len(valid as u64)?;
        }
        Ok(Some(Self {
            path: path.to_owned(),
            first,
            records: ends.len() as u64,
            bytes: valid as u64,
        }))
    }
}

/// The segments of a folder, oldest first. Other files are left alone.
pub(super) fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if number(&path).is_some() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn number(path: &Path) -> Option<u64> {
    let name = path
        .file_name()?
        .to_str()?
        .strip_suffix(SUFFIX)?
        .strip_suffix('.')?;
    (name.len() == 16)
        .then(|| u64::from_str_radix(name, 16).ok())?
        .filter(|number| *number < LAST_NUMBER)
}

/// Where each whole record ends, up to the first that is torn or damaged.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = MARK.len();
    if !bytes.starts_with(MARK) {
        return ends;
    }
    while let Some(len) = whole_record(&bytes[at..]) {
        at += HEAD + len;
        ends.push(at);
    }
    ends
}

fn whole_record(bytes: &[u8]) -> Option<usize> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let len = u32::from_le_bytes(*len) as usize;
    let record = rest.get(..len).filter(|_| len <= MAX_RECORD)?;
    (crc32(record) == u32::from_le_bytes(*sum)).then_some(len)
}

/// A segment's contents, held while its records are being sent.
#[derive(Debug)]
pub(super) struct Loaded {
    first: u64,
    bytes: Bytes,
    ends: Vec<usize>,
}

impl Loaded {
    pub(super) fn read(segment: &Segment) -> io::Result<Self> {
        let bytes = Bytes::from(fs::read(&segment.path)?);
        Ok(Self {
            first: segment.first,
            ends: ends(&bytes),
            bytes,
        })
    }

    pub(super) fn end(&self) -> u64 {
        self.first + self.ends.len() as u64
    }

    pub(super) fn holds(&self, number: u64) -> bool {
        (self.first..self.end()).contains(&number)
    }

    pub(super) fn record(&self, number: u64) -> Option<Bytes> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let start = if index == 0 {
            MARK.len()
        } else {
            *self.ends.get(index - 1)?
        };
        let end = *self.ends.get(index)?;
        Some(self.bytes.slice(start + HEAD..end))
    }
}
