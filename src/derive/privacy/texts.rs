//! Texts that must not leave, by value: a release is held back if a published cell equals a private text of the same run,
//! or looks like a number plate, a MAC address, a telephone number or an e-mail address.
//!
//! *Private texts* are the values, of six characters or more, of the text columns of the feed's tables that their contract
//! does not classify as public: labels, plates, ids of vehicles and devices. Cells are compared whole, without regard to
//! case and spaces. Ids of messages (`entity_id`) are no private texts: feeds fill them with the id of the trip or the
//! alert. A private text that is nothing but digits is not looked for in columns of ids (`stop_id`, `route_id`): numbers of
//! stops and of buses meet by chance.
//!
//! *Patterns* are looked for in whole cells, but for MAC addresses, which no text for riders has in it: alerts may well name
//! the telephone of the customer service in a sentence. Columns of ids are not looked through for telephone numbers without
//! a plus, nor for plates that are not written with a space, since ids are built like them.
//!
//! A column may be allowed on purpose: `allowsPrivateText`, with a reason. What is found is told as counts, never as text.
//!
//! Holds a hash of 16 bytes for each different text of a column, booked on the run's budget.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use regex::Regex;

use crate::contract::{Classification, Contract, Kind};
use crate::table::keys::{KeySet, text_key};
use crate::table::{Budget, BudgetExceeded};

/// The least characters of a private text that is looked for.
const LEAST: usize = 6;
/// Columns of the feed that are private and yet name neither a person nor a vehicle nor a device.
const NOT_PERSONAL: &[&str] = &["entity_id"];
/// Columns that the program makes of keyed hashes.
const OWN: &[&str] = &["location_ping_id", "vehicle_id"];

/// What a cell looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looks {
    Plate,
    MacAddress,
    Telephone,
    Email,
}

/// The patterns, and whether they are for columns of ids, too.
static PATTERNS: LazyLock<Vec<(Looks, bool, Regex)>> = LazyLock::new(|| {
    [
        // DIN 74069: district, letters, number, and E or H: "OG-FB 101", "OG FB 101".
        (Looks::Plate, true, r"^[A-ZÄÖÜ]{1,3}(-[A-Z]{1,2} | [A-Z]{1,2} )[1-9][0-9]{0,3} ?[EH]?$"),
        (Looks::Plate, false, r"^[A-ZÄÖÜ]{1,3}-[A-Z]{1,2}-?[1-9][0-9]{1,3}[EH]?$"),
        // France, Italy; Great Britain; Austria.
        (Looks::Plate, true, r"^[A-Z]{2}[- ][0-9]{3}[- ][A-Z]{2}$"),
        (Looks::Plate, true, r"^[A-Z]{2}[0-9]{2} [A-Z]{3}$"),
        (Looks::Plate, true, r"^[A-Z]{1,2}-[0-9]{1,5} [A-Z]{1,3}$"),
        (
            Looks::MacAddress,
            true,
            r"(?i)(^|[^0-9a-f:-])[0-9a-f]{2}(([:-][0-9a-f]{2}){5}|(:[0-9a-f]{2}){7})($|[^0-9a-f:-])",
        ),
        (Looks::MacAddress, true, r"(?i)^[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}$"),
        (Looks::Telephone, true, r"^(tel:)?\+[1-9][0-9]{0,2}([ ()/.-]{0,2}[0-9]){6,12}$"),
        (
            Looks::Telephone,
            false,
            r"^(tel:)?(00[1-9][0-9]{0,2}|\(?0[1-9][0-9]{1,4}\)?)[ /-]{1,3}[1-9]([ /-]?[0-9]){3,9}$",
        ),
        (Looks::Telephone, false, r"^\(?[2-9][0-9]{2}\)?[ .-] ?[2-9][0-9]{2}[ .-][0-9]{4}$"),
        (Looks::Email, true, r"(?i)^(mailto:)?[^@\s/]+@[^@\s/]+\.[a-z]{2,24}$"),
    ]
    .into_iter()
    // They are constant, and a test reads each.
    .map(|(looks, in_ids, pattern)| {
        let pattern = Regex::new(pattern);
        (looks, in_ids, pattern.unwrap_or_else(|error| crate::internal::impossible("reading a pattern", error)))
    })
    .collect()
});

