//! Destructions and keys: what no table has, by the entries of the log.

use maud::{Markup, html};

use super::page::Page;
use crate::audit_report::ledger_entries::{Place, act_words};
use crate::ledger::PurgeRecord;

/// Lines of each of the two tables.
const LINES: usize = 40;

pub(super) fn destructions(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    let entries = &page.report.ledger;
    let head = |columns: &[(&'static str, &'static str)]| {
        html! { thead { tr { @for (de, en) in columns { th scope="col" { (say(de, en)) } } } } }
    };
    html! {
        h2 { (say("Vernichtungen und Signaturschlüssel", "Destructions and signing keys")) }
        p {
            (say(
                "Davon hat keine Tabelle etwas, und keine Abfrage zählt es: Es sind Einträge des Protokolls. Jeder steht hier mit seiner Nummer im \
                 Protokoll und der Prüfsumme seines Belegs, der ",
                "No table has these, and no query counts them: they are entries of the log. Each stands here with its number in the log and the \
                 digest of its record, which is ",
            ))
            code { "ledger/records/" span.q translate="no" { (say("PRÜFSUMME", "DIGEST")) } ".json" }
            (say(" heißt.", "."))
        }
        @if entries.purges.is_empty() {
            p { (say("Von Tagen des Jahres wurde nichts vernichtet.", "Nothing of dates of the year was destroyed.")) }
        } @else {
            div.wide { table.stack.digests {
                caption { (say("Vernichtet von Tagen des Jahres: Aufzeichnungen, Schlüssel, Quarantäne", "Destroyed of dates of the year: captures, key, quarantine")) }
                (head(&[("Tag", "date"), ("Pipeline", "pipeline"), ("vernichtet am (UTC)", "destroyed at (UTC)"), ("was", "what"), ("warum", "why"), ("Eintrag und Beleg", "entry and record")]))
                tbody { @for (place, record) in entries.purges.iter().take(LINES) { (purge(page, *place, record)) } }
            } }
            (more(page, entries.purges.len()))
        }
        @if entries.keys.is_empty() {
            p { (say("Das Protokoll ist nicht unterschrieben.", "The log is not signed.")) }
        } @else {
            div.wide { table.stack.digests {
                caption { (say("Signaturschlüssel des Protokolls, aller Jahre", "Signing keys of the log, of all years")) }
                (head(&[("wann (UTC)", "when (UTC)"), ("Schlüssel", "key"), ("was", "what"), ("warum", "why"), ("Eintrag und Beleg", "entry and record")]))
                tbody {
                    @for (place, record) in entries.keys.iter().take(LINES) {
                        @let (de, en) = act_words(record.act);
                        tr {
                            td translate="no" { (record.changed_at) }
                            td { (page.quoted(&record.name)) }
                            td { (say(de, en)) }
                            td { @if let Some(reason) = &record.reason { (page.quoted(reason)) } }
                            (entry(*place))
                        }
                    }
                }
            } }
            (more(page, entries.keys.len()))
        }
        @if !entries.unread.is_empty() {
            p { b {
                (say(
                    "Belege, die das Protokoll nennt, sind nicht da oder nicht die, die es nennt: ",
                    "Records that the log names are not there, or are not those that it names: ",
                ))
            }
                @for place in entries.unread.iter().take(LINES) { code { (place.record.to_string()) } " " }
            }
        }
    }
}

fn purge(page: Page<'_>, place: Place, record: &PurgeRecord) -> Markup {
    let captures: u64 = record.evidence.iter().map(|of| of.captures).sum();
    let why = match (&record.rule, &record.decided) {
        (Some(rule), _) => rule.clone(),
        (None, Some(decided)) => format!("{}: {}", decided.by, decided.reason),
        (None, None) => String::new(),
    };
    html! {
        tr {
            td translate="no" { (record.date) }
            td { @if let Some(pipeline) = &record.pipeline { (page.quoted(pipeline)) } }
            td translate="no" { (record.purged_at) }
            td {
                span translate="no" { (captures) } (page.say(" Aufzeichnungen", " captures"))
                @if record.pseudonym_key.is_some() { (page.say(", Schlüssel", ", key")) }
                ", " span translate="no" { (record.quarantined) } (page.say(" Zeilen der Quarantäne", " rows in quarantine"))
                @if !record.kept_by_others.is_empty() {
                    (page.say("; unberührt, da andere sie aufbewahren: ", "; not touched, as others keep them: "))
                    (page.quoted(&record.kept_by_others.join(", ")))
                }
            }
            td { (page.quoted(&why)) }
            (entry(place))
        }
    }
}

fn entry(place: Place) -> Markup {
    html! { td translate="no" { (place.index) " " code { (place.record.to_string()) } } }
}

fn more(page: Page<'_>, lines: usize) -> Markup {
    html! {
        @if lines > LINES {
            p.more {
                (page.say("Weitere stehen im Protokoll: ", "More are in the log: "))
                code { "ledger/index.json" } "."
            }
        }
    }
}

/// The command that checks the log, with the key of today.
pub(super) fn verify_command(page: Page<'_>, base: &str) -> Markup {
    let key = page.report.ledger.signs.as_ref().map(|key| key.key.as_str());
    html! {
        code { "fahrtenbuch verify " (base) @if let Some(key) = key { " --key '" (key) "'" } }
        @if key.is_some() {
            (page.say(
                "; wer einen Prüfpunkt (",
                "; whoever kept a checkpoint (",
            ))
            code { "ledger/checkpoint" }
            (page.say(") aufbewahrt hat, fügt ", ") adds "))
            code { "--since " (page.say("DATEI", "FILE")) }
            (page.say(
                " an. Der Schlüssel steht hier, wie ihn der Bucket heute nennt: Vergleichen Sie ihn mit dem, den die Stadt Ihnen auf anderem Weg gab. ",
                ". The key stands here as the bucket has it today: compare it with the one that the city gave you in another way. ",
            ))
        }
    }
}
