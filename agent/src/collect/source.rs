//! A kernel file that is opened once and read again and again. Used by every reader beside this file.
//!
//! `pread` at offset 0 of an open `/proc` file gives fresh contents for one system call; opening by path costs three
//! times as much and allocates. A file that could not be opened is tried again at each reading, because modules and
//! devices come late.

use std::{fs::File, io, os::unix::fs::FileExt as _, path::PathBuf};

/// Kernel texts longer than this are cut: far above 10,000 mounts, far below what would hurt.
const MAX_BYTES: usize = 8 * 1024 * 1024;
const FIRST_BYTES: usize = 8 * 1024;

/// Where the kernel's file systems are mounted. Tests point it to trees of their own.
#[derive(Debug, Clone)]
pub struct Roots {
    /// `/proc`.
    pub proc: PathBuf,
    /// `/sys`.
    pub sys: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            proc: "/proc".into(),
            sys: "/sys".into(),
        }
    }
}

/// An open kernel file.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    file: Option<File>,
}

impl Source {
    /// Opens on first reading.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            file: None,
        }
    }

    /// The open file, for those that can announce changes.
    pub(crate) fn file(&mut self) -> io::Result<&File> {
        if self.file.is_none() {
            self.file = Some(File::open(&self.path)?);
        }
        self.file
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The whole text, in a buffer that is used again.
    pub(crate) fn read<'buffer>(
        &mut self,
        buffer: &'buffer mut Vec<u8>,
    ) -> io::Result<&'buffer [u8]> {
        match read_all(self.file()?, buffer) {
            Ok(len) => Ok(&buffer[..len]),
            Err(error) => {
                self.file = None;
                Err(error)
            }
        }
    }
}

fn read_all(file: &File, buffer: &mut Vec<u8>) -> io::Result<usize> {
    if buffer.len() < FIRST_BYTES {
        buffer.resize(FIRST_BYTES, 0);
    }
    let mut len = 0;
    loop {
        // Kernel files may give less than asked for although more follows: only 0 is the end.
        match file.read_at(&mut buffer[len..], len as u64) {
            Ok(0) => return Ok(len),
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if len == buffer.len() {
            if len >= MAX_BYTES {
                return Ok(len);
            }
            buffer.resize(len * 2, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_live_file_again_and_again() {
        let mut source = Source::new("/proc/self/stat");
        let mut buffer = Vec::new();
        let first = source.read(&mut buffer).unwrap().to_vec();
        assert_eq!(
            source
                .read(&mut buffer)
                .unwrap()
                .split(|b| *b == b' ')
                .next(),
            first.split(|b| *b == b' ').next()
        );
    }

    #[test]
    fn reads_more_than_its_first_buffer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long");
        std::fs::write(&path, vec![b'x'; 100_000]).unwrap();
        assert_eq!(
            Source::new(&path).read(&mut Vec::new()).unwrap().len(),
            100_000
        );
    }

    #[test]
    fn a_missing_file_is_an_error_until_it_appears() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("late");
        let mut source = Source::new(&path);
        assert!(source.read(&mut Vec::new()).is_err());
        std::fs::write(&path, "here").unwrap();
        assert_eq!(source.read(&mut Vec::new()).unwrap(), b"here");
    }
}
