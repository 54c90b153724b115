//! What a capture has and no column is made of. It is private: nothing of it leaves the evidence. Told are the names, for the data
//! protection officer.
//!
//! A name comes from somebody else, too, and some feeds have ids in the place of names: `{"OG-FB 101": {…}}`. So digits are not told, nor
//! names that are built like nothing that a programmer writes, and of an object with many unknown keys none.

use std::collections::BTreeSet;

/// Names that are told at most.
const MOST: usize = 200;
/// Characters of a name.
const LONGEST: usize = 60;
/// What stands for a name that is not told.
const UNTOLD: &str = "?";

/// Names of what is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    names: BTreeSet<String>,
    has_more: bool,
}

impl Unread {
    /// Adds a name that a feed gives, such as `fahrer.name`.
    pub(super) fn add(&mut self, name: &str) {
        let parts: Vec<String> = name.split('.').map(|part| told(part, "_-:@$#")).collect();
        self.add_ours(parts.join("."));
    }

    /// Adds a name of the header of a table, which people write: it may have blanks, and is no id if others beside it are known.
    pub(super) fn add_header(&mut self, table: Option<&str>, name: &str) {
        let name = told(name, "_-:@$# ./()");
        self.add_ours(table.map(|table| format!("{table}.{name}")).unwrap_or(name));
    }

    /// Adds a name of our own words.
    pub(super) fn add_ours(&mut self, name: String) {
        if self.names.len() < MOST || self.names.contains(&name) {
            self.names.insert(name);
        } else {
            self.has_more = true;
        }
    }

    /// Takes those of another capture.
    pub fn extend(&mut self, other: Self) {
        self.has_more |= other.has_more;
        other.names.into_iter().for_each(|name| self.add_ours(name));
    }

    /// The names in their order, and whether there are more.
    pub fn into_names(self) -> (Vec<String>, bool) {
        (self.names.into_iter().collect(), self.has_more)
    }
}

/// A part of a name as it may be told; `signs` may stand in it beside letters and digits.
fn told(part: &str, signs: &str) -> String {
    let is_name = |letter: char| letter.is_alphanumeric() || signs.contains(letter);
    let has_letter = part.chars().any(char::is_alphabetic);
    if !has_letter || !part.chars().all(is_name) || part.chars().count() > LONGEST {
        return UNTOLD.to_owned();
    }
    part.chars().map(|letter| if letter.is_numeric() { '#' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_and_what_may_be_an_id_is_not() {
        let mut unread = Unread::default();
        for name in ["fahrer.name", "wagen.OG-FB 101", "wagen.4711", "geraet2", "tür"] {
            unread.add(name);
        }
        assert_eq!(unread.into_names().0, ["fahrer.name", "geraet#", "tür", "wagen.?"]);
    }

    #[test]
    fn a_feed_with_names_without_end_is_told_in_part() {
        let mut unread = Unread::default();
        (0..1_000).for_each(|place| {
            unread.add(&"x".repeat(1 + place % 59).replace("xx", if place % 2 == 0 { "ab" } else { "cd" }))
        });
        (0..MOST).for_each(|place| unread.add_ours(format!("field {place}")));
        let (names, has_more) = unread.into_names();
        assert_eq!((names.len(), has_more), (MOST, true));
    }
}
