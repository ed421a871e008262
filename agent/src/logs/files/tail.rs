//! One file, read from a place to its end. Blocking: called from a thread that may wait.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;
/// Bytes of a line that are kept; the rest is counted.
const LINE: usize = 64 * 1024;
/// Bytes at the beginning of a file by which it is recognised.
const HEAD: u64 = 256;

/// Where reading a file goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Where it was seen last.
    pub path: PathBuf,
    /// Device and number: these stay when it is renamed.
    pub dev: u64,
    /// Its number there.
    pub ino: u64,
    /// Bytes that are done.
    pub offset: u64,
    /// Bytes of the head that were looked at.
    pub head: u64,
    /// Digest of them: a number is given to another file once the first is gone.
    pub digest: String,
}

/// A line as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Read {
    /// Without its end.
    pub text: String,
    /// Bytes that were left out.
    pub cut: u64,
    /// The place behind it.
    pub end: u64,
}

/// A file that is open.
#[derive(Debug)]
pub struct Tail {
    file: File,
    path: PathBuf,
    dev: u64,
    ino: u64,
    /// Bytes read.
    read: u64,
    /// The beginning of a line whose end is not there yet, and bytes of it that were left out.
    part: Vec<u8>,
    cut: u64,
    buffer: Vec<u8>,
}

fn digest_of(file: &File, bytes: u64) -> io::Result<String> {
    let mut head = vec![0; usize::try_from(bytes).unwrap_or(0)];
    file.read_exact_at(&mut head, 0)?;
    Ok(data_encoding::HEXLOWER.encode(&Sha256::digest(&head)[..8]))
}

impl Place {
    /// Whether an open file is the one that this place is in.
    fn is_in(&self, file: &File) -> bool {
        file.metadata().is_ok_and(|about| {
            (about.dev(), about.ino()) == (self.dev, self.ino) && about.len() >= self.offset
        }) && digest_of(file, self.head).is_ok_and(|digest| digest == self.digest)
    }

    /// Finds the file again: under its path, or beside it under another name.
    pub fn find(&self) -> Option<Tail> {
        let here = std::iter::once(self.path.clone());
        let beside = self
            .path
            .parent()
            .and_then(|folder| fs::read_dir(folder).ok());
        let beside = beside.into_iter().flatten().flatten();
        let beside = beside
            .filter(|entry| std::os::unix::fs::DirEntryExt::ino(entry) == self.ino)
            .map(|entry| entry.path());
        here.chain(beside).find_map(|path| {
            let file = File::open(&path).ok()?;
            self.is_in(&file)
                .then(|| Tail::at(file, path, self.offset))?
                .ok()
        })
    }
}

impl Tail {
    /// Opens a file at its beginning, or at its end.
    pub fn open(path: &Path, beginning: bool) -> io::Result<Self> {
        let file = File::open(path)?;
        let offset = if beginning { 0 } else { file.metadata()?.len() };
        Self::at(file, path.to_owned(), offset)
    }

    fn at(file: File, path: PathBuf, offset: u64) -> io::Result<Self> {
        let about = file.metadata()?;
        Ok(Self {
            file,
            path,
            dev: about.dev(),
            ino: about.ino(),
            read: offset,
            part: Vec::new(),
            cut: 0,
            buffer: Vec::new(),
        })
    }

    /// Device and number.
    pub const fn id(&self) -> (u64, u64) {
        (self.dev, self.ino)
    }

    /// Where it was seen last.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// It was seen there.
    pub fn seen_at(&mut self, path: &Path) {
        if self.path != path {
            path.clone_into(&mut self.path);
        }
    }

    /// The place that `offset` is.
    pub fn place(&self, offset: u64) -> Option<Place> {
        let head = offset.min(HEAD);
        Some(Place {
            path: self.path.clone(),
            dev: self.dev,
            ino: self.ino,
            offset,
            head,
            digest: digest_of(&self.file, head).ok()?,
        })
    }

