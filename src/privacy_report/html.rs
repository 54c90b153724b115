//! The report as one page in one language that needs nothing else, to be read on any screen and to be printed.

use maud::{Markup, html};

use crate::page::{identifier, page_in};
use crate::privacy_report::columns::{ColumnReport, ReceivedTable, Table};
use crate::privacy_report::text::{alone, attack_in_words, attacks, day_in, kept, number, unread};
use crate::privacy_report::{DatasetReport, Language, Linkage, PrivacyReport};

/// The page.
pub(crate) fn write(report: &PrivacyReport, language: Language) -> String {
    let say = |de, en| language.say(de, en);
    let title = say("Datenschutzbericht", "Privacy report");
    let lacking = report.without_why();
    let content = html! {
        h1 { (title) }
        p.of { (report.title) ", " (day_in(report.made_on, language)) }
        p {
            (say(
                "Was von jeder Spalte veröffentlicht wird, wie und warum; wie lange Aufzeichnungen und Schlüssel aufbewahrt werden; und wie \
                 weit sich Fahrzeuge in den veröffentlichten Dateien verfolgen lassen. Der Bericht enthält keine personenbezogenen Daten.",
                "What is published of each column, how and why; how long evidence and keys are kept; and how far vehicles can be \
                 followed in the published files. The report holds no personal data.",
            ))
        }
        h2 { (say("Aufbewahrung", "Retention")) }
        p { (kept(report, language)) }
        @if !lacking.is_empty() {
            h2.bad { (say("Begründung fehlt", "No reason given")) }
            p {
                (if lacking.len() == 1 { say(
                    "Diese Spalte sagt etwas über Personen oder über ein Fahrzeug, das eine Person fährt, und niemand hat \
                     aufgeschrieben, warum sie veröffentlicht wird. Im Vertrag: customProperties 'why' und 'whyDe'.",
                    "This column tells of persons, or of a vehicle that a person drives, and nobody has written down why it is \
                     published. In the contract: custom properties 'why' and 'whyDe'.",
                ) } else { say(
                    "Diese Spalten sagen etwas über Personen oder über ein Fahrzeug, das eine Person fährt, und niemand hat \
                     aufgeschrieben, warum sie veröffentlicht werden. Im Vertrag: customProperties 'why' und 'whyDe'.",
                    "These columns tell of persons, or of a vehicle that a person drives, and nobody has written down why they \
                     are published. In the contract: custom properties 'why' and 'whyDe'.",
                ) })
            }
            ul { @for column in &lacking { li { code { (identifier(column)) } } } }
        }
        @for dataset in &report.datasets { (of_dataset(dataset, language)) }
    };
    let code = say("de", "en");
    page_in(code, &format!("{title} – {}", report.title), STYLE, &content)
}

fn of_dataset(dataset: &DatasetReport, language: Language) -> Markup {
    let say = |de, en| language.say(de, en);
    let is_personal = |table: &&Table| table.is_of_vehicles || table.columns.iter().any(|column| column.personal);
    let (personal, others): (Vec<&Table>, Vec<&Table>) = dataset.tables.iter().partition(is_personal);
    // Before the first publication all are to be read; later on those that the feed lacks can wait.
    let is_new = !dataset.tables.iter().any(|table| table.has_files);
    let (in_full, lacking): (Vec<&Table>, Vec<&Table>) =
        personal.into_iter().partition(|table| is_new || table.has_files);
    html! {
        section {
            h2 { (dataset.dataset) }
            @if !dataset.privacy.is_empty() { ul { @for told in &dataset.privacy { li { (language.of(told)) } } } }
            @for linkage in &dataset.linkage { (of_linkage(linkage, language)) }
            @for table in &in_full { (of_table(table, language)) }
            (folded(
                &lacking,
                match lacking.len() {
                    1 => say(
                        "Tabelle mit solchen Angaben, von der noch nichts veröffentlicht ist",
                        "table that may tell of them and of which nothing was published yet",
                    ),
                    _ => say(
                        "Tabellen mit solchen Angaben, von denen noch nichts veröffentlicht ist",
                        "tables that may tell of them and of which nothing was published yet",
                    ),
                },
                language,
            ))
            (folded(
                &others,
                match others.len() {
                    1 => say(
                        "Tabelle ohne Angaben über Personen oder einzelne Fahrzeuge",
                        "table that tells nothing of persons or single vehicles",
                    ),
                    _ => say(
                        "Tabellen ohne Angaben über Personen oder einzelne Fahrzeuge",
                        "tables that tell nothing of persons or single vehicles",
                    ),
                },
                language,
            ))
            @let sources: Vec<_> = dataset.unread.iter().filter(|source| source.captures > 0).collect();
            @if !sources.is_empty() {
                h3 { (say("Was die Quellen sonst noch liefern", "What else the sources give")) }
                p {
                    (say(
                        "Felder und Spalten, die kein Vertrag kennt, verlassen die Belege nie. Gesehen in den neuesten Abrufen:",
                        "Fields and columns that no contract knows never leave the evidence. Seen in the newest captures:",
                    ))
                }
                ul.received { @for source in &sources { li { (unread(source, language)) } } }
            }
            @if !dataset.received.is_empty() {
                details {
                    summary { (say("Was empfangen wird und wozu es dient", "What is received, and what it is used for")) }
                    @for table in &dataset.received { (received(table, language)) }
                }
            }
        }
    }
}

