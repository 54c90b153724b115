//! Our custom properties of a column: how it is written, rounded and looked at, and its values.

use crate::contract::odcs::options::held;
use crate::contract::odcs::section::{Section, Told, choose};
use crate::contract::odcs::words;
use crate::contract::{Classification, Encoding, EnumValue, Kind, written};
use crate::yaml::{Node, Value};

/// The encoding that a column is to have; readers know splits of floating point numbers only, and no differences of them.
pub(super) fn encoding(property: &Section<'_>, kind: Kind, unique: bool, told: &mut Told) -> Option<Encoding> {
    let word = property.custom("encoding");
    let encoding = choose(word, "encoding", words::ENCODINGS, &mut told.fit)?;
    let remedy = match (encoding, kind) {
        (Encoding::Plain, _) => return Some(encoding),
        (_, Kind::Boolean) => "Write 'plain', or leave it out.",
        (Encoding::Delta, Kind::Float) => "Write 'byteStreamSplit', 'dictionary' or 'plain'.",
        (Encoding::ByteStreamSplit, kind) if kind != Kind::Float => "Write 'delta', 'dictionary' or 'plain'.",
        (Encoding::Dictionary, _) if unique => "Write 'delta': no value comes twice.",
        _ => return Some(encoding),
    };
    let word = word.and_then(Node::scalar).unwrap_or_default();
    let line = property.line_of_custom("encoding");
    told.fit.add(line, format!("'{word}' is no encoding of this column"), remedy);
    None
}

/// Whether row groups have a Bloom filter of the column: of texts and whole numbers, by which rows are looked up.
pub(super) fn bloom_filter(
    property: &Section<'_>,
    kind: Kind,
    classification: Classification,
    told: &mut Told,
) -> bool {
    let Some(value) = property.custom("bloomFilter") else { return false };
    let (is_wanted, is_public) = (value.bool(), classification == Classification::Public);
    if is_wanted.is_none() {
        told.fit.add(value.line, "'bloomFilter' is neither true nor false", "Write true or false.");
    } else if !matches!(kind, Kind::Text | Kind::Int32 | Kind::Int64) || !is_public {
        let message = "'bloomFilter' stands at a column that is no public text or whole number";
        told.fit.add(value.line, message, "Remove it: rows are looked up by ids.");
    }
    is_wanted.unwrap_or_default()
}

/// The step of a timestamp's published values, in seconds.
pub(super) fn round_to(
    property: &Section<'_>,
    kind: Kind,
    classification: Classification,
    told: &mut Told,
) -> Option<u32> {
    let value = property.custom("roundTo")?;
    let text = value.scalar().unwrap_or_default();
    let seconds = text.trim().strip_suffix('s').and_then(|number| number.trim_end().parse().ok());
    let seconds = seconds.filter(|seconds| (1..=60).contains(seconds));
    if kind != Kind::Instant || classification != Classification::Public {
        let message = "'roundTo' stands at a column that is no public timestamp";
        told.fit.add(value.line, message, "Remove it: only timestamps that are published are rounded.");
    } else if seconds.is_none() {
        let remedy =
            "Write 'roundTo' with '5 s', or another number of whole seconds from '1 s' (as they are) to '60 s'.";
        told.fit.add(value.line, format!("'{text}' is no step of 1 to 60 seconds"), remedy);
    }
    seconds
}

/// Why a column may hold texts that look personal.
pub(super) fn allows_private_text(
    property: &Section<'_>,
    kind: Kind,
    classification: Classification,
    told: &mut Told,
) -> Option<String> {
    let value = property.custom("allowsPrivateText")?;
    let reason = value.scalar().unwrap_or_default().trim().to_owned();
    if kind != Kind::Text || classification != Classification::Public {
        let message = "'allowsPrivateText' stands at a column that is no public text";
        told.fit.add(value.line, message, "Remove it: only texts that are published are looked at.");
    } else if reason.len() < 3 || reason.eq_ignore_ascii_case("true") {
        let remedy = "Write why, such as 'the telephone of the customer service'.";
        told.fit.add(value.line, "'allowsPrivateText' gives no reason", remedy);
    }
    Some(reason)
}

/// The addresses of what decides about a column (`authoritativeDefinitions`). What has none of the form says nothing here.
pub(super) fn definitions(property: &Section<'_>) -> Vec<String> {
    let list = property.get("authoritativeDefinitions").map_or(&[][..], Node::items);
    list.iter().filter_map(|item| item.get("url")?.scalar()).collect()
}

/// The values that a column may have.
pub(super) fn values(property: &Section<'_>, kind: Kind, told: &mut Told) -> Vec<EnumValue> {
    let Some(list) = property.custom("values") else { return Vec::new() };
    let remedy = match kind {
        Kind::Text | Kind::Int32 | Kind::Int64 => None,
        Kind::Boolean => Some("Remove it, or write a SQL rule that flags rows."),
        Kind::Float | Kind::Date | Kind::Instant | Kind::ServiceTime => {
            Some("Write 'minimum' and 'maximum', or a SQL rule that flags rows.")
        }
    };
    if let Some(remedy) = remedy {
        let message = format!("'values' is for texts and whole numbers, and the column holds {}", held(kind));
        told.fit.add(list.line, message, remedy);
        return Vec::new();
    }
    if list.items().is_empty() {
        told.fit.add(list.line, "'values' is not a list of values", "List them as '- {value: 0, name: ...}'.");
    }
    let mut values: Vec<EnumValue> = Vec::new();
    for item in list.items() {
        let Some(value) = value(item, kind, told) else { continue };
        if values.iter().any(|other| other.value == value.value) {
            let message = format!("the value '{}' stands here twice", value.value);
            told.fit.add(item.line, message, "Remove one of the two.");
        }
        values.push(value);
    }
    values
}

fn value(item: &Node, kind: Kind, told: &mut Told) -> Option<EnumValue> {
    let value = match &item.value {
        Value::Map(_) => {
            item.only_keys(&["value", "name", "descriptionEn", "descriptionDe"], &mut told.fit);
            item.require_text("value", &mut told.fit)
        }
        _ => item.scalar(),
    };
    let Some(value) = value else {
        told.fit.add(item.line, "an entry of 'values' has no value", "Write '{value: 0, name: ...}'.");
        return None;
    };
    if !written::is_readable(kind, &value) {
        let message = format!("'{value}' is no value of the column, which holds {}", held(kind));
        told.fit.add(item.line, message, format!("Write {}.", written::example(kind)));
    }
    Some(EnumValue { value, name: item.optional_text("name", &mut told.fit) })
}
