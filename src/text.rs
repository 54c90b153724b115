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

/// A number as German writes it: with a comma in place of the point.
pub fn german_number(text: &str) -> String {
    text.replace('.', ",")
}
