//! Reads JSON and MessagePack of strangers into one kind of value, and refuses what either can smuggle in: numbers that
//! are none, deep nesting, bytes behind the end, keys that are not text. Pure.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use uuid::Uuid;

/// Deepest accepted nesting. A sample has four levels.
const DEPTH: u8 = 16;

/// Reads JSON text.
pub(super) fn from_json(text: &[u8]) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { depth: DEPTH }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| error.to_string())
}

/// Reads MessagePack.
pub(super) fn from_msgpack(bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes;
    let value = Strict { depth: DEPTH }
        .deserialize(&mut rmp_serde::Deserializer::new(&mut rest))
        .map_err(|error| error.to_string())?;
    match rest.len() {
        0 => Ok(value),
        tail => Err(format!("{tail} bytes follow the end")),
    }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: u8,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth }),
            None => Err(E::custom(format!("nested deeper than {DEPTH} levels"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map, list, text, number, boolean or null")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<Value, E> {
        Number::from_f64(v)
            .map(Value::Number)
            .ok_or_else(|| E::custom("NaN and infinities are not readings; leave the field out"))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_bytes<E: Error>(self, v: &[u8]) -> Result<Value, E> {
        // The binary form of an id is the only binary data that has a meaning here.
        Uuid::from_slice(v)
            .map(|id| id.to_string().into())
            .map_err(|_| E::custom("binary data is not accepted"))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        // No capacity from the claimed length: the claim is the sender's.
        let mut list = Vec::new();
        while let Some(item) = seq.next_element_seed(deeper)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut map = Map::new();
        while let Some(Key(key)) = access.next_key()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom("a key appears twice"));
            }
            map.insert(key, access.next_value_seed(deeper)?);
        }
        Ok(Value::Object(map))
    }
}

struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_encodings_read_alike() {
        let value =
            json!({"a": [1, -2, 1.5, null, true, "x"], "b": {"c": 18_446_744_073_709_551_615_u64}});
        let text = serde_json::to_vec(&value).expect("json");
        let bytes = rmp_serde::to_vec_named(&value).expect("msgpack");
        assert_eq!(from_json(&text), Ok(value.clone()));
        assert_eq!(from_msgpack(&bytes), Ok(value));
    }

    #[test]
    fn ids_may_be_binary() {
        let id = Uuid::from_u128(7);
        let mut bytes = vec![0xc4, 16];
        bytes.extend_from_slice(id.as_bytes());
        assert_eq!(from_msgpack(&bytes), Ok(json!(id.to_string())));
        assert!(from_msgpack(&[0xc4, 2, 1, 2]).is_err());
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        for v in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(from_msgpack(&rmp_serde::to_vec(&v).expect("msgpack")).is_err());
        }
        for text in ["NaN", "Infinity", "[1e999]", "{\"a\":-1e999}"] {
            assert!(from_json(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn hostile_bytes_are_refused_without_effort() {
        let deep_json = "[".repeat(20_000);
        let deep_msgpack = vec![0x91; 20_000];
        assert!(from_json(deep_json.as_bytes()).is_err());
        assert!(from_msgpack(&deep_msgpack).is_err());
        for bytes in [
            &[][..],
            &[0xdd, 0xff, 0xff, 0xff, 0xff], // a list of 4 billion
            &[0xdf, 0xff, 0xff, 0xff, 0xff], // a map of 4 billion
            &[0xdb, 0xff, 0xff, 0xff, 0xff], // a text of 4 GiB
            &[0xc6, 0xff, 0xff, 0xff, 0xff], // 4 GiB of bytes
            &[0x81, 0x01, 0x01],             // a key that is a number
            &[0xc1],                         // never used
            &[0xd4, 0x01, 0x01],             // an extension
            &[0xc0, 0xc0],                   // two values
            &[0xa1, 0xff],                   // text that is not UTF-8
            &[0x82, 0xa1, b'a', 1, 0xa1, b'a', 2], // a key twice
        ] {
            assert!(from_msgpack(bytes).is_err(), "{bytes:x?}");
        }
        for text in [
            "",
            "{",
            "{}{}",
            "{\"a\":1,\"a\":2}",
            "\u{feff}{}",
            "{'a':1}",
            "\0",
        ] {
            assert!(from_json(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