/// The private texts of a run, of all of its tables.
pub struct PrivateTexts {
    /// Those that are nothing but digits, and all others.
    known: [KeySet; 2],
    budget: Budget,
    booked: usize,
}

/// The published texts of one table.
pub struct PublishedTexts {
    columns: Vec<Published>,
    budget: Budget,
    booked: usize,
}

/// A column whose texts are looked at.
struct Published {
    name: String,
    place: usize,
    is_id: bool,
    /// Texts that came lately.
    recent: Recent,
    /// Every text as it stands, so that each is looked at once.
    seen: KeySet,
    /// Those of enough characters, as they are compared: nothing but digits, and all others.
    compared: [Vec<u128>; 2],
    /// How many different texts look like something private.
    looks: u64,
}

/// A few texts that came lately, each at the place that its last bytes give. The stops of a trip come again with the next
/// trip, and comparing a text takes a tenth of hashing it.
#[derive(Default)]
struct Recent(Vec<String>);

impl Recent {
    const PLACES: usize = 1 << 11;

    /// Whether a text was there lately; it is from now on.
    fn has(&mut self, text: &str) -> bool {
        if self.0.is_empty() {
            self.0.resize(Self::PLACES, String::new());
        }
        let bytes = text.as_bytes();
        let end = bytes[bytes.len().saturating_sub(8)..].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let place = (end ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53;
        let there = &mut self.0[place as usize];
        // An empty text looks like nothing private.
        if there == text {
            return true;
        }
        there.clear();
        there.push_str(text);
        false
    }
}

/// Whether a text is nothing but digits, and the hash by which it is compared; `None` if it is too short.
fn compared(text: &str) -> Option<(bool, u128)> {
    // Most are short ASCII: they are normalised without asking the tables of Unicode.
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        match letter.is_ascii() {
            true => plain.push(letter.to_ascii_lowercase()),
            false => plain.extend(letter.to_lowercase()),
        }
    }
    if plain.chars().count() < LEAST {
        return None;
    }
    Some((plain.bytes().all(|byte| byte.is_ascii_digit()), text_key(&plain)))
}

impl PrivateTexts {
    pub fn new(budget: Budget) -> Self {
        Self { known: Default::default(), budget, booked: 0 }
    }

    /// Whether a text, or a part of it between commas, is a private one of the run or looks like something private.
    pub fn is_private(&self, text: &str) -> bool {
        let is_known = |part: &str| {
            let compared = compared(part);
            compared.is_some_and(|(is_number, key)| self.known[usize::from(!is_number)].contains(key))
        };
        let is_it = |part: &str| is_known(part) || looks(part, false).is_some();
        is_it(text) || text.split(", ").any(is_it)
    }

    /// Takes the private texts of some rows of the feed.
    pub fn push(&mut self, contract: &Contract, rows: &RecordBatch) -> Result<(), BudgetExceeded> {
        let columns = contract.columns.iter().enumerate().filter(|(_, column)| {
            column.classification == Classification::Private
                && column.kind == Kind::Text
                && !NOT_PERSONAL.contains(&column.name.as_str())
        });
        let before: usize = self.known.iter().map(KeySet::bytes).sum();
        for (place, _) in columns {
            let Some(texts) = rows.column(place).as_string_opt::<i32>() else { continue };
            let mut last = None;
            for text in texts.iter().flatten() {
                if last != Some(text)
                    && let Some((is_number, key)) = compared(text)
                {
                    self.known[usize::from(!is_number)].insert(key);
                }
                last = Some(text);
            }
        }
        let grown = self.known.iter().map(KeySet::bytes).sum::<usize>() - before;
        self.budget.take("derive", grown)?;
        self.booked += grown;
        Ok(())
    }
}