/// Tables that open on the screen; on paper they are a list of names.
fn folded(tables: &[&Table], title: &str, language: Language) -> Markup {
    html! {
        @if !tables.is_empty() {
            details.folded {
                summary { (tables.len()) " " (title) }
                @for table in tables {
                    h4 { code { (table.table) } }
                    (columns(table, language))
                }
            }
            p.list {
                (tables.len()) " " (title)
                (language.say(" (Spalten: siehe die Seite am Bildschirm): ", " (columns: see the page on a screen): "))
                @for (place, table) in tables.iter().enumerate() {
                    @if place > 0 { ", " }
                    code { (table.table) }
                }
            }
        }
    }
}

fn of_table(table: &Table, language: Language) -> Markup {
    html! {
        h3 { code { (table.table) } }
        (columns(table, language))
    }
}

fn columns(table: &Table, language: Language) -> Markup {
    let say = |de, en| language.say(de, en);
    html! {
        div.wide { table.columns {
            thead { tr {
                th { (say("Spalte", "Column")) }
                th { (say("Veröffentlicht", "Published")) }
                th { (say("Wie", "How")) }
                th { (say("Was und warum", "What and why")) }
            } }
            tbody { @for column in &table.columns { (of_column(column, language)) } }
        } }
    }
}

fn of_column(column: &ColumnReport, language: Language) -> Markup {
    let say = |de, en| language.say(de, en);
    html! {
        tr.private[!column.published] {
            td {
                code { (identifier(&column.column)) }
                @if column.personal { " " span.mark { (say("personenbeziehbar", "personal")) } }
            }
            td data-label=(say("Veröffentlicht", "Published")) {
                @if column.published { (say("ja", "yes")) } @else { (say("nein", "no")) }
                " " small { (column.classification) }
            }
            td data-label=(say("Wie", "How")) { (identifier(language.of(&column.how))) }
            td data-label=(say("Was und warum", "What and why")) {
                @if let Some(what) = &column.what { div { (language.of(what)) } }
                @if let Some(why) = &column.why { div.why { b { (say("Warum: ", "Why: ")) } (language.of(why)) } }
                @if column.lacks_why() { div.bad { (say("Begründung fehlt", "no reason given")) } }
                @for address in &column.definitions { div { (definition(address)) } }
            }
        }
    }
}

/// A link, if it is one that a browser may follow; a contract may name anything.
fn definition(address: &str) -> Markup {
    let is_web = ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
    html! { @if is_web { a href=(address) { (address) } } @else { (address) } }
}

fn received(table: &ReceivedTable, language: Language) -> Markup {
    html! {
        h4 { code { (table.table) } }
        ul.received {
            @for column in &table.columns {
                li {
                    code { (identifier(&column.column)) } " "
                    @if column.used_for.is_empty() {
                        small { (language.say("nicht veröffentlicht", "not published")) }
                    } @else {
                        "→ " (column.used_for.join(", "))
                    }
                }
            }
        }
    }
}

