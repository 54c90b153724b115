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

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use regex::{Regex, RegexSet};
use unicode_normalization::UnicodeNormalization;

use crate::contract::{Classification, Contract, Kind};
use crate::derive::privacy::plates::{self, Written};
use crate::internal::impossible;
use crate::table::keys::{KeySet, Seed, text_key};
use crate::table::{Budget, BudgetExceeded};

/// The least characters of a private text that is looked for.
const LEAST: usize = 6;
/// The most words of a private text that is looked for within a longer one.
const WORDS: usize = 16;
/// Letters and digits without which a private text is compared with its separators.
const LEAST_LETTERS: usize = 4;
/// The id of a message.
const ENTITY: &str = "entity_id";
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

/// What a column holds, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Text,
    /// `stop_id`.
    Ids,
    /// `stop_code`, `route_short_name`.
    Codes,
    /// `stop_url`, `route_color`: built in their own way.
    Fixed,
}

impl Holds {
    fn of(column: &str) -> Self {
        let ends = |words: &[&str]| words.iter().any(|word| column.ends_with(word));
        if ends(&["_id"]) || column.contains("_id_") {
            Self::Ids
        } else if ends(&["_code", "_short_name"]) {
            Self::Codes
        } else if ends(&["url", "_color"]) {
            Self::Fixed
        } else {
            Self::Text
        }
    }
}

/// The forms, and whether they count in columns of ids, too.
const PATTERNS: &[(Looks, bool, &str)] = &[
    // DIN 74069: district, letters, number, and E or H: "OG-FB 101", "OG FB 101".
    (Looks::Plate, true, r"^[A-ZÄÖÜ]{1,3}(-[A-Z]{1,2} | [A-Z]{1,2} )[1-9][0-9]{0,3} ?[EH]?$"),
    (Looks::Plate, false, r"^[A-ZÄÖÜ]{1,3}-[A-Z]{1,2}-?[1-9][0-9]{1,3}[EH]?$"),
    // France, Italy; Great Britain; Austria.
    (Looks::Plate, true, r"^[A-Z]{2}[- ][0-9]{3}[- ][A-Z]{2}$"),
    (Looks::Plate, true, r"^[A-Z]{2}[0-9]{2} [A-Z]{3}$"),
    (Looks::Plate, true, r"^[A-Z]{1,2}-[0-9]{1,5} [A-Z]{1,3}$"),
    (Looks::MacAddress, true, r"(?i)(^|[^0-9a-f:-])[0-9a-f]{2}(([:-][0-9a-f]{2}){5}|(:[0-9a-f]{2}){7})($|[^0-9a-f:-])"),
    (Looks::MacAddress, true, r"(?i)^[0-9a-f]{4}([.:-])[0-9a-f]{4}([.:-])[0-9a-f]{4}$"),
    (Looks::MacAddress, true, r"(?i)^[0-9a-f]{2}( [0-9a-f]{2}){5}$"),
    (Looks::MacAddress, true, r"(?i)(^|[^a-z])mac([ -]?add?ress[e]?)?[ :=_#-]{0,3}[0-9a-f]{12}($|[^0-9a-z])"),
    (Looks::Telephone, true, r"^((?i:tel)[.:]? ?)?\+[1-9][0-9]{0,2}([ ()/.-]{0,2}[0-9]){6,12}$"),
    // With the code of a country or of a German mobile network, or an area code that stands apart.
    (Looks::Telephone, true, r"^((?i:tel)[.:]? ?)?00[1-9][0-9]{0,2}[ /][ (]{0,2}[0-9]([ ()/-]{0,2}[0-9]){5,12}$"),
    (Looks::Telephone, true, r"^((?i:tel)[.:]? ?)?00(3[1-9]|4[1-9])[ /-]{1,3}[0-9(]([ ()/-]{0,2}[0-9]){5,12}$"),
    (Looks::Telephone, true, r"^((?i:tel)[.:]? ?)?01[567][0-9]{1,2}[ /-]{1,3}[0-9]([ /-]?[0-9]){5,8}$"),
    (Looks::Telephone, true, r"^((?i:tel)[.:]? ?)?\(0[1-9][0-9]{1,4}\)[ /-]{0,3}[1-9]([ /-]?[0-9]){3,9}$"),
    (Looks::Telephone, true, r"^((?i:tel)[.:]? ?)?0[1-9][0-9]{1,4}( | ?/ ?| - )[1-9]([ /-]?[0-9]){3,9}$"),
    (
        Looks::Telephone,
        false,
        r"^((?i:tel)[.:]? ?)?(00[1-9][0-9]{0,2}|\(?0[1-9][0-9]{1,4}\)?)[ /-]{1,3}[1-9]([ /-]?[0-9]){3,9}$",
    ),
    (Looks::Telephone, false, r"^((?i:tel)[.:]? ?)?(00(3[1-9]|4[1-9])[1-9][0-9]{7,11}|01[567][0-9]{8,9})$"),
    (Looks::Telephone, false, r"^0[1-9]([ .-][0-9]{2}){4}$"),
    (Looks::Telephone, false, r"^\(?[2-9][0-9]{2}\)?[ .-] ?[2-9][0-9]{2}[ .-][0-9]{4}$"),
    (Looks::Email, true, r"(?i)^(mailto:)?[^@\s/]+@[^@\s/]+\.[a-z]{2,24}$"),
];

