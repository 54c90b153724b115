//! Dates and times in the formats that a contract names, which are those of Java (ODCS 3.1, `logicalTypeOptions.format`).

use jiff::fmt::strtime::BrokenDownTime;

/// A text in a format of Java's `DateTimeFormatter`, by its numeric letters; `None` for others, and where it does not fit.
pub(super) fn parsed(text: &str, format: &str) -> Option<BrokenDownTime> {
    BrokenDownTime::parse(directives(format)?, text).ok()
}

/// The format in the directives of `strptime`.
fn directives(format: &str) -> Option<String> {
    let mut out = String::new();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        let mut count = 1;
        while letter.is_ascii_alphabetic() && letters.next_if_eq(&letter).is_some() {
            count += 1;
        }
        match (letter, count) {
            ('\'', _) => loop {
                match letters.next()? {
                    '\'' => break,
                    '%' => out.push_str("%%"),
                    quoted => out.push(quoted),
                }
            },
            ('y' | 'u', 1 | 4) => out.push_str("%Y"),
            ('y' | 'u', 2) => out.push_str("%y"),
            ('M' | 'L', 1 | 2) => out.push_str("%m"),
            ('d', 1 | 2) => out.push_str("%d"),
            ('H', 1 | 2) => out.push_str("%H"),
            ('m', 1 | 2) => out.push_str("%M"),
            ('s', 1 | 2) => out.push_str("%S"),
            ('S', 1..=9) => out.push_str("%f"),
            ('Z', 1..=3) => out.push_str("%z"),
            ('X' | 'x', 1 | 2) => out.push_str("%z"),
            ('Z', 5) | ('X' | 'x', 3) => out.push_str("%:z"),
            (letter, _) if letter.is_ascii_alphabetic() => return None,
            ('%', _) => out.push_str("%%"),
            (other, _) => out.push(other),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_java_are_read_by_their_numeric_letters() {
        for (text, format, expected) in [
            ("24.11.2026", "dd.MM.yyyy", Some("2026-11-24")),
            ("2026/11/24", "yyyy/MM/dd", Some("2026-11-24")),
            ("24.11.26", "dd.MM.yy", Some("2026-11-24")),
            ("24 Nov 2026", "d MMM yyyy", None),
            ("2026-11-24", "dd.MM.yyyy", None),
        ] {
            let date = parsed(text, format).and_then(|broken| broken.to_date().ok()).map(|date| date.to_string());
            assert_eq!(date.as_deref(), expected, "{text} {format}");
        }
        let time = parsed("24.11.2026 08:05:09+01:00", "dd.MM.yyyy HH:mm:ssXXX").unwrap().to_timestamp().unwrap();
        assert_eq!(time.to_string(), "2026-11-24T07:05:09Z");
        assert!(parsed("2026-11-24T08:05", "yyyy-MM-dd'T'HH:mm").unwrap().to_datetime().is_ok());
    }
}
