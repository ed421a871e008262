//! Rows in the binary format of `COPY`: what the database reads fastest, and the only one that takes a batch of arrays of
//! different lengths as they are. Measured against `UNNEST` of column arrays it costs the database 2.7 instead of 7.1 µs
//! for a row of 24 numbers.

use bytes::{BufMut, Bytes, BytesMut};
use chatops_schemas::clock::Timestamp;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Type number of `real` in every PostgreSQL.
const REAL: u32 = 700;
/// 2000-01-01, from which PostgreSQL counts.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Collects rows.
#[derive(Debug)]
pub(crate) struct Rows {
    buffer: BytesMut,
    columns: i16,
    rows: usize,
    /// Whether the array being written has one.
    holes: bool,
}

impl Rows {
    /// Each row will have `columns` values.
    pub(crate) fn new(columns: usize) -> Self {
        let mut buffer = BytesMut::new();
        buffer.put_slice(SIGNATURE);
        buffer.put_u64(0);
        Self {
            buffer,
            columns: i16::try_from(columns).unwrap_or(i16::MAX),
            rows: 0,
            holes: false,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Starts a row; every value must follow, in the order of the columns.
    pub(crate) fn begin(&mut self) {
        self.rows += 1;
        self.buffer.put_i16(self.columns);
    }

    pub(crate) fn integer(&mut self, value: i32) {
        self.buffer.put_i32(4);
        self.buffer.put_i32(value);
    }

    pub(crate) fn bigint(&mut self, value: i64) {
        self.buffer.put_i32(8);
        self.buffer.put_i64(value);
    }

    pub(crate) fn timestamp(&mut self, value: Timestamp) {
        self.bigint(value.micros().saturating_sub(EPOCH_MICROS));
    }

    pub(crate) fn real(&mut self, value: Option<f32>) {
        match value {
            Some(value) => {
                self.buffer.put_i32(4);
                self.buffer.put_f32(value);
            }
            None => {
                self.holes = true;
                self.buffer.put_i32(-1);
            }
        }
    }

    /// An array of the `len` values that `fill` adds with [`Self::real`]; NULL when there are none.
    pub(crate) fn reals(&mut self, len: usize, fill: impl FnOnce(&mut Self)) {
        if len == 0 {
            self.buffer.put_i32(-1);
            return;
        }
        let start = self.buffer.len();
        // Size and the flag for holes are known afterwards.
        self.buffer.put_i32(0);
        self.buffer.put_i32(1);
        self.buffer.put_i32(0);
        self.buffer.put_u32(REAL);
        self.buffer.put_i32(i32::try_from(len).unwrap_or(i32::MAX));
        self.buffer.put_i32(1);
        self.holes = false;
        fill(self);
        let size = i32::try_from(self.buffer.len() - start - 4).unwrap_or(i32::MAX);
        self.buffer[start..start + 4].copy_from_slice(&size.to_be_bytes());
        if self.holes {
            self.buffer[start + 8..start + 12].copy_from_slice(&1_i32.to_be_bytes());
        }
    }

    /// All bytes of the `COPY`.
    pub(crate) fn finish(mut self) -> Bytes {
        self.buffer.put_i16(-1);
        self.buffer.freeze()
    }
}
