//! Old readers, new readers, and what lies between them.

use chatops_schemas::{
    codec::{self, DecodeError},
    envelope::Envelope,
    event::{Event, metric::Sample},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::examples::wrap;

/// A payload with a history: version 1 had gigabytes, version 2 has bytes, version 3 split off the unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Grown {
    bytes: u64,
    #[serde(default)]
    unit: Option<String>,
}

impl Event for Grown {
    const TYPE: &'static str = "test.grown";
    const VERSION: u16 = 3;

    fn upcast(from: u16, mut data: Value) -> Option<Value> {
        match from {
            1 => Some(json!({ "bytes": data.get("gb")?.as_u64()? << 30 })),
            2 => {
                data["unit"] = json!("B");
                Some(data)
            }
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Old {
    gb: u64,
}

impl Event for Old {
    const TYPE: &'static str = "test.grown";
    const VERSION: u16 = 1;
}

#[test]
fn an_old_version_is_brought_up_step_by_step() {
    let bytes = codec::encode(&wrap(Old { gb: 2 })).unwrap();
    let event: Envelope<Grown> = codec::decode(&bytes).unwrap();
    assert_eq!(
        event.data,
        Grown {
            bytes: 2 << 30,
            unit: Some("B".into())
        }
    );
    assert_eq!(event.ver, 3);
}

#[test]
fn a_version_that_never_was_has_no_path() {
    let mut event = wrap(Old { gb: 2 });
    event.ver = 0;
    let error = codec::decode::<Grown>(&codec::encode(&event).unwrap()).unwrap_err();
    assert!(
        matches!(
            error,
            DecodeError::NoUpcast {
                found: 0,
                known: 3,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_newer_version_stops_the_reader() {
    let mut event = wrap(Sample::default());
    event.ver = 2;
    let error = codec::decode::<Sample>(&codec::encode(&event).unwrap()).unwrap_err();
    assert!(error.needs_upgrade(), "{error}");
}

#[test]
fn unknown_fields_are_ignored_and_missing_ones_are_empty() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Tomorrow {
        quantum_flux: f64,
    }
    impl Event for Tomorrow {
        const TYPE: &'static str = Sample::TYPE;
        const VERSION: u16 = Sample::VERSION;
    }
    let bytes = codec::encode(&wrap(Tomorrow { quantum_flux: 1.0 })).unwrap();
    assert_eq!(
        codec::decode::<Sample>(&bytes).unwrap().data,
        Sample::default()
    );
}

#[test]
fn another_type_is_told_apart() {
    let bytes = codec::encode(&wrap(Old { gb: 1 })).unwrap();
    assert!(
        matches!(codec::decode::<Sample>(&bytes), Err(DecodeError::UnknownType(kind)) if kind == "test.grown")
    );
    assert!(matches!(
        codec::decode_any(&bytes),
        Err(DecodeError::UnknownType(_))
    ));
}
