//! The dates of HTTP headers (RFC 9110, 5.6.7).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, and the two older forms.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text) {
        return Some(instant);
    }
    let older = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let civil = older.iter().find_map(|form| DateTime::strptime(form, text).ok())?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// Writes `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn format(instant: Timestamp) -> String {
    instant.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_three_forms_of_a_date_are_one_instant() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(super::parse(text).map(|instant| instant.as_second()), Some(784_111_777), "{text}");
        }
        assert_eq!(super::parse("120"), None);
        let instant = jiff::Timestamp::from_second(784_111_777).unwrap();
        assert_eq!(super::format(instant), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
