//! A moment as text: RFC 3339, UTC, always three decimals, so that texts sort like moments.

use chatops_schemas::clock::Timestamp;
use serde::{Serialize, Serializer};
use time::{format_description::BorrowedFormatItem, macros::format_description};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A moment in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// From Unix seconds; saturates.
    pub const fn of_seconds(seconds: i64) -> Self {
        Self(Timestamp::from_millis(seconds.saturating_mul(1000)))
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.to_datetime().and_then(|at| at.format(FORMAT).ok()) {
            Some(text) => f.write_str(&text),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        let examples = ["2026-11-22T10:15:00.000Z"];
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(format))
            .examples(examples)
            .into()
    }
}

impl ToSchema for Moment {
    fn name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_decimals_always() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_500_000, "1970-01-01T00:00:01.500Z"),
            (1_795_000_000_123_456, "2026-11-18T11:06:40.123Z"),
        ] {
            assert_eq!(Moment(Timestamp::from_micros(micros)).to_string(), text);
        }
    }
}
