//! Sentences that a citizen, a researcher or an auditor reads, in German and English.

/// One sentence, or a part of one, in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Text {
    pub en: String,
    pub de: String,
}

impl Text {
    pub fn new(en: impl Into<String>, de: impl Into<String>) -> Self {
        Self { en: en.into(), de: de.into() }
    }
}

/// The language in which somebody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    De,
    En,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::De, Self::En];

    /// By ISO 639-1, as `lang` of a page.
    pub fn code(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
        }
    }

    /// What a text says in this language.
    pub fn of(self, text: &Text) -> &str {
        match self {
            Self::De => &text.de,
            Self::En => &text.en,
        }
    }

    /// A number with so many decimals.
    pub fn decimal(self, value: f64, places: usize) -> String {
        let text = format!("{value:.places$}");
        match self {
            Self::De => german_number(&text),
            Self::En => text,
        }
    }

    /// One of two texts.
    pub fn say<'a>(self, de: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::De => de,
            Self::En => en,
        }
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

/// Days as they stand behind 'for' and 'für': those that are written out, and how many more there are.
pub fn days(written: Vec<Text>, more: usize) -> Text {
    let (mut en, mut de): (Vec<String>, Vec<String>) =
        written.into_iter().map(|day| (day.en, format!("den {}", day.de))).unzip();
    match more {
        0 => {}
        1 => {
            en.push("one more day".to_owned());
            de.push("einen weiteren Tag".to_owned());
        }
        more => {
            en.push(format!("{more} more days"));
            de.push(format!("{more} weitere Tage"));
        }
    }
    Text::new(enumerated(&en, "and"), enumerated(&de, "und"))
}

fn enumerated(parts: &[String], and: &str) -> String {
    match parts {
        [first @ .., last] if !first.is_empty() => format!("{} {and} {last}", first.join(", ")),
        parts => parts.concat(),
    }
}

/// What a rule demands, as it stands at the beginning of a line: with a capital letter, unless it begins with a name that the rule has.
pub fn opening<'a>(words: &'a str, rule: &str) -> std::borrow::Cow<'a, str> {
    let first = words.split(' ').next().unwrap_or_default();
    let is_name = first.contains(['_', '.']) || rule.split('.').any(|name| name == first);
    let mut letters = words.chars();
    match letters.next().filter(|letter| letter.is_lowercase() && !is_name) {
        Some(letter) => letter.to_uppercase().chain(letters).collect::<String>().into(),
        None => words.into(),
    }
}

#[test]
fn words_open_with_a_capital_letter_and_names_stay_as_they_are() {
    assert_eq!(opening("no two rows have the same id", "t.primary_key"), "No two rows have the same id");
    assert_eq!(opening("überall", "t.a"), "Überall");
    for same in ["speed ist mindestens 0", "t.jumps holds", "stop_id is there", "", "A rule.", "2 rows"] {
        assert_eq!(opening(same, "t.speed.range"), same);
    }
}

/// A number as German writes it: with a comma in place of the point.
pub fn german_number(text: &str) -> String {
    text.replace('.', ",")
}
