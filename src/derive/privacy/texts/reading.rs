//! Texts as people read them, and as they are compared.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::table::keys::{Seed, text_key};

/// The least characters of a private text that is looked for.
pub(super) const LEAST: usize = 6;

/// Letters and digits without which a private text is compared with its separators.
const LEAST_LETTERS: usize = 4;

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
pub(super) fn plain(text: &str) -> Cow<'_, str> {
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
pub(super) struct Folded {
    pub(super) letters: String,
    pub(super) words: Vec<Word>,
    /// Characters that are no blanks.
    characters: usize,
    /// Whether all of them are digits.
    is_number: bool,
}

/// A run of letters and digits.
#[derive(Clone, Copy)]
pub(super) struct Word {
    /// Where its bytes stand in the letters.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Where it stands in the text, in characters that are no blanks.
    pub(super) begin: usize,
    pub(super) end: usize,
    pub(super) is_number: bool,
}

impl Folded {
    /// Takes a plain text.
    pub(super) fn take(&mut self, plain: &str) {
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
    pub(super) fn key(&self, plain: &str) -> Option<(bool, u128)> {
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
