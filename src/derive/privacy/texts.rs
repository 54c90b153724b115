//! Texts that must not leave, by value: a release is held back if a published cell has a private text of the same run in it,
//! or looks like a number plate, a MAC address, a telephone number or an e-mail address.
//!
//! *Private texts* are the values, of six characters or more, of the text columns of the feed's tables that their contract
//! does not classify as public: labels, plates, ids of vehicles and devices. They are compared as people read them: what
//! Unicode counts as compatible is the same, and case, blanks, separators and characters that show nothing do not count. A
//! private text is found as a whole cell, and as whole words within one. One that is nothing but digits is not looked for in
//! columns of ids, codes, colours and addresses (`stop_id`, `stop_code`): numbers of stops and of buses meet by chance. An `entity_id` is a private text
//! where its table has vehicles, unless it is the id of a trip or of another message: feeds like to fill it with these.
//!
//! *Patterns* are looked for in whole cells, but for MAC addresses, which no text for riders has in it: alerts may well name
//! the telephone of the customer service in a sentence. Ids are built like telephone numbers and plates, so that in columns
//! of ids fewer forms of them count. Twelve hexadecimal digits and plates without separators are looked for in columns of
//! ids and codes only where most of the column is built otherwise, and neither in addresses of pages nor in colours.
//!
//! A column may be allowed on purpose: `allowsPrivateText`, with a reason. What is found is told as counts, never as text.
//!
//! Holds a hash of 16 bytes for each different text of a column, and the text itself where the run has private ones; both
//! are booked on the run's budget. Private texts are looked for at the end, when all of them are known: for each word of a
//! different text as many hashes as the longest private text has words, at most [`WORDS`].

mod patterns;
mod reading;
mod recent;

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};

use self::patterns::{Holds, Looks, built, looks, looks_plain, loose};
use self::reading::{Folded, LEAST, plain};
use self::recent::Recent;
use crate::contract::{Classification, Contract, Kind};
use crate::table::keys::{KeySet, Seed, text_key};
use crate::table::{Budget, BudgetExceeded};

/// The most words of a private text that is looked for within a longer one.
const WORDS: usize = 16;
/// The id of a message.
const ENTITY: &str = "entity_id";
/// Columns that the program makes of keyed hashes.
const OWN: &[&str] = &["location_ping_id", "vehicle_id"];

/// The private texts of a run, of all of its tables.
pub struct PrivateTexts {
    /// Those that are nothing but digits, and all others.
    known: [KeySet; 2],
    /// The same of ids of messages about vehicles, and all ids that say what else a message is about.
    entities: [KeySet; 2],
    others: KeySet,
    /// The most words of a private text.
    longest: usize,
    /// The columns of each table that came, and what came lately in them.
    tables: Vec<(String, Vec<Watched>)>,
    budget: Budget,
    booked: usize,
}

/// A column of the feed that holds private texts, or tells which ids of messages are none.
struct Watched {
    place: usize,
    role: Role,
    recent: Recent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Private,
    /// The id of a message about a vehicle.
    Entity,
    /// The id of a trip, or of a message about something else.
    Other,
}

/// The published texts of one table.
pub struct PublishedTexts {
    columns: Vec<Published>,
    /// Whether the run has private texts.
    compares: bool,
    budget: Budget,
    booked: usize,
}

/// A column whose texts are looked at.
struct Published {
    name: String,
    place: usize,
    holds: Holds,
    /// Texts that came lately.
    recent: Recent,
    /// Every text as it stands, so that each is looked at once.
    seen: KeySet,
    /// How many there are.
    different: u64,
    /// Those that are compared, one behind the other, and where each ends.
    texts: String,
    ends: Vec<usize>,
    /// How many different texts look like something private.
    looks: u64,
    /// Of twelve letters and digits, of letters and a number: how many texts are built so, and how many of them would be a
    /// MAC address or a plate.
    built: [u64; 2],
    loose: [u64; 2],
}

