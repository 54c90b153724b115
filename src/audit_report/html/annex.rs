//! How to check the report: what to fetch and run, the tables with their digests, and the queries.

use maud::{Markup, html};

use super::ledger;
use super::page::Page;
use crate::audit_report::coverage_views::VIEWS;
use crate::audit_report::figures::{self, FIGURES};
use crate::audit_report::tables::View;

pub(super) fn how_to_check(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    let base = page
        .report
        .described
        .base_url
        .as_deref()
        .unwrap_or(say("https://ADRESSE-DES-BUCKETS", "https://ADDRESS-OF-THE-BUCKET"));
    let base = base.trim_end_matches('/');
    html! {
        h2 { (say("So prüfen Sie diesen Bericht", "How to check this report")) }
        p {
            (say(
                "Alles, worauf dieser Bericht beruht, ist öffentlich. Zum Nachrechnen genügt ein Rechner mit DuckDB (kostenlos); es braucht \
                 weder Zugang zu Systemen der Stadt noch deren Programm.",
                "All that this report is based on is public. A computer with DuckDB (free of charge) is enough to recompute everything; neither \
                 access to the city's systems nor its program is needed.",
            ))
        }
        ol.cards {
            li {
                b { (say("Nachrechnen. ", "Recompute. ")) } code { "figures.csv" }
                (say(
                    " hat zu jedem Kennzeichen die Abfrage, den Wert und die Tabellen mit ihrer Prüfsumme. Zuerst ",
                    " has the query, the value and the tables with their digests for each label. Run ",
                ))
                code { "preamble.sql" }
                (say(
                    " in DuckDB ausführen, dann die Abfrage, wie sie dasteht. Die Abfragen stehen auch im Anhang.",
                    " in DuckDB first, then the query as it stands. The queries are in the annex, too.",
                ))
            }
            li {
                b { (say("Dateien prüfen. ", "Check the files. ")) }
                (say(
                    "Die Prüfsumme einer Tabelle im Anhang ist die ihres Verzeichnisses; dieses nennt die Prüfsumme jeder Datei: ",
                    "The digest of a table in the annex is that of its index, which names the digest of each file: ",
                ))
                code { "curl -s " (base) "/meta/…/index/v….json | sha256sum" }
            }
            li {
                b { (say("Nichts wurde nachträglich ersetzt. ", "Nothing was replaced later. ")) }
                (say(
                    "Jede Veröffentlichung und jeder Rückzug ist ein Eintrag im Protokoll ",
                    "Each release and each withdrawal is an entry in the log ",
                ))
                code { "ledger/log/" }
                (say(
                    ", dessen Fassungen aufeinander verweisen. Wer heute eine Fassung aufbewahrt, erkennt später jede Änderung davor: ",
                    ", whose versions refer to each other. Whoever keeps a version today will notice any later change of what came before: ",
                ))
                (ledger::verify_command(page, base))
            }
            li {
                b { (say("Belege der Läufe. ", "Records of the runs. ")) } code { "ledger/records/" }
                (say(
                    " hat zu jedem Lauf, was hineinging, was jede Regel fand und wohin jede Zeile kam; ",
                    " has for each run what went in, what each rule found and where each row went; ",
                ))
                code { "ledger/objects/" }
                (say(
                    " die Texte der Verträge und Regeln. Der Name einer Datei ist die Prüfsumme ihres Inhalts.",
                    " has the texts of contracts and rules. The name of a file is the digest of its content.",
                ))
            }
            li {
                b { (say("Stichprobe und Wiederholung. ", "Sample and replay. ")) }
                (say(
                    "Die Stadt führt auf Verlangen vor, woher eine veröffentlichte Zeile kommt (",
                    "On request the city shows where a published row comes from (",
                ))
                code { "fahrtenbuch trace" }
                (say(
                    "), und wiederholt einen Lauf aus den aufbewahrten Aufzeichnungen mit demselben Ergebnis bis aufs Byte (",
                    "), and repeats a run from the captures that are kept, with the same result, byte for byte (",
                ))
                code { "fahrtenbuch replay" }
                (say(
                    "). Der Beleg einer Vernichtung zählt die vernichteten Aufzeichnungen jeder Quelle und nennt die Prüfsumme ihrer Liste; Quellen, \
                     deren Aufzeichnungen andere aufbewahren, nennt er als unberührt.",
                    "). The record of a destruction counts the captures of each source that were destroyed, and names the digest of their list; sources \
                     whose captures others keep it names as not touched.",
                ))
            }
        }
    }
}

/// The numbers of tables that a figure is counted from: `T1, T4`.
fn numbers(page: Page<'_>, views: &[View]) -> Vec<String> {
    let of_views = views.iter().flat_map(|view| page.report.tables.of_view(*view));
    of_views.map(|(number, _)| format!("T{number}")).collect()
}

pub(super) fn tables(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    html! {
        h2 { (say("Anhang: die Tabellen und ihre Prüfsummen", "Annex: the tables and their digests")) }
        p.small {
            (say(
                "Prüfsumme (SHA-256) der Fassung des Tabellenverzeichnisses, auf der dieser Bericht beruht.",
                "Digest (SHA-256) of the version of the table's index that this report is based on.",
            ))
        }
        div.wide { table.digests {
            thead { tr {
                th scope="col" { (say("Nr.", "No.")) }
                th scope="col" { (say("Tabelle", "Table")) }
                th scope="col" { (say("Fassung", "Version")) }
                th scope="col" { "SHA-256" }
            } }
            tbody {
                @for (number, table) in (1..).zip(&page.report.tables.0) {
                    tr translate="no" {
                        td { "T" (number) }
                        td { (table.name()) }
                        td { (table.version) }
                        td { code { (table.sha256.to_string()) } }
                    }
                }
            }
        } }
    }
}

pub(super) fn queries(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    html! {
        h2 { (say("Anhang: die Abfragen", "Annex: the queries")) }
        p.small {
            (say(
                "In der Sprache SQL, wie DuckDB sie versteht, nach ",
                "In SQL as DuckDB understands it, after ",
            ))
            code { "preamble.sql" }
            (say(
                ". Dieselben Texte stehen in ",
                ". The same texts are in ",
            ))
            code { "figures.csv" } "."
        }
        div.sql {
            section {
                h3 { (say("Sichten, die mehrere Abfragen lesen", "Views that several queries read")) }
                pre translate="no" { (VIEWS) }
            }
            @for of in FIGURES {
                section #(figures::name(of.key)) {
                    h3 {
                        span translate="no" { (figures::name(of.key)) } " " (of.label(page.language))
                        @let numbers = numbers(page, of.views);
                        @if !numbers.is_empty() { span translate="no" { " (" (numbers.join(", ")) ")" } }
                    }
                    pre translate="no" { (of.sql) }
                }
            }
        }
    }
}
