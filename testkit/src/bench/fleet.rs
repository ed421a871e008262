//! A simulated fleet: what a thousand hosts would say, encoded beforehand so that the generator costs the machine little.
//!
//! Each host walks at random through plausible values (percentages with one decimal, memory in 4 KiB steps), because
//! noise would not compress and constants would compress too well. A few readings of every host are encoded once; a
//! message is a copy of one with a fresh id, time and counter written over the old ones.

mod host;

use anyhow::{Context, bail};
use bytes::{BufMut, BytesMut};
use chatops_schemas::{
    clock::Timestamp,
    codec,
    envelope::Envelope,
    event::{Event, metric::Sample},
    ids::{EventId, ServerId},
    subject,
};
use uuid::Uuid;

use host::Walk;

/// Readings of a host that differ from each other; after them they repeat.
const READINGS: usize = 8;
/// Marks that are searched for in the encoded event, to be written over.
const MARK_ID: Uuid = Uuid::from_u128(0x1f2e_3d4c_5b6a_7988_8796_a5b4_c3d2_e1f0);
const MARK_TIME: i64 = 0x0005_1a2b_3c4d_5e6f;
const MARK_COUNT: u64 = 0x7172_7374_7576_7778;

/// What hosts report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// 24 numbers: the load that other systems were measured with.
    Small,
    /// A host with eight cores, a few disks and interfaces, and containers: 200 stored numbers, and what else travels.
    Full,
}

/// One encoded reading, and where its marks lie.
#[derive(Debug)]
struct Reading {
    bytes: Vec<u8>,
    id_at: usize,
    time_at: usize,
    count_at: usize,
}

/// One host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) server: ServerId,
    pub(super) subject: String,
    readings: Vec<Reading>,
    sent: u64,
}

/// Fresh version 7 ids without asking the system for chance each time.
#[derive(Debug)]
pub(super) struct Ids(u64);

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self, now: Timestamp) -> Uuid {
        let millis = u128::from(now.millis().unsigned_abs() & 0xffff_ffff_ffff);
        let (high, low) = (
            u128::from(random(&mut self.0) & 0xfff),
            u128::from(random(&mut self.0) >> 2),
        );
        Uuid::from_u128(millis << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
    }
}

/// splitmix64: fast, and even enough for loads.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Host {
    /// Prepares the host's readings.
    pub(super) fn new(server: ServerId, shape: Shape, seed: u64) -> anyhow::Result<Self> {
        let mut walk = Walk::new(shape, seed);
        let readings = (0..READINGS)
            .map(|_| Reading::new(&server, walk.step()))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            subject: subject::metrics(&server),
            server,
            readings,
            sent: 0,
        })
    }

    /// Bytes of one event: the same for all of them.
    pub(super) fn event_bytes(&self) -> usize {
        self.readings
            .first()
            .map_or(0, |reading| reading.bytes.len())
    }

    /// Writes the next event.
    pub(super) fn write(&mut self, out: &mut BytesMut, id: Uuid, time: Timestamp) {
        let place = usize::try_from(self.sent).unwrap_or(0) % self.readings.len();
        let reading = &self.readings[place];
        let begin = out.len();
        out.put_slice(&reading.bytes);
        self.sent += 1;
        let event = &mut out[begin..];
        event[reading.id_at..reading.id_at + 16].copy_from_slice(id.as_bytes());
        event[reading.time_at..reading.time_at + 8].copy_from_slice(&time.micros().to_be_bytes());
        event[reading.count_at..reading.count_at + 8]
            .copy_from_slice(&(MARK_COUNT + self.sent).to_be_bytes());
    }
}

impl Reading {
    fn new(server: &ServerId, sample: Sample) -> anyhow::Result<Self> {
        sample.validate().context("make a sample")?;
        let mut event = Envelope::new(EventId(MARK_ID), Timestamp::from_micros(MARK_TIME), sample)
            .about(server.clone());
        event.boot = Some("00000000-bench-boot".to_owned());
        event.n = Some(MARK_COUNT);
        let bytes = codec::encode(&event).context("encode a sample")?;
        Ok(Self {
            id_at: only(&bytes, MARK_ID.as_bytes())?,
            time_at: only(&bytes, &MARK_TIME.to_be_bytes())?,
            count_at: only(&bytes, &MARK_COUNT.to_be_bytes())?,
            bytes,
        })
    }
}

fn only(bytes: &[u8], mark: &[u8]) -> anyhow::Result<usize> {
    let mut places = memchr::memmem::find_iter(bytes, mark);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        _ => bail!("an encoded event holds its mark more than once or not at all"),
    }
}

/// Numbers of a sample that become numbers of its row: names, process lists and totals since boot are not counted.
pub(super) fn values(shape: Shape) -> usize {
    host::stored(&Walk::new(shape, 0).step())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_the_promised_values() {
        assert_eq!(values(Shape::Small), 24);
        assert_eq!(values(Shape::Full), 200);
    }

    #[test]
    fn written_events_are_events() {
        let server = ServerId::parse("bench-1").unwrap();
        for shape in [Shape::Small, Shape::Full] {
            let mut host = Host::new(server.clone(), shape, 7).unwrap();
            let mut ids = Ids::new(1);
            let mut earlier = None;
            for second in 0..20 {
                let now = Timestamp::from_millis(1_790_000_000_000 + second * 1000);
                let id = ids.next(now);
                assert_eq!(id.get_version_num(), 7);
                let mut out = BytesMut::new();
                host.write(&mut out, id, now);
                assert_eq!(out.len(), host.event_bytes());
                let event = codec::decode::<Sample>(&out).unwrap();
                assert_eq!(
                    (event.id, event.time, event.server.as_ref()),
                    (EventId(id), now, Some(&server))
                );
                assert_ne!(earlier.replace(event.n), Some(event.n));
            }
        }
    }

    #[test]
    fn ids_do_not_repeat() {
        let mut ids = Ids::new(3);
        let now = Timestamp::from_millis(1_790_000_000_000);
        let all: std::collections::HashSet<Uuid> = (0..10_000).map(|_| ids.next(now)).collect();
        assert_eq!(all.len(), 10_000);
    }
}