impl PrivateTexts {
    pub fn new(budget: Budget) -> Self {
        let (known, entities) = Default::default();
        Self { known, entities, others: KeySet::default(), longest: 0, tables: Vec::new(), budget, booked: 0 }
    }

    /// Whether a table of the feed may have private texts.
    pub fn may_be_in(contract: &Contract) -> bool {
        watched(contract).iter().any(|column| column.role != Role::Other)
    }

    /// Whether a text has a private one of the run in it, or it or a part of it between commas looks like something private.
    pub fn is_private(&self, text: &str) -> bool {
        let looks_so = |part: &str| looks(part, Holds::Text).is_some() || loose(part, Holds::Text).is_some();
        self.is_within(&plain(text), false, &mut Folded::default()) || looks_so(text) || text.split(", ").any(looks_so)
    }

    fn has(&self, is_number: bool, key: u128) -> bool {
        let kind = usize::from(!is_number);
        self.known[kind].contains(key) || self.entities[kind].contains(key) && !self.others.contains(key)
    }

    fn is_empty(&self) -> bool {
        self.longest == 0
    }

    /// Whether a plain text is a private one, or has one in it as whole words; `is_id`: it may be a number by chance.
    fn is_within(&self, plain: &str, is_id: bool, folded: &mut Folded) -> bool {
        folded.take(plain);
        // Digits with separators are not the number without them: dates are built so. Where numbers meet by chance, a number
        // is none.
        let is_one = |has_separators: bool, is_number: bool, key: u128| match (is_number, has_separators) {
            (true, false) => !is_id && (self.has(true, key) || self.has(false, key)),
            _ => self.has(false, key),
        };
        let words = &folded.words;
        let are_numbers = words.iter().all(|word| word.is_number);
        let key = folded.key(plain);
        if key.is_some_and(|(is_number, key)| is_one(!is_number, are_numbers, key)) {
            return true;
        }
        (0..words.len()).any(|first| {
            let mut is_number = true;
            let parts = words[first..].iter().take(self.longest).enumerate();
            parts.into_iter().any(|(more, last)| {
                is_number &= last.is_number;
                if last.end - words[first].begin < LEAST || (is_number && is_id) {
                    return false;
                }
                is_one(more > 0, is_number, text_key(&folded.letters[words[first].from..last.to], Seed::of_process()))
            })
        })
    }

    /// Takes the private texts of some rows of the feed.
    pub fn push(&mut self, contract: &Contract, rows: &RecordBatch) -> Result<(), BudgetExceeded> {
        let at = self.tables.iter().position(|(table, _)| *table == contract.table).unwrap_or_else(|| {
            self.tables.push((contract.table.clone(), watched(contract)));
            self.tables.len() - 1
        });
        let before = self.bytes();
        let mut folded = Folded::default();
        for column in &mut self.tables[at].1 {
            let Some(texts) = rows.column(column.place).as_string_opt::<i32>() else { continue };
            if texts.null_count() == texts.len() {
                continue;
            }
            for text in texts.iter().flatten() {
                if column.recent.has(text) {
                    continue;
                }
                let plain = plain(text);
                folded.take(&plain);
                let Some((is_number, key)) = folded.key(&plain) else { continue };
                match column.role {
                    Role::Private => self.known[usize::from(!is_number)].insert(key),
                    Role::Entity => self.entities[usize::from(!is_number)].insert(key),
                    Role::Other => self.others.insert(key),
                };
                if column.role != Role::Other {
                    self.longest = self.longest.max(folded.words.len().clamp(1, WORDS));
                }
            }
        }
        let grown = self.bytes() - before;
        self.budget.take("derive", grown)?;
        self.booked += grown;
        Ok(())
    }

    fn bytes(&self) -> usize {
        let sets = self.known.iter().chain(&self.entities).chain([&self.others]);
        sets.map(KeySet::bytes).sum()
    }
}

