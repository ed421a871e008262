//! What a source remembers over restarts: the place where it goes on, and its last two batches. Used by
//! [`Shipper`](super::Shipper).
//!
//! A batch and the place behind it are written in one piece, before the batch is given away, into the older of two files.
//! Given away does not mean on disk: the spool keeps its newest record in memory for a moment. But when the batch after it
//! has been taken, it is. So of all batches only the last two can be missing when the agent dies, and both are given
//! again, under their ids; whatever was there already is recognised by them.
//!
//! A crash in the middle of a write tears the older file, whose batch is on disk; its checksum tells. Then the other one
//! says where to go on, and the batch that was being written is read again from its source.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use chatops_schemas::{codec, envelope::Envelope, event::log::LogBatch};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

const DIGEST: usize = 8;

/// The two files of a source.
#[derive(Debug)]
pub struct Slots<C> {
    files: [PathBuf; 2],
    /// Number of the next batch; its parity says which file.
    next: u64,
    /// Whether a failure has been told.
    told: bool,
    place: std::marker::PhantomData<C>,
}

struct Slot<C> {
    number: u64,
    place: C,
    batch: Option<Envelope<LogBatch>>,
}

fn digest(bytes: &[u8]) -> [u8; DIGEST] {
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(&Sha256::digest(bytes)[..DIGEST]);
    digest
}

impl<C: Serialize + DeserializeOwned> Slots<C> {
    /// In this folder, which is made.
    pub fn open(folder: &Path, source: &str) -> Self {
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder);
        if let Err(error) = made {
            tracing::warn!("{} cannot be made: {error}", folder.display());
        }
        Self {
            files: ["0", "1"].map(|n| folder.join(format!("{source}.{n}"))),
            next: 0,
            told: false,
            place: std::marker::PhantomData,
        }
    }

    /// Where to go on, and the batches to be given again, in their order.
    pub fn load(&mut self) -> (Option<C>, Vec<Envelope<LogBatch>>) {
        let mut slots: Vec<Slot<C>> = self.files.iter().filter_map(|path| read(path)).collect();
        slots.sort_by_key(|slot| slot.number);
        self.next = slots.last().map_or(0, |slot| slot.number + 1);
        let mut place = None;
        let mut batches = Vec::new();
        for slot in slots {
            place = Some(slot.place);
            batches.extend(slot.batch);
        }
        (place, batches)
    }

    /// Writes a place without a batch before it.
    pub fn begin(&mut self, place: &C) {
        self.write(place, None);
    }

    /// Writes a batch and the place behind it. When that fails, a crash may double or lose lines, which is told.
    pub fn remember(&mut self, place: &C, batch: &Envelope<LogBatch>) {
        self.write(place, Some(batch));
    }

    fn write(&mut self, place: &C, batch: Option<&Envelope<LogBatch>>) {
        let number = self.next;
        self.next += 1;
        let path = &self.files[usize::from(number % 2 == 1)];
        match write(path, number, place, batch) {
            Ok(()) => self.told = false,
            Err(error) if !self.told => {
                self.told = true;
                tracing::warn!(
                    "{} cannot be written, so a crash may lose or double lines: {error}",
                    path.display()
                );
            }
            Err(_) => {}
        }
    }
}

/// `[digest 8][number 8][length of place 4][place JSON][event]`
fn write<C: Serialize>(
    path: &Path,
    number: u64,
    place: &C,
    batch: Option<&Envelope<LogBatch>>,
) -> io::Result<()> {
    let place = serde_json::to_vec(place)?;
    let event = match batch {
        Some(batch) => codec::encode(batch).map_err(io::Error::other)?,
        None => Vec::new(),
    };
    let length = u32::try_from(place.len()).map_err(io::Error::other)?;
    let mut bytes = vec![0; DIGEST];
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&place);
    bytes.extend_from_slice(&event);
    let digest = digest(&bytes[DIGEST..]);
    bytes[..DIGEST].copy_from_slice(&digest);
    let mut file = fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    io::Write::write_all(&mut file, &bytes)
}

fn read<C: DeserializeOwned>(path: &Path) -> Option<Slot<C>> {
    let bytes = fs::read(path).ok()?;
    let (sum, rest) = bytes.split_at_checked(DIGEST)?;
    if sum != digest(rest) {
        return None;
    }
    let (number, rest) = rest.split_at_checked(8)?;
    let (length, rest) = rest.split_at_checked(4)?;
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let (place, event) = rest.split_at_checked(length)?;
    Some(Slot {
        number: u64::from_le_bytes(number.try_into().ok()?),
        place: serde_json::from_slice(place).ok()?,
        batch: codec::decode(event).ok(),
    })
}

#[cfg(test)]
mod tests {
    use chatops_schemas::{
        clock::{IdSource, System, Timestamp},
        event::log::LogKind,
    };

    use super::*;

    fn batch(name: &str) -> Envelope<LogBatch> {
        let data = LogBatch {
            source: name.to_owned(),
            kind: LogKind::File,
            lines: vec![],
            dropped: vec![],
        };
        Envelope::new(System.event_id(), Timestamp::from_micros(7), data)
    }

    #[test]
    fn the_last_two_batches_and_the_last_place_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut slots = Slots::<u64>::open(folder.path(), "a");
        assert_eq!(slots.load().0, None);
        let batches: Vec<_> = (0..5).map(|n| batch(&n.to_string())).collect();
        for (place, batch) in (100u64..).zip(&batches) {
            slots.remember(&place, batch);
        }
        let (place, again) = Slots::<u64>::open(folder.path(), "a").load();
        assert_eq!((place, again), (Some(104), batches[3..].to_vec()));
        // A beginning has no batch, and does not forget the one before it.
        slots.begin(&7);
        let (place, again) = Slots::<u64>::open(folder.path(), "a").load();
        assert_eq!((place, again), (Some(7), batches[4..].to_vec()));
        // Another source knows nothing of it.
        assert_eq!(Slots::<u64>::open(folder.path(), "b").load().0, None);
    }

    #[test]
    fn a_torn_file_is_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut slots = Slots::<u64>::open(folder.path(), "a");
        let batches: Vec<_> = (0..4).map(|n| batch(&n.to_string())).collect();
        for (place, batch) in (0u64..).zip(&batches) {
            slots.remember(&place, batch);
        }
        let newest = folder.path().join("a.1");
        let bytes = fs::read(&newest).unwrap();
        for len in 0..bytes.len() {
            fs::write(&newest, &bytes[..len]).unwrap();
            let mut slots = Slots::<u64>::open(folder.path(), "a");
            assert_eq!(slots.load(), (Some(2), vec![batches[2].clone()]), "{len}");
            assert_eq!(slots.next, 3, "the torn one is written again");
        }
    }
}
