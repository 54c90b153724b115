//! How dates are written in German and English.

use crate::text::Language;
use crate::time::ServiceDate;

const MONTHS_DE: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const SHORT_DE: [&str; 12] =
    ["Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."];
const SHORT_EN: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `November 2026`.
pub(in crate::portal) fn month(language: Language, date: ServiceDate) -> String {
    format!("{} {}", month_word(language, date), date.0.year())
}

/// `Nov.`, `Nov`.
pub(in crate::portal) fn month_short(language: Language, date: ServiceDate) -> &'static str {
    name_of(date, if language == Language::De { SHORT_DE } else { SHORT_EN })
}

fn month_word(language: Language, date: ServiceDate) -> &'static str {
    name_of(date, if language == Language::De { MONTHS_DE } else { MONTHS_EN })
}

fn name_of(date: ServiceDate, months: [&'static str; 12]) -> &'static str {
    let place = usize::try_from(date.0.month() - 1).unwrap_or_default();
    months.get(place).copied().unwrap_or_default()
}

/// `24. November 2026`, `24 November 2026`.
pub(in crate::portal) fn day_text(language: Language, date: ServiceDate) -> String {
    let dot = language.say(".", "");
    format!("{}{dot} {} {}", date.0.day(), month_word(language, date), date.0.year())
}

/// `Di, 24.11.2026`, `Tue 24 Nov 2026`.
pub(in crate::portal) fn day_short(language: Language, date: ServiceDate) -> String {
    format!("{}{}", weekday(language, date), numbers(language, date))
}

/// `24.11.2026`, `24 Nov 2026`.
pub(in crate::portal) fn numbers(language: Language, date: ServiceDate) -> String {
    let (day, year) = (date.0.day(), date.0.year());
    match language {
        Language::De => format!("{day}.{}.{year}", date.0.month()),
        Language::En => format!("{day} {} {year}", month_short(language, date)),
    }
}

/// Of the first day of the week on: the short name and the whole one.
pub(in crate::portal) const WEEKDAYS: [(&str, &str, &str, &str); 7] = [
    ("Mo", "Montag", "Mo", "Monday"),
    ("Di", "Dienstag", "Tu", "Tuesday"),
    ("Mi", "Mittwoch", "We", "Wednesday"),
    ("Do", "Donnerstag", "Th", "Thursday"),
    ("Fr", "Freitag", "Fr", "Friday"),
    ("Sa", "Samstag", "Sa", "Saturday"),
    ("So", "Sonntag", "Su", "Sunday"),
];

/// What stands before a date: `Di, `, `Tue `.
fn weekday(language: Language, date: ServiceDate) -> String {
    let place = usize::try_from(date.0.weekday().to_monday_zero_offset()).unwrap_or_default();
    let (de, _, _, en) = WEEKDAYS.get(place).copied().unwrap_or_default();
    match language {
        Language::De => format!("{de}, "),
        Language::En => format!("{} ", en.get(..3).unwrap_or(en)),
    }
}

/// In UTC, to the minute: `25.11.2026, 5:00 UTC`, `25 Nov 2026, 5:00 UTC`.
pub(super) fn at_text(at: jiff::Timestamp, language: Language) -> String {
    at.strftime(language.say("%-d.%-m.%Y, %-H:%M UTC", "%-d %b %Y, %-H:%M UTC")).to_string()
}