impl Drop for PrivateTexts {
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
    }
}

impl PublishedTexts {
    pub fn new(contract: &Contract, budget: Budget) -> Self {
        let columns = contract.columns.iter().enumerate().filter(|(_, column)| {
            column.classification == Classification::Public
                && column.kind == Kind::Text
                && column.allows_private_text.is_none()
                && !OWN.contains(&column.name.as_str())
        });
        let columns = columns.map(|(place, column)| Published {
            name: column.name.clone(),
            place,
            is_id: column.name.ends_with("_id") || column.name.contains("_id_"),
            recent: Recent::default(),
            seen: KeySet::default(),
            compared: Default::default(),
            looks: 0,
        });
        Self { columns: columns.collect(), budget, booked: 0 }
    }

    /// Takes the public texts of some rows of the release, all of their columns there.
    pub fn push(&mut self, rows: &RecordBatch) -> Result<(), BudgetExceeded> {
        let before: usize = self.columns.iter().map(Published::bytes).sum();
        for column in &mut self.columns {
            let Some(texts) = rows.column(column.place).as_string_opt::<i32>() else { continue };
            if texts.null_count() == texts.len() {
                continue;
            }
            for text in texts.iter().flatten() {
                if !column.recent.has(text) && column.seen.insert(text_key(text)) {
                    column.look(text);
                }
            }
        }
        let grown = self.columns.iter().map(Published::bytes).sum::<usize>() - before;
        self.budget.take("derive", grown)?;
        self.booked += grown;
        Ok(())
    }

    /// What must not leave: for each column how many different texts are private ones of the run, and how many look so.
    pub fn found(&self, private: &PrivateTexts) -> BTreeMap<&str, (u64, u64)> {
        let equal = |column: &Published| {
            // Numbers of buses and of stops meet by chance.
            let kinds = usize::from(column.is_id)..2;
            let is_known = |kind: usize, key: &u128| private.known[kind].contains(*key);
            kinds.map(|kind| column.compared[kind].iter().filter(|key| is_known(kind, key)).count() as u64).sum::<u64>()
        };
        let columns = self.columns.iter().map(|column| (column.name.as_str(), (equal(column), column.looks)));
        columns.filter(|(_, found)| *found != (0, 0)).collect()
    }

    /// Whether there is a column to look at.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }
}

impl Drop for PublishedTexts {
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
    }
}

impl Published {
    /// Looks at a text that was not there before.
    fn look(&mut self, text: &str) {
        if let Some((is_number, key)) = compared(text) {
            self.compared[usize::from(!is_number)].push(key);
        }
        self.looks += u64::from(looks(text, self.is_id).is_some());
    }

    fn bytes(&self) -> usize {
        self.seen.bytes() + self.compared.iter().map(|keys| keys.capacity() * 16).sum::<usize>()
    }
}

