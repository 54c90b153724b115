//! The report for a terminal, in one language.

use std::fmt::Write;

use crate::page::day_words;
use crate::privacy_report::attack::Attack;
use crate::privacy_report::{DatasetReport, Language, Linkage, PrivacyReport, UnreadSource};
use crate::text::grouped;
use crate::time::ServiceDate;

/// The report as text.
pub(crate) fn write(report: &PrivacyReport, language: Language) -> String {
    let mut out = String::new();
    // Writing into a text cannot fail.
    let _: std::fmt::Result = told(&mut out, report, language);
    out
}

fn told(out: &mut String, report: &PrivacyReport, language: Language) -> std::fmt::Result {
    let say = |de, en| language.say(de, en);
    writeln!(out, "{}: {} ({})", say("Datenschutzbericht", "Privacy report"), report.title, report.made_on)?;
    writeln!(out, "\n{}", kept(report, language))?;
    for dataset in &report.datasets {
        of_dataset(out, dataset, language)?;
    }
    let lacking = report.without_why();
    if !lacking.is_empty() {
        let told = match lacking.len() {
            1 => say(
                "Für diese personenbeziehbare Spalte fehlt die Begründung (customProperty 'whyDe' und 'why' im Vertrag):",
                "This column that may tell of persons has no reason (custom property 'why' in the contract):",
            ),
            _ => say(
                "Für diese personenbeziehbaren Spalten fehlt die Begründung (customProperty 'whyDe' und 'why' im Vertrag):",
                "These columns that may tell of persons have no reason (custom property 'why' in the contract):",
            ),
        };
        writeln!(out, "\n{told}")?;
        lacking.iter().try_for_each(|column| writeln!(out, "  {column}"))?;
    }
    Ok(())
}

/// A date as the language writes it.
pub(super) fn day_in(date: ServiceDate, language: Language) -> String {
    let [de, en] = day_words(date);
    language.say(&de, &en).to_owned()
}

/// How long evidence and keys are kept, in a sentence or two.
pub(super) fn kept(report: &PrivacyReport, language: Language) -> String {
    let kept = &report.retention;
    let period = language.of(&kept.evidence);
    let general = match language {
        Language::De => format!("Aufzeichnungen und Schlüssel werden {period} aufbewahrt und zusammen vernichtet."),
        Language::En => format!("Evidence and keys are kept for {period} and destroyed together."),
    };
    let general = match (kept.kept_by_others.as_slice(), language) {
        ([], _) => general,
        (others, Language::De) => {
            format!(
                "{general} Aufzeichnungen, die andere aufbewahren ({}), werden nicht vernichtet.",
                others.join(", ")
            )
        }
        (others, Language::En) => {
            format!("{general} Evidence that others keep ({}) is not destroyed.", others.join(", "))
        }
    };
    let there = match (kept.keys, language) {
        (1, Language::De) => "Es gibt einen Schlüssel; er ist".to_owned(),
        (1, Language::En) => "There is one key; it is".to_owned(),
        (keys, Language::De) => format!("Es gibt {} Schlüssel; der älteste ist", number(keys, language)),
        (keys, Language::En) => format!("There are {} keys; the oldest is", number(keys, language)),
    };
    let written = |date: Option<ServiceDate>| date.map(|date| day_in(date, language));
    let is_due = kept.destroyed_on.is_some_and(|day| day <= report.made_on);
    let next = match (written(kept.oldest), written(kept.destroyed_on), language) {
        (Some(date), Some(day), Language::De) if is_due => {
            format!("{there} vom {date} und seit {day} fällig: 'fahrtenbuch evidence purge'.")
        }
        (Some(date), Some(day), Language::En) if is_due => {
            format!("{there} of {date} and has been due since {day}: 'fahrtenbuch evidence purge'.")
        }
        (Some(date), Some(day), Language::De) => format!("{there} vom {date} und wird am {day} vernichtet."),
        (Some(date), Some(day), Language::En) => format!("{there} of {date} and is destroyed on {day}."),
        (_, _, Language::De) => "Es gibt keine Schlüssel.".to_owned(),
        (_, _, Language::En) => "There are no keys.".to_owned(),
    };
    format!("{general} {next}")
}