fn of_linkage(linkage: &Linkage, language: Language) -> Markup {
    let say = |de, en| language.say(de, en);
    html! {
        h3 { (say("Verkettbarkeit der Fahrzeuge", "Linkage of vehicles")) ": " code { (linkage.table) } }
        p {
            (say(
                "Gemessen an den veröffentlichten Dateien, mit einfachen Angriffen, wie sie jeder ausführen kann; die Wahrheit kommt \
                 aus Belegen und Schlüsseln, die nur die Stadt hat. Wer mehr Aufwand treibt, verkettet mehr.",
                "Measured on the published files, with simple attacks that anybody can make; the truth comes from evidence and keys \
                 that only the city has. Whoever tries harder links more.",
            ))
        }
        ul {
            @for (name, attack) in attacks(linkage, language) {
                li { b { (name) } ": " (attack_in_words(attack, language)) }
            }
            li { (alone(linkage, language)) }
        }
        @if !linkage.days.is_empty() { div.wide { table.days {
            thead { tr {
                th { (say("Tag", "Day")) }
                th.n { (say("Zeilen", "Rows")) }
                th.n { (say("Pseudonyme", "Pseudonyms")) }
                th { (say("Aufzeichnungen und Schlüssel", "Evidence and key")) }
            } }
            tbody { @for day in &linkage.days {
                tr {
                    td { (day_in(day.date, language)) }
                    td.n { (number(day.rows, language)) }
                    td.n { (number(day.pseudonyms, language)) }
                    td { @if day.is_known { (say("vorhanden", "there")) } @else { (say("nicht vorhanden", "not there")) } }
                }
            } }
        } } }
    }
}

const STYLE: &str = "\
h1{margin-bottom:0}h2{margin-top:2.5rem}.of{margin-top:0;color:#555}small{color:#555}code{font:.85em ui-monospace,monospace;overflow-wrap:anywhere}\
table{font-size:.9rem;margin:.5rem 0;width:100%}table.days{width:auto}.days td{white-space:nowrap}th,td{border-bottom:1px solid #ddd;padding:.3rem .6rem;text-align:left;vertical-align:top}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.private{color:#666}.bad{color:#b3261e}.why{margin-top:.2rem}\
.columns td:first-child{width:14rem}.columns td:nth-child(2){width:7rem}.columns td:nth-child(3){width:16rem}\
.mark{background:#fdf1d3;border-radius:.3rem;padding:0 .3rem;font-size:.8rem;white-space:nowrap;color:#1b1b1b}\
details{padding:.3rem 0;border-top:1px solid #ddd}.list{display:none}.received{padding-left:1.2rem;overflow-wrap:anywhere}\
@media(max-width:40rem){.columns thead{display:none}.columns,.columns tbody,.columns tr,.columns td{display:block;width:auto}\
.columns td:first-child,.columns td:nth-child(2),.columns td:nth-child(3){width:auto}\
.columns td{border:0;padding:.1rem 0}.columns tr{border-bottom:1px solid #ddd;padding:.5rem 0}\
.columns td[data-label]:before{content:attr(data-label) \": \";color:#555}\
h1{font-size:1.7rem}.days td{white-space:normal}.days td:first-child{white-space:nowrap}\
.days td,.days th{padding:.3rem .4rem .3rem 0;font-size:.75rem}}\
@media(prefers-color-scheme:dark){small,.of,.private,.columns td[data-label]:before{color:#aaa}details,th,td,.columns tr{border-color:#444}.bad{color:#ff8a80}a{color:#90caf9}}\
@media print{@page{size:A4;margin:15mm}body{max-width:none;margin:0;padding:0;font-size:9pt;line-height:1.35;color:#000;background:#fff}\
h1{font-size:16pt}h2{font-size:13pt;margin-top:1.5rem}h3,h4{font-size:10.5pt;margin:.8rem 0 .2rem}\
details{display:block}details>summary{list-style:none;font-weight:bold;break-after:avoid}details.folded{display:none}.list{display:block}\
details::details-content{content-visibility:visible;block-size:auto}tr,li{break-inside:avoid}h2,h3,h4,thead{break-after:avoid}a{color:#000}\
.wide{overflow:visible}table{font-size:8pt}.mark{font-size:7pt;border:1px solid #999;background:none}th,td{padding:.15rem .4rem .15rem 0}table.columns{display:table;table-layout:fixed}\
.columns thead{display:table-header-group}.columns tbody{display:table-row-group}.columns tr{display:table-row;padding:0}\
.columns td,.columns th{display:table-cell;border-bottom:1px solid #ddd;padding:.15rem .4rem .15rem 0;overflow-wrap:break-word}\
.columns th:first-child,.columns td:first-child{width:21%}.columns th:nth-child(2),.columns td:nth-child(2){width:14%}\
.columns th:nth-child(3),.columns td:nth-child(3){width:27%}.columns th:nth-child(4),.columns td:nth-child(4){width:38%}\
.columns td[data-label]:before{content:none}ul.received{columns:2;font-size:8pt;margin:.2rem 0}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_runs_something_is_no_link() {
        assert!(definition("https://example.de/vvt").into_string().contains("href"));
        assert_eq!(definition("javascript:alert(1)").into_string(), "javascript:alert(1)");
    }
}