/// What a text looks like.
fn looks(text: &str, is_id: bool) -> Option<Looks> {
    let text = text.trim();
    // Each of them has a digit, an @ or the marks of a MAC address; most texts are words.
    let marks = text.bytes().filter(|byte| b":-".contains(byte)).count();
    if text.len() < LEAST || (marks < 5 && !text.bytes().any(|byte| byte.is_ascii_digit() || byte == b'@')) {
        return None;
    }
    let patterns = PATTERNS.iter().filter(|(_, in_ids, _)| *in_ids || !is_id);
    patterns.into_iter().find(|(.., pattern)| pattern.is_match(text)).map(|(looks, ..)| *looks)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use arrow_array::{ArrayRef, StringArray};

    use super::*;
    use crate::contract::read;

    #[test]
    fn plates_addresses_and_numbers_are_known_by_their_looks() {
        assert_eq!(PATTERNS.len(), 11);
        for (text, expected) in [
            ("OG-FB 101", Looks::Plate),
            ("B-MW 1234E", Looks::Plate),
            ("OG FB 101", Looks::Plate),
            ("OG-FB101", Looks::Plate),
            ("FÜ-A 1234", Looks::Plate),
            ("AB-123-CD", Looks::Plate),
            ("AB12 CDE", Looks::Plate),
            ("W-12345 A", Looks::Plate),
            ("00:1b:63:84:45:e6", Looks::MacAddress),
            ("00-1B-63-84-45-E6", Looks::MacAddress),
            ("001b.6384.45e6", Looks::MacAddress),
            ("unit 00:1b:63:84:45:e6 lost", Looks::MacAddress),
            ("+49 781 12345", Looks::Telephone),
            ("+4978112345", Looks::Telephone),
            ("0781 12345", Looks::Telephone),
            ("0781/12345-0", Looks::Telephone),
            ("(0781) 12345", Looks::Telephone),
            ("0171-1234567", Looks::Telephone),
            ("(212) 555-0134", Looks::Telephone),
            ("anna.b@example.org", Looks::Email),
        ] {
            assert_eq!(looks(text, false), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_timetables_and_alerts_have_in_them_does_not() {
        for text in [
            "S1",
            "Linie 101",
            "de:08317:14500",
            "8000290",
            "Bahnhof/ZOB 1",
            "0123456789",
            "2026-11-24",
            "24.11.2026",
            "08:15-09:30",
            "Rathaus 12",
            "#E2001A",
            "https://example.org/a@b",
            "Ruf Sie uns an: 0781 12345",
            "1.12345.2",
            "STRS_12",
            "SEV RE 12 a",
            "NYCT-101",
            "12:34:56",
            "A@B",
            "RE 4711",
            "ICE 101",
        ] {
            assert_eq!(looks(text, false), None, "{text}");
        }
        for text in ["BUS-A101", "0781-12345", "0123-456789", "212-555-0134"] {
            assert_eq!(looks(text, true), None, "{text}");
        }
    }

    fn contract(columns: &[(&str, &str)]) -> Contract {
        let columns: String = columns
            .iter()
            .map(|(name, rest)| format!("      - {{name: {name}, logicalType: string{rest}}}\n"))
            .collect();
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
             properties:\n{columns}"
        );
        read::contract(Path::new("t.odcs.yaml"), &text).unwrap()
    }

    fn rows(columns: &[(&str, &[&str])]) -> RecordBatch {
        let columns =
            columns.iter().map(|(name, cells)| (*name, Arc::new(StringArray::from(cells.to_vec())) as ArrayRef));
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn private_texts_are_found_in_published_cells_whatever_came_first() {
        let feed = contract(&[("label", ""), ("entity_id", "")]);
        let allowed = ", classification: public, customProperties: [{property: allowsPrivateText, value: asked for}]";
        let release = contract(&[
            ("note", ", classification: public"),
            ("stop_id", ", classification: public"),
            ("contact", allowed),
        ]);
        let private = rows(&[
            ("label", &["Fahrer Müller", "4711001", "short", "Fahrer Müller"]),
            ("entity_id", &["message 1", "message 2", "message 3", "message 4"]),
        ]);
        let budget = Budget::new(1 << 20);
        for published_first in [false, true] {
            let mut texts = PrivateTexts::new(budget.clone());
            let mut published = PublishedTexts::new(&release, budget.clone());
            let public = rows(&[
                ("note", &["FAHRER  MÜLLER", "message 1", "short", "4711001"]),
                ("stop_id", &["4711001", "fahrermüller", "x", "de:1"]),
                ("contact", &["Fahrer Müller", "+49 781 12345", "x", "y"]),
            ]);
            if published_first {
                published.push(&public).unwrap();
                texts.push(&feed, &private).unwrap();
            } else {
                texts.push(&feed, &private).unwrap();
                published.push(&public).unwrap();
            }
            assert_eq!(published.found(&texts), [("note", (2, 0)), ("stop_id", (1, 0))].into());
        }
        budget.take("all that was booked was given back", 1 << 20).unwrap();
    }
}
