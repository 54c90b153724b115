//! Forms that tell something private whatever the run knows: number plates, MAC addresses, telephone numbers, e-mail
//! addresses.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::reading::{LEAST, plain};
use crate::derive::privacy::plates::{self, Written};
use crate::internal::impossible;

/// What a cell looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    Plate,
    MacAddress,
    Telephone,
    Email,
}

/// What a column holds, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    /// `stop_id`.
    Ids,
    /// `stop_code`, `route_short_name`.
    Codes,
    /// `stop_url`, `route_color`: built in their own way.
    Fixed,
}

impl Holds {
    pub(super) fn of(column: &str) -> Self {
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
pub(super) const PATTERNS: &[(Looks, bool, &str)] = &[
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
pub(super) static FORMS: LazyLock<[RegexSet; 2]> = LazyLock::new(|| {
    // They are constant, and a test reads each.
    let set = |keep: &dyn Fn(bool) -> bool| {
        let set = RegexSet::new(PATTERNS.iter().filter(|(_, in_ids, _)| keep(*in_ids)).map(|(.., form)| form));
        set.unwrap_or_else(|error| impossible("reading the forms of private texts", error))
    };
    [set(&|_| true), set(&|in_ids| in_ids)]
});

/// Twelve hexadecimal digits, letters among them, as a word of a sentence.
pub(super) static HEX_WORD: LazyLock<Regex> = LazyLock::new(|| {
    let word = Regex::new(r"(?i)(?:^|[^0-9a-z:/_.-])([0-9a-f]{12})(?:$|[^0-9a-z:/_-])");
    word.unwrap_or_else(|error| impossible("reading the form of a MAC address", error))
});

/// What a text looks like.
pub(super) fn looks(text: &str, holds: Holds) -> Option<Looks> {
    looks_plain(&plain(text), holds)
}

pub(super) fn looks_plain(text: &str, holds: Holds) -> Option<Looks> {
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
pub(super) fn loose(text: &str, holds: Holds) -> Option<Looks> {
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
pub(super) fn built(text: &str) -> Option<Looks> {
    let bytes = text.as_bytes();
    if bytes.len() == 12 && bytes.iter().all(u8::is_ascii_alphanumeric) {
        return Some(Looks::MacAddress);
    }
    let letters = text.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_built = bytes.len() <= 9 && letters.len() < bytes.len() && letters.chars().all(char::is_alphabetic);
    (is_built && !letters.is_empty()).then_some(Looks::Plate)
}
