//! Sentences that a citizen, a researcher or an auditor reads, in German and English.

/// One sentence, or a part of one, in both languages.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Text {
    pub en: String,
    pub de: String,
}

impl Text {
    pub fn new(en: impl Into<String>, de: impl Into<String>) -> Self {
        Self { en: en.into(), de: de.into() }
    }
}

/// A whole number with its thousands set apart: `19,916` and `19.916`.
pub fn grouped(number: u64) -> Text {
    let digits = number.to_string();
    let with = |mark: char| {
        let mut text = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(mark);
            }
            text.push(digit);
        }
        text
    };
    Text::new(with(','), with('.'))
}

/// A number as German writes it: with a comma in place of the point.
pub fn german_number(text: &str) -> String {
    text.replace('.', ",")
}