fn of_dataset(out: &mut String, dataset: &DatasetReport, language: Language) -> std::fmt::Result {
    writeln!(out, "\n{}", dataset.dataset)?;
    for told in &dataset.privacy {
        writeln!(out, "  {}", language.of(told))?;
    }
    for table in &dataset.tables {
        writeln!(out, "  {}", table.table)?;
        let width = table.columns.iter().map(|column| column.column.len()).max().unwrap_or_default();
        for column in &table.columns {
            let why = column.why.as_ref().map(|why| format!(": {}", language.of(why))).unwrap_or_default();
            let mark = if column.lacks_why() { language.say(" (Begründung fehlt)", " (no reason given)") } else { "" };
            writeln!(out, "    {:width$}  {}{why}{mark}", column.column, language.of(&column.how))?;
        }
    }
    let unused: Vec<String> = (dataset.received.iter())
        .flat_map(|table| {
            let unused = table.columns.iter().filter(|column| column.used_for.is_empty());
            unused.map(move |column| format!("{}.{}", table.table, column.column))
        })
        .collect();
    if !unused.is_empty() {
        let told = language.say("  empfangen und nicht veröffentlicht: ", "  received and not published: ");
        writeln!(out, "{told}{}", unused.join(", "))?;
    }
    for source in dataset.unread.iter().filter(|source| source.captures > 0) {
        writeln!(out, "  {}", unread(source, language))?;
    }
    dataset.linkage.iter().try_for_each(|linkage| of_linkage(out, linkage, language))
}

/// What a source gives and nothing is made of.
pub(super) fn unread(source: &UnreadSource, language: Language) -> String {
    let names = source.names.join(", ");
    let more = if source.has_more { language.say(" und weitere", " and more") } else { "" };
    match (source.names.is_empty(), language) {
        (true, Language::De) => format!("{}: alles, was die Quelle liefert, ist im Vertrag", source.source),
        (true, Language::En) => format!("{}: all that the source gives is in the contract", source.source),
        (false, Language::De) => {
            format!("{}: geliefert, in keinem Vertrag, daher privat: {names}{more}", source.source)
        }
        (false, Language::En) => format!("{}: given, in no contract, and so private: {names}{more}", source.source),
    }
}

fn of_linkage(out: &mut String, linkage: &Linkage, language: Language) -> std::fmt::Result {
    let span = match (linkage.days.first(), linkage.days.last()) {
        (Some(first), Some(last)) => format!("{} … {}", first.date, last.date),
        _ => String::new(),
    };
    let title = language.say("Verkettbarkeit der Fahrzeuge", "Linkage of vehicles");
    writeln!(out, "  {title}, {} ({span})", linkage.table)?;
    for (name, attack) in attacks(linkage, language) {
        writeln!(out, "    {name}: {}", attack_in_words(attack, language))?;
    }
    writeln!(out, "    {}", alone(linkage, language))
}

