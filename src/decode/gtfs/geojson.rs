//! `locations.geojson` of GTFS (reference, "locations.geojson"; RFC 7946) becomes rows: one of each feature.
//!
//! The text is read as it stands, without a tree of it, so that it takes no more than itself and the texts of the cells.

use std::fmt::{self, Write};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt32Array, UInt64Array, new_null_array};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::json::without_bom;
use crate::contract::{Contract, Kind};
use crate::table::Chunk;

/// A file with more features is no timetable's.
const MOST_FEATURES: usize = 100_000;
/// The most keys of an object.
const MOST_KEYS: usize = 1_000;

/// The rows of the file's text; `None` if it has none.
///
/// # Errors
/// The text is no collection of features, or has more of them than are read.
pub(super) fn rows(text: &[u8], contract: &Contract) -> Result<Option<Chunk>, String> {
    let names: Vec<&str> = contract.columns.iter().map(|column| column.name.as_str()).collect();
    let mut reader = serde_json::Deserializer::from_slice(without_bom(text));
    let collection = Collection(&names).deserialize(&mut reader);
    let features = collection.and_then(|features| reader.end().map(|()| features));
    let features = features.map_err(|error| format!("not a GeoJSON feature collection: {error}"))?;
    if features.is_empty() {
        return Ok(None);
    }
    let count = features.len();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (place, column) in contract.columns.iter().enumerate() {
        columns.push(match column.kind {
            Kind::Text => {
                let cell = |feature: &Vec<Option<String>>| feature[place].clone().filter(|text| !text.is_empty());
                Arc::new(features.iter().map(cell).collect::<StringArray>())
            }
            other => new_null_array(&other.data_type(), count),
        });
    }
    columns.push(Arc::new(UInt32Array::from_value(0, count)));
    columns.push(Arc::new(UInt64Array::from_iter_values(0..count as u64)));
    let rows = RecordBatch::try_new(contract.chunk_schema(), columns).map_err(|error| error.to_string())?;
    Ok(Some(Chunk { rows, flaws: Vec::new(), remarks: Default::default() }))
}

/// An object with a list of features; each is the texts of the columns with these names.
struct Collection<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Collection<'_> {
    type Value = Vec<Vec<Option<String>>>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Collection<'_> {
    type Value = Vec<Vec<Option<String>>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with features")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut features = None;
        while let Some(key) = object.next_key::<String>()? {
            if key != "features" {
                object.next_value::<IgnoredAny>()?;
            } else if features.replace(object.next_value_seed(Features(self.0))?).is_some() {
                return Err(A::Error::duplicate_field("features"));
            }
        }
        features.ok_or_else(|| A::Error::missing_field("features"))
    }
}

struct Features<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Features<'_> {
    type Value = Vec<Vec<Option<String>>>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Features<'_> {
    type Value = Vec<Vec<Option<String>>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut features = Vec::new();
        while let Some(feature) = list.next_element_seed(Feature(self.0))? {
            if features.len() == MOST_FEATURES {
                return Err(A::Error::custom(format!("it has more than {MOST_FEATURES} features")));
            }
            features.push(feature);
        }
        Ok(features)
    }
}

struct Feature<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Feature<'_> {
    type Value = Vec<Option<String>>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Feature<'_> {
    type Value = Vec<Option<String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a feature")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        #[derive(serde::Deserialize)]
        struct Typed {
            r#type: Option<serde_json::Value>,
        }
        let mut cells = vec![None; self.0.len()];
        let mut set = |name: &str, text: Option<String>| {
            if let Some(place) = self.0.iter().position(|other| *other == name) {
                cells[place] = text;
            }
        };
        while let Some(key) = object.next_key::<String>()? {
            match key.as_str() {
                "id" => set("id", object.next_value::<Plain>()?.0),
                "geometry" => {
                    let text = object.next_value::<Compact>()?.0;
                    let text = Some(text).filter(|text| text != "null");
                    let typed = text.as_ref().and_then(|text| serde_json::from_str::<Typed>(text).ok());
                    let kind = typed.and_then(|typed| typed.r#type);
                    set(
                        "geometry_type",
                        kind.map(|kind| kind.as_str().map_or_else(|| kind.to_string(), str::to_owned)),
                    );
                    set("geometry", text);
                }
                "properties" => {
                    for (name, text) in object.next_value_seed(Properties(self.0))? {
                        set(&name, text);
                    }
                }
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(cells)
    }
}

/// The properties that are columns, as plain texts. One that is null is absent.
struct Properties<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Properties<'_> {
    type Value = Vec<(String, Option<String>)>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Properties<'_> {
    type Value = Vec<(String, Option<String>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("properties")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut found: Vec<(String, Option<String>)> = Vec::new();
        while let Some(key) = object.next_key::<String>()? {
            let is_column =
                self.0.contains(&key.as_str()) && !matches!(key.as_str(), "id" | "geometry" | "geometry_type");
            if !is_column {
                object.next_value::<IgnoredAny>()?;
                continue;
            }
            let text = object.next_value::<Plain>()?.0;
            match found.iter_mut().find(|(name, _)| *name == key) {
                Some((_, before)) => *before = text,
                None => found.push((key, text)),
            }
        }
        Ok(found)
    }
}

