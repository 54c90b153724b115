//! JSON as a tree that tells a key that stands twice, which `serde_json` would silently overwrite.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a text is no usable JSON.
#[derive(Debug, PartialEq, Eq)]
pub enum JsonFault {
    Malformed(String),
    /// An object has this key twice.
    Duplicated(String),
}

/// Reads a text. Nesting is bounded by the reader (128 levels).
pub fn parse(text: &[u8]) -> Result<Value, JsonFault> {
    let duplicate = std::cell::RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(without_bom(text));
    let value = Tree { duplicate: &duplicate }.deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value));
    match (value, duplicate.into_inner()) {
        (_, Some(key)) => Err(JsonFault::Duplicated(key)),
        (Ok(value), None) => Ok(value),
        (Err(error), None) => Err(JsonFault::Malformed(error.to_string())),
    }
}

/// A text without the byte order mark, which readers may ignore (RFC 8259, 8.1).
pub fn without_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

#[derive(Clone, Copy)]
struct Tree<'a> {
    duplicate: &'a std::cell::RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        Deserialize::deserialize(reader)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            if map.contains_key(&key) {
                self.duplicate.borrow_mut().get_or_insert(key);
                return Err(de::Error::custom("a key stands twice"));
            }
            let value = object.next_value_seed(self)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_told() {
        assert_eq!(parse(br#"{"a": [1, {"b": 1, "b": 2}]}"#), Err(JsonFault::Duplicated("b".into())));
        assert_eq!(parse(br#"{"a": [1, "x", null, 0.5]}"#).unwrap()["a"][3], 0.5);
        assert!(matches!(parse(b"{\"a\": "), Err(JsonFault::Malformed(_))));
        assert!(matches!(parse(b"[1] x"), Err(JsonFault::Malformed(_))));
        assert!(matches!(parse(&[b'['; 100_000]), Err(JsonFault::Malformed(_))));
    }
}
