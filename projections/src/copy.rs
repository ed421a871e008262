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

/// The values of a row that `COPY … TO STDOUT (FORMAT binary)` wrote, in order. A value that is not there, or is not of the type
/// that is asked for, is `None`.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The database puts one row into a message. `None`: there is none in it, as at the end.
    pub(crate) fn of(message: &'a [u8]) -> Option<Self> {
        let mut rest = message;
        if let Some(behind) = rest.strip_prefix(SIGNATURE) {
            // Flags, and a header of a length that is told.
            rest = behind.get(4..)?;
            let more = usize::try_from(take(&mut rest).map(i32::from_be_bytes)?).ok()?;
            rest = rest.get(more..)?;
        }
        let fields = take(&mut rest).map(i16::from_be_bytes)?;
        (fields >= 0).then_some(Self { rest })
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(take(&mut self.rest).map(i32::from_be_bytes)?).ok()?;
        let (value, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(value)
    }

    pub(crate) fn integer(&mut self) -> Option<i32> {
        self.next()?.try_into().ok().map(i32::from_be_bytes)
    }

    pub(crate) fn bigint(&mut self) -> Option<i64> {
        self.next()?.try_into().ok().map(i64::from_be_bytes)
    }

    pub(crate) fn timestamp(&mut self) -> Option<Timestamp> {
        let micros = self.bigint()?.saturating_add(EPOCH_MICROS);
        Some(Timestamp::from_micros(micros))
    }

    pub(crate) fn real(&mut self) -> Option<f32> {
        self.next()?.try_into().ok().map(f32::from_be_bytes)
    }

    /// The values of an array, in place of what was in `values`; none of them when there is no array.
    pub(crate) fn reals(&mut self, values: &mut Vec<Option<f32>>) {
        values.clear();
        // Dimensions, flag for holes, type, length and first index.
        let Some(elements) = self.next().and_then(|array| array.get(20..)) else {
            return;
        };
        let mut elements = Self { rest: elements };
        while !elements.rest.is_empty() {
            values.push(elements.real());
        }
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut rows = Rows::new(6);
        rows.begin();
        rows.timestamp(Timestamp::from_micros(1_700_000_000_123_456));
        rows.bigint(-7);
        rows.integer(42);
        rows.real(Some(1.5));
        rows.real(None);
        rows.reals(3, |rows| {
            for value in [Some(1.0), None, Some(3.0)] {
                rows.real(value);
            }
        });
        let bytes = rows.finish();
        // The mark of the end, as it comes in a message of its own.
        let (row, end) = bytes.split_at(bytes.len() - 2);
        let mut fields = Fields::of(row).unwrap();
        assert_eq!(
            fields.timestamp().map(Timestamp::micros),
            Some(1_700_000_000_123_456)
        );
        assert_eq!(fields.bigint(), Some(-7));
        assert_eq!(fields.integer(), Some(42));
        assert_eq!((fields.real(), fields.real()), (Some(1.5), None));
        let mut values = vec![Some(9.0)];
        fields.reals(&mut values);
        assert_eq!(values, [Some(1.0), None, Some(3.0)]);
        assert_eq!(fields.real(), None, "nothing is left");
        fields.reals(&mut values);
        assert!(values.is_empty());
        assert!(Fields::of(end).is_none());
        assert!(Fields::of(&[]).is_none());
    }
}