/// A value as the text of a cell: a text without its quotes; null is none.
struct Plain(Option<String>);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let mut out = String::new();
        let is_null = Writer { out: &mut out, quotes: false }.deserialize(reader)?;
        Ok(Self((!is_null).then_some(out)))
    }
}

/// A value as JSON without blanks.
struct Compact(String);

impl<'de> Deserialize<'de> for Compact {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let mut out = String::new();
        Writer { out: &mut out, quotes: true }.deserialize(reader)?;
        Ok(Self(out))
    }
}

/// Writes what is read as JSON without blanks; says whether it is null. A key that stands twice has its last value.
struct Writer<'a> {
    out: &'a mut String,
    /// Whether a text has its quotes.
    quotes: bool,
}

impl Writer<'_> {
    fn put<E: Error>(self, value: impl fmt::Display) -> Result<bool, E> {
        write!(self.out, "{value}").map_err(E::custom)?;
        Ok(false)
    }
}

impl<'de> DeserializeSeed<'de> for Writer<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Writer<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        self.put(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<bool, E> {
        self.put(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        self.put(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<bool, E> {
        // JSON has no number that is not finite.
        match serde_json::Number::from_f64(value) {
            Some(number) => self.put(number),
            None => self.put("null"),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<bool, E> {
        match self.quotes {
            true => self.put(serde_json::to_string(value).map_err(E::custom)?),
            false => self.put(value),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        self.put::<E>("null")?;
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        self.out.push('[');
        let mut is_first = true;
        loop {
            let end = self.out.len();
            if !is_first {
                self.out.push(',');
            }
            if list.next_element_seed(Writer { out: &mut *self.out, quotes: true })?.is_none() {
                self.out.truncate(end);
                break;
            }
            is_first = false;
        }
        self.out.push(']');
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<bool, A::Error> {
        let mut entries: Vec<(String, String)> = Vec::new();
        while let Some(key) = object.next_key::<String>()? {
            let text = object.next_value::<Compact>()?.0;
            if let Some((_, before)) = entries.iter_mut().find(|(other, _)| *other == key) {
                *before = text;
                continue;
            }
            if entries.len() == MOST_KEYS {
                return Err(A::Error::custom(format!("an object has more than {MOST_KEYS} keys")));
            }
            entries.push((key, text));
        }
        self.out.push('{');
        for (place, (key, text)) in entries.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let key = serde_json::to_string(key).map_err(A::Error::custom)?;
            write!(self.out, "{comma}{key}:{text}").map_err(A::Error::custom)?;
        }
        self.out.push('}');
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9_f64).prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec(("[a-c\"]{0,2}", inner), 0..5)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_is_written_as_by_serde_json(value in value()) {
            let spread = serde_json::to_string_pretty(&value).unwrap();
            // Its numbers, too, are those that serde_json reads.
            let value: Value = serde_json::from_str(&spread).unwrap();
            let Compact(compact) = serde_json::from_str(&spread).unwrap();
            prop_assert_eq!(&compact, &value.to_string());
            let Plain(plain) = serde_json::from_str(&spread).unwrap();
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            prop_assert_eq!(plain, (!value.is_null()).then_some(text));
        }
    }

    #[test]
    fn what_is_no_collection_of_features_is_told() {
        let library = crate::contract::library::Library::gtfs();
        let contract = library.get("locations").unwrap();
        for (text, expected) in [
            ("[]", "expected an object with features"),
            ("{}", "missing field `features`"),
            ("{\"features\": 1}", "expected a list of features"),
            ("{\"features\": [1]}", "expected a feature"),
            ("{\"features\": [{\"properties\": 1}]}", "expected properties"),
            ("{\"features\": []} x", "trailing characters"),
            (&format!("{{\"features\": [{}{{}}]}}", "{},".repeat(MOST_FEATURES)), "more than 100000 features"),
        ] {
            let error = rows(text.as_bytes(), contract).err().unwrap();
            assert!(error.contains(expected), "{error}");
        }
        assert!(rows(b"{\"features\": []}", contract).unwrap().is_none());
    }
}