    /// Whole lines that have come. True: there may be more at once. A file that has become shorter is begun anew: somebody
    /// has emptied it.
    pub fn more(&mut self, lines: &mut Vec<Read>) -> io::Result<bool> {
        if self.file.metadata()?.len() < self.read {
            self.read = 0;
            self.part.clear();
            self.cut = 0;
        }
        self.buffer.resize(CHUNK, 0);
        let count = self.file.read_at(&mut self.buffer, self.read)?;
        let buffer = std::mem::take(&mut self.buffer);
        for piece in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
            self.read += piece.len() as u64;
            match piece.split_last() {
                Some((b'\n', line)) => {
                    self.keep(line);
                    lines.push(self.line());
                }
                _ => self.keep(piece),
            }
        }
        self.buffer = buffer;
        if count < CHUNK {
            // Idle files need no buffer.
            self.buffer = Vec::new();
        }
        Ok(count == CHUNK)
    }

    /// The line whose end never came; for a file that nobody writes to any more.
    pub fn rest(&mut self) -> Option<Read> {
        (!self.part.is_empty()).then(|| self.line())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE.saturating_sub(self.part.len());
        let kept = bytes.len().min(room);
        self.part.extend_from_slice(&bytes[..kept]);
        self.cut += (bytes.len() - kept) as u64;
    }

    fn line(&mut self) -> Read {
        let part = std::mem::take(&mut self.part);
        let line = part.strip_suffix(b"\r").unwrap_or(&part);
        let read = Read {
            text: String::from_utf8_lossy(line).into_owned(),
            cut: std::mem::take(&mut self.cut),
            end: self.read,
        };
        if part.capacity() <= 4096 {
            self.part = part;
            self.part.clear();
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn texts(tail: &mut Tail) -> Vec<String> {
        let mut lines = Vec::new();
        while tail.more(&mut lines).unwrap() {}
        lines.into_iter().map(|line| line.text).collect()
    }

    fn append(path: &Path, text: &str) {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn lines_come_when_they_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        append(&path, "old\nhalf");
        let mut tail = Tail::open(&path, true).unwrap();
        assert_eq!(texts(&mut tail), ["old"]);
        append(&path, " done\r\n\u{e4}\n");
        assert_eq!(texts(&mut tail), ["half done", "\u{e4}"]);
        let mut late = Tail::open(&path, false).unwrap();
        assert_eq!(texts(&mut late), [""; 0]);
    }

    #[test]
    fn an_emptied_file_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        append(&path, "one\ntwo\n");
        let mut tail = Tail::open(&path, true).unwrap();
        assert_eq!(texts(&mut tail).len(), 2);
        File::create(&path).unwrap();
        append(&path, "new\n");
        assert_eq!(texts(&mut tail), ["new"]);
    }

    #[test]
    fn a_place_is_found_again_under_another_name_and_not_in_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        append(&path, "one\ntwo\nthree\n");
        let tail = Tail::open(&path, true).unwrap();
        let place = tail.place(8).unwrap();
        assert_eq!(texts(&mut place.find().unwrap()), ["three"]);
        fs::rename(&path, folder.path().join("a.log.1")).unwrap();
        append(&path, "other\n");
        assert_eq!(texts(&mut place.find().unwrap()), ["three"]);
        // The same number, another beginning.
        fs::write(folder.path().join("a.log.1"), "xne\ntwo\nthree\n").unwrap();
        assert!(place.find().is_none());
        fs::remove_file(folder.path().join("a.log.1")).unwrap();
        assert!(place.find().is_none());
    }

    #[test]
    fn a_line_without_end_takes_bounded_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        append(&path, &"x".repeat(3 * LINE));
        append(&path, "\nnext\n");
        let mut tail = Tail::open(&path, true).unwrap();
        let mut lines = Vec::new();
        while tail.more(&mut lines).unwrap() {}
        assert_eq!((lines[0].text.len(), lines[0].cut), (LINE, 2 * LINE as u64));
        assert_eq!(lines[1].text, "next");
    }
}