/// All forms, and those for columns of ids: a text is looked at once for all of them.
static FORMS: LazyLock<[RegexSet; 2]> = LazyLock::new(|| {
    // They are constant, and a test reads each.
    let set = |keep: &dyn Fn(bool) -> bool| {
        let set = RegexSet::new(PATTERNS.iter().filter(|(_, in_ids, _)| keep(*in_ids)).map(|(.., form)| form));
        set.unwrap_or_else(|error| impossible("reading the forms of private texts", error))
    };
    [set(&|_| true), set(&|in_ids| in_ids)]
});

/// Twelve hexadecimal digits, letters among them, as a word of a sentence.
static HEX_WORD: LazyLock<Regex> = LazyLock::new(|| {
    let word = Regex::new(r"(?i)(?:^|[^0-9a-z:/_.-])([0-9a-f]{12})(?:$|[^0-9a-z:/_-])");
    word.unwrap_or_else(|error| impossible("reading the form of a MAC address", error))
});

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

/// Whether a character shows nothing: zero-width spaces and joiners, marks of direction, variants (Unicode's
/// `Default_Ignorable_Code_Point`), and control characters that are no blanks.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || letter.is_control() && !letter.is_whitespace()
}

/// A text as people read it: compatible characters are one (NFKC), what shows nothing is gone, blanks are single spaces, and
/// hyphens and dashes are hyphens.
fn plain(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_plain = bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
        && bytes.first() != Some(&b' ')
        && bytes.last() != Some(&b' ')
        && !bytes.windows(2).any(|pair| pair == b"  ");
    if is_plain {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for letter in text.nfkc().filter(|letter| !is_invisible(*letter)) {
        match letter {
            // The pattern of Braille without dots is a blank.
            letter if letter.is_whitespace() || letter == '\u{2800}' => {
                if !plain.is_empty() && !plain.ends_with(' ') {
                    plain.push(' ');
                }
            }
            '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' => plain.push('-'),
            letter => plain.push(letter),
        }
    }
    plain.truncate(plain.trim_end().len());
    Cow::Owned(plain)
}

/// A text as it is compared: its letters and digits without case, and the words that they stand in.
#[derive(Default)]
struct Folded {
    letters: String,
    words: Vec<Word>,
    /// Characters that are no blanks.
    characters: usize,
    /// Whether all of them are digits.
    is_number: bool,
}

/// A run of letters and digits.
#[derive(Clone, Copy)]
struct Word {
    /// Where its bytes stand in the letters.
    from: usize,
    to: usize,
    /// Where it stands in the text, in characters that are no blanks.
    begin: usize,
    end: usize,
    is_number: bool,
}

impl Folded {
    /// Takes a plain text.
    fn take(&mut self, plain: &str) {
        self.letters.clear();
        self.words.clear();
        (self.characters, self.is_number) = (0, true);
        let mut is_within = false;
        for letter in plain.chars() {
            let is_blank = letter == ' ';
            let is_letter = if letter.is_ascii() { letter.is_ascii_alphanumeric() } else { letter.is_alphanumeric() };
            if is_letter {
                let from = self.letters.len();
                match letter {
                    'ß' | 'ẞ' => self.letters.push_str("ss"),
                    letter if letter.is_ascii() => self.letters.push(letter.to_ascii_lowercase()),
                    letter => self.letters.extend(letter.to_lowercase()),
                }
                if !is_within {
                    let begin = self.characters;
                    self.words.push(Word { from, to: from, begin, end: begin, is_number: true });
                }
                if let Some(word) = self.words.last_mut() {
                    (word.to, word.end) = (self.letters.len(), self.characters + 1);
                    word.is_number &= letter.is_ascii_digit();
                }
            }
            is_within = is_letter;
            self.is_number &= is_blank || letter.is_ascii_digit();
            self.characters += usize::from(!is_blank);
        }
    }

    /// Whether it is nothing but digits, and its hash; `None` if it is too short.
    fn key(&self, plain: &str) -> Option<(bool, u128)> {
        if self.characters < LEAST {
            return None;
        }
        let is_short = self.letters.chars().take(LEAST_LETTERS).count() < LEAST_LETTERS;
        let key = if is_short {
            text_key(&plain.replace(' ', "").to_lowercase(), Seed::of_process())
        } else {
            text_key(&self.letters, Seed::of_process())
        };
        Some((self.is_number, key))
    }
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

/// What a text looks like.
fn looks(text: &str, holds: Holds) -> Option<Looks> {
    looks_plain(&plain(text), holds)
}

fn looks_plain(text: &str, holds: Holds) -> Option<Looks> {
    // Each form has a digit, an @ or the marks of a MAC address; most texts are words.
    let count = |of: &[u8]| text.bytes().filter(|byte| of.contains(byte)).count();
    let has_mark = text.bytes().any(|byte| byte.is_ascii_digit() || byte == b'@');
    if text.len() < LEAST || !(has_mark || count(b":-.") > 1 || count(b" ") == 5) {
        return None;
    }
    let is_id = holds == Holds::Ids;
    let forms = &FORMS[usize::from(is_id)];
    if let Some(found) = forms.matches(text).iter().next() {
        let patterns = PATTERNS.iter().filter(|(_, in_ids, _)| *in_ids || !is_id);
        return patterns.into_iter().nth(found).map(|(looks, ..)| *looks);
    }
    let is_plate = holds == Holds::Text && text.len() <= 16 && plates::german(text) == Some(Written::Apart);
    is_plate.then_some(Looks::Plate)
}

/// What a text without separators looks like, where little else tells it from an id.
fn loose(text: &str, holds: Holds) -> Option<Looks> {
    let has_letter = |text: &str| text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_hex = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && has_letter(text) {
        return Some(Looks::MacAddress);
    }
    if text.len() <= 16
        && let Some(Written::Joined(district)) = plates::german(text)
        && (holds == Holds::Text || district > 1)
    {
        return Some(Looks::Plate);
    }
    let is_sentence = holds == Holds::Text && text.len() > 12 && text.contains(' ') && !text.contains("://");
    let words = is_sentence.then(|| HEX_WORD.captures_iter(text))?;
    let mut words = words.filter_map(|word| word.get(1)).map(|word| word.as_str());
    let has_digit = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
    words.any(|word| has_letter(word) && has_digit(word)).then_some(Looks::MacAddress)
}

/// What a text is built like, whatever it says: columns of which most texts are built so hold nothing private.
fn built(text: &str) -> Option<Looks> {
    let bytes = text.as_bytes();
    if bytes.len() == 12 && bytes.iter().all(u8::is_ascii_alphanumeric) {
        return Some(Looks::MacAddress);
    }
    let letters = text.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_built = bytes.len() <= 9 && letters.len() < bytes.len() && letters.chars().all(char::is_alphabetic);
    (is_built && !letters.is_empty()).then_some(Looks::Plate)
}

#[cfg(test)]
mod tests;