/// The attacks with their names.
pub(super) fn attacks(linkage: &Linkage, language: Language) -> Vec<(&'static str, &Attack)> {
    let mut attacks: Vec<(&'static str, &Attack)> = Vec::new();
    if let Some(within_day) = &linkage.within_day {
        let name = language.say("von Fahrt zu Fahrt innerhalb eines Tages", "from trip to trip within a day");
        attacks.push((name, within_day));
    }
    let by_place =
        language.say("abends zuletzt, morgens zuerst am selben Ort", "last place in the evening, first in the morning");
    attacks.push((by_place, &linkage.by_place));
    attacks
        .push((language.say("dieselben Fahrten wie am Vortag", "the same trips as the day before"), &linkage.by_trips));
    attacks
}

/// What an attack came to.
pub(super) fn attack_in_words(attack: &Attack, language: Language) -> String {
    let claimed = number(attack.claimed, language);
    match (attack.right, attack.possible.filter(|possible| *possible > 0), attack.by_chance) {
        (Some(right), Some(possible), Some(by_chance)) => {
            let [rate, chance] = [right as f64, by_chance].map(|of| percent(of, possible, language));
            let [right, possible] = [right, possible].map(|of| number(of, language));
            match language {
                Language::De => format!(
                    "{rate} richtig verkettet ({right} von {possible} möglichen; {claimed} behauptet), durch Zufall {chance}"
                ),
                Language::En => format!(
                    "{rate} linked rightly ({right} of {possible} possible; {claimed} claimed), by chance {chance}"
                ),
            }
        }
        (Some(_), None, _) => language.say("nichts zu verketten", "nothing to link").to_owned(),
        _ => match (attack.claimed, language) {
            (0, Language::De) => "nicht gemessen: keine zwei aufeinander folgenden Tage".to_owned(),
            (0, Language::En) => "not measured: no two days that follow each other".to_owned(),
            (_, Language::De) => {
                format!("{claimed} behauptet; ob richtig, weiß niemand mehr: Belege oder Schlüssel fehlen")
            }
            (_, Language::En) => {
                format!("{claimed} claimed; nobody knows any more if rightly: evidence or keys are gone")
            }
        },
    }
}

/// Rows of a single vehicle in their group.
pub(super) fn alone(linkage: &Linkage, language: Language) -> String {
    let rows = linkage.rows_on_lines;
    if rows == 0 {
        return language.say("Keine Zeile nennt ihre Linie.", "No row tells its line.").to_owned();
    }
    let share = percent(linkage.rows_alone as f64, rows, language);
    if rows == 1 {
        return match language {
            Language::De => format!(
                "{share} der Zeilen ({} von 1) ist in ihrer Stunde das einzige Fahrzeug der Linie",
                linkage.rows_alone
            ),
            Language::En => {
                format!("{share} of the rows ({} of 1) is the only vehicle of its line in the hour", linkage.rows_alone)
            }
        };
    }
    let [alone, rows] = [linkage.rows_alone, rows].map(|of| number(of, language));
    match language {
        Language::De => {
            format!("{share} der Zeilen ({alone} von {rows}) sind in ihrer Stunde das einzige Fahrzeug der Linie")
        }
        Language::En => {
            format!("{share} of the rows ({alone} of {rows}) are the only vehicle of their line in the hour")
        }
    }
}

/// A whole number with its thousands set apart.
pub(super) fn number(value: u64, language: Language) -> String {
    language.of(&grouped(value)).to_owned()
}

/// A share with one decimal place.
fn percent(part: f64, all: u64, language: Language) -> String {
    language.decimal(100.0 * part / all as f64, 1) + language.say("\u{202f}%", "%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy_report::Kept;
    use crate::text::Text;

    #[test]
    fn one_of_something_is_told_as_one() {
        let date = |text: &str| text.parse().unwrap();
        let report = |keys| PrivacyReport {
            title: "Bus".to_owned(),
            made_on: date("2026-11-27"),
            retention: Kept {
                evidence: Text::new("13 months", "13 Monate"),
                keys,
                oldest: Some(date("2026-11-24")),
                kept_by_others: Vec::new(),
                destroyed_on: Some(date("2027-12-25")),
            },
            datasets: Vec::new(),
        };
        let told = |keys| [Language::En, Language::De].map(|language| kept(&report(keys), language));
        let [en, de] = told(1);
        assert!(en.ends_with("There is one key; it is of 24 Nov 2026 and is destroyed on 25 Dec 2027."), "{en}");
        assert!(
            de.ends_with("Es gibt einen Schlüssel; er ist vom 24.11.2026 und wird am 25.12.2027 vernichtet."),
            "{de}"
        );
        let [en, de] = told(1200);
        assert!(en.contains("There are 1,200 keys; the oldest is of 24 Nov 2026"), "{en}");
        assert!(de.contains("Es gibt 1.200 Schlüssel; der älteste ist vom"), "{de}");
    }
}