/// The columns of a table of the feed that hold private texts, or tell which ids of messages are none.
fn watched(contract: &Contract) -> Vec<Watched> {
    let has_vehicles = contract.index_of("vehicle_id").is_some();
    let has_messages = contract.index_of(ENTITY).is_some();
    let columns = contract.columns.iter().enumerate().filter(|(_, column)| column.kind == Kind::Text);
    let watched = columns.filter_map(|(place, column)| {
        let role = match column.name.as_str() {
            ENTITY if !has_vehicles => Role::Other,
            "trip_id" if has_messages => Role::Other,
            _ if column.classification != Classification::Private => return None,
            ENTITY => Role::Entity,
            _ => Role::Private,
        };
        Some(Watched { place, role, recent: Recent::default() })
    });
    watched.collect()
}

impl Drop for PrivateTexts {
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
    }
}

impl PublishedTexts {
    /// `compares`: whether the run may have private texts, which published ones are then compared with.
    pub fn new(contract: &Contract, compares: bool, budget: Budget) -> Self {
        let columns = contract.columns.iter().enumerate().filter(|(_, column)| {
            column.classification == Classification::Public
                && column.kind == Kind::Text
                && column.allows_private_text.is_none()
                && !OWN.contains(&column.name.as_str())
        });
        let columns = columns.map(|(place, column)| Published {
            name: column.name.clone(),
            place,
            holds: Holds::of(&column.name),
            recent: Recent::default(),
            seen: KeySet::default(),
            different: 0,
            texts: String::new(),
            ends: Vec::new(),
            looks: 0,
            built: [0; 2],
            loose: [0; 2],
        });
        Self { columns: columns.collect(), compares, budget, booked: 0 }
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
                if !column.recent.has(text) && column.seen.insert(text_key(text, Seed::of_process())) {
                    column.look(text, self.compares);
                }
            }
        }
        let grown = self.columns.iter().map(Published::bytes).sum::<usize>() - before;
        self.budget.take("derive", grown)?;
        self.booked += grown;
        Ok(())
    }

    /// What must not leave: for each column how many different texts have a private one of the run in them, and how many
    /// look so.
    pub fn found(&self, private: &PrivateTexts) -> BTreeMap<&str, (u64, u64)> {
        let columns = self.columns.iter().map(|column| {
            let known = if private.is_empty() { 0 } else { column.known(private) };
            (column.name.as_str(), (known, column.looks()))
        });
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
    fn look(&mut self, text: &str, compares: bool) {
        self.different += 1;
        if text.len() < LEAST {
            return;
        }
        let plain = plain(text);
        if compares {
            self.texts.push_str(&plain);
            self.ends.push(self.texts.len());
        }
        if looks_plain(&plain, self.holds).is_some() {
            self.looks += 1;
        } else if self.holds != Holds::Fixed {
            let built = built(&plain);
            let loose = loose(&plain, self.holds);
            for (place, kind) in [Looks::MacAddress, Looks::Plate].into_iter().enumerate() {
                self.built[place] += u64::from(built == Some(kind));
                self.loose[place] += u64::from(loose == Some(kind));
            }
        }
    }

    /// How many different texts look private.
    fn looks(&self) -> u64 {
        let is_scheme = |place: usize| self.holds != Holds::Text && self.built[place] * 2 > self.different;
        let loose = (0..2).filter(|place| !is_scheme(*place)).map(|place| self.loose[place]);
        self.looks + loose.sum::<u64>()
    }

    /// How many different texts have a private one in them.
    fn known(&self, private: &PrivateTexts) -> u64 {
        let (mut from, mut folded) = (0, Folded::default());
        let texts = self.ends.iter().map(|&end| &self.texts[std::mem::replace(&mut from, end)..end]);
        texts.filter(|text| private.is_within(text, self.holds != Holds::Text, &mut folded)).count() as u64
    }

    fn bytes(&self) -> usize {
        self.seen.bytes() + self.texts.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests;
