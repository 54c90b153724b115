//! The sections of the report, in the order of its page.

use maud::{Markup, html};

use super::page::Page;
use crate::audit_report::changes::{Line, Shown};
use crate::audit_report::figure::{Key, Unit};
use crate::audit_report::figures::name;
use crate::audit_report::picture::{self, Month};
use crate::audit_report::tables::View;
use crate::audit_report::words::{rounded_down, shortened, shown};
use crate::licences::AGREEMENT;
use crate::page::identifier;
use crate::portal::pictures::trend;
use crate::time::ServiceDate;

/// Rules whose change is shown, columns that are named, and curves that are drawn.
const CHANGED_RULES: usize = 8;
const COLUMNS: usize = 24;
const CURVES: usize = 4;

pub(super) fn head(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    let described = &page.report.described;
    html! {
        p.of { (described.publisher) }
        h1 { (say("Jahresnachweis", "Annual report")) " " span.year { (page.report.year) } }
        p.of { (described.title) }
        p {
            (say("Stand (neueste Veröffentlichung, UTC): ", "As of (latest release, UTC): ")) (page.value(Key::AsOf, "as_of")) ". "
            (say(
                "Dieser Bericht sagt, was im Jahr veröffentlicht wurde, wie vollständig und wie gut es war, was ausfiel, was geändert wurde \
                 und wer darüber entschied.",
                "This report says what was published in the year, how complete and how good it was, what failed, what was changed and who \
                 decided it.",
            ))
        }
        p.lead {
            (say(
                "Jede gezählte Zahl trägt ein hochgestelltes Kennzeichen. Unter ihm stehen im Anhang und in ",
                "Each counted number has a superscript label. Under that label, the annex and ",
            ))
            code { "figures.csv" }
            (say(
                " die Abfrage, die diese Zahl aus den öffentlichen Tabellen ergibt, und die Prüfsummen der Tabellen. Anteile und Punkte sind \
                 auf Hundertstel abgerundet gezeigt, bis auf einen Rechenfehler des Computers weit hinter dem Komma. Was ",
                " give the query that yields the number from the public tables, and the digests of these tables. Shares and points are \
                 shown rounded down to hundredths, up to an error of the computer's arithmetic far behind the point. What is ",
            ))
            span.q { (say("so gesetzt ist", "set like this")) }
            (say(
                ", ist aus Konfiguration und Verträgen zitiert und nicht gezählt.",
                " is quoted from configuration and contracts, and not counted.",
            ))
        }
    }
}

/// The numbers that everybody asks for first.
pub(super) fn glance(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    let tile = |label: Markup, value: Markup| html! { div { dt { (label) } dd { (value) } } };
    let all = page.report.rows(Key::Scores).iter().enumerate().filter(|(_, row)| row[1].text().is_empty());
    html! {
        h2 { (say("Auf einen Blick", "At a glance")) }
        dl.tiles {
            (tile(html! { (say("Tage mit Daten", "days with data")) }, page.value(Key::Days, "days")))
            @for row in 0..page.report.rows(Key::Positions).len().min(2) {
                (tile(html! { (say("Positionsmeldungen", "reports of positions")) " " (page.bare(Key::Positions, row, "dataset")) }, page.value_of(Key::Positions, row, "positions")))
            }
            @if page.is_some(Key::Trips, 0, "scheduled") {
                (tile(html! { (say("der geplanten Fahrten beobachtet", "of the scheduled trips observed")) }, page.value(Key::Trips, "share")))
            }
            @if page.is_some(Key::Snapshots, 0, "expected") {
                (tile(html! { (say("der erwarteten Abzüge erhalten", "of the expected snapshots received")) }, page.value(Key::Snapshots, "share")))
            }
            @for (row, _) in all.take(3) {
                (tile(html! { (say("Punkte für Qualität im Mittel", "points of quality on average")) " " (page.bare(Key::Scores, row, "dataset")) }, page.value_of(Key::Scores, row, "mean")))
            }
            @if page.report.tables.has(View::Coverage) {
                (tile(html! { (say("bekannte Ausfälle von Quellen im Betrieb", "known outages of sources in service")) }, page.value(Key::OutageTotals, "outages_in_service")))
            }
            (tile(html! { (say("Rückzüge (Vorgänge)", "withdrawals (acts)")) }, page.value(Key::ActCount, "withdrawals")))
            (tile(html! { (say("Entscheidungen über Zeilen und Aufzeichnungen", "decisions about rows and captures")) }, page.value(Key::DecisionCount, "decisions")))
        }
    }
}

pub(super) fn purpose(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    let described = &page.report.described;
    html! {
        h2 { (say("Zweck und Quellen", "Purpose and sources")) }
        @if let Some(introduction) = &described.introduction { p { (page.quoted(page.language.of(introduction))) } }
        p {
            (say("Unter der Lizenz ", "Under the licence ")) (page.quoted(&described.licence))
            (say(" werden diese Datensätze veröffentlicht:", " these datasets are published:"))
        }
        ul.cards {
            @for dataset in &described.datasets {
                li {
                    b translate="no" { (dataset.name) }
                    @if let Some(description) = &dataset.description { ": " (page.quoted(page.language.of(description))) }
                    @if !dataset.sources.is_empty() {
                        (say(". Quellen: ", ". Sources: "))
                        @for (place, source) in dataset.sources.iter().enumerate() {
                            @if place > 0 { ", " }
                            (page.quoted(&source.name))
                            @if let Some(rights) = &source.rights {
                                " (" (match rights.as_str() {
                                    "own" => html! { (say("eigene Daten", "own data")) },
                                    AGREEMENT => html! { (say("mit Einwilligung der Berechtigten", "by agreement with the rights holder")) },
                                    rights => page.quoted(rights),
                                })
                                @if let Some(attribution) = &source.attribution { ", " (page.quoted(attribution)) }
                                ")"
                            }
                        }
                        "."
                    }
                }
            }
        }
        (page.table(Key::Evidence, &["dataset", "source", "days", "captures"]))
    }
}

pub(super) fn extent(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    html! {
        h2 { (say("Umfang", "Extent")) }
        p {
            (say("Heute veröffentlicht: ", "Published today: ")) (page.counted(Key::Days, "rows", ["Zeile", "row"], ["Zeilen", "rows"]))
            (say(" in ", " in ")) (page.counted(Key::Days, "tables", ["Tabelle", "table"], ["Tabellen", "tables"]))
            (say(" von ", " of ")) (page.counted(Key::Days, "days", ["Tag", "day"], ["Tagen", "days"]))
            (say(", ohne das Protokoll der Veröffentlichungen.", ", without the records of what was published."))
            @if page.is_some(Key::Trips, 0, "observed") {
                (say(" Beobachtet wurden ", " Trips observed: ")) (page.value(Key::Trips, "observed"))
                (say(" Fahrten des Fahrplans und ", " of the timetable and ")) (page.value(Key::Trips, "unscheduled"))
                (say(" weitere.", " others."))
            }
        }
        @if !page.has(Key::Datasets) {
            p { (say("Nichts davon ist heute noch veröffentlicht: Was geschah, steht unter Änderungen und Rückzüge.", "None of it is published any more: the section on changes and withdrawals says what happened.")) (page.name(Key::Datasets)) }
        }
        (page.table(Key::Datasets, &["dataset", "tables", "days", "first_day", "last_day", "rows", "bytes"]))
        (page.table(Key::Positions, &["dataset", "positions"]))
        (page.table(Key::RowBalance, &["dataset", "rows_in", "published", "quarantined", "held_back", "dropped"]))
        (page.table(Key::Dropped, &["dataset", "rule_id", "days", "rows"]))
        @if page.has(Key::Dropped) {
            p.small {
                (page.name(Key::RowBalance))
                (say(
                    " zählt nach dem Lauf, der die heute veröffentlichte Datei schrieb, ",
                    " counts by the run that wrote the file which is published now, ",
                ))
                (page.name(Key::Dropped))
                (say(
                    " nach dem letzten Lauf des Tages. Ein späterer Lauf, der keine Datei änderte, etwa weil zurückgehaltene Zeilen verworfen \
                     wurden, zählt nur im zweiten: Dann sind dort mehr Zeilen weggelassen, und im ersten stehen sie noch als zurückgehalten. Ebenso \
                     nach einem Rückgriff auf eine ältere Fassung.",
                    " by the last run of the day. A later run that changed no file, as after rows that were held back were discarded, counts in the \
                     second one only: more rows are left out there, and in the first one they still stand as held back. The same holds after a \
                     rollback to an older version.",
                ))
            }
        }
    }
}

/// The months of the year, with what is known of each.
fn months(page: Page<'_>) -> [Month; 12] {
    let mut months = std::array::from_fn(|_| Month { sources: None, trips: None });
    for row in page.report.rows(Key::Months) {
        let place = row[0].text().rsplit('-').next().and_then(|month| month.parse::<usize>().ok());
        if let Some(month) = place.and_then(|place| months.get_mut(place.checked_sub(1)?)) {
            *month = Month { sources: row[6].number(), trips: row[3].number() };
        }
    }
    months
}

pub(super) fn completeness(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    let lacking = html! {
        p {
            (say(
                "Kein veröffentlichter Datensatz hat für dieses Jahr eine Tabelle der Abdeckung. Darum sagt dieser Bericht nicht, was gegen \
                 Fahrplan und Takt fehlt.",
                "No published dataset has a table of coverage for this year. So this report does not say what is missing against \
                 timetable and polling interval.",
            ))
        }
    };
    html! {
        h2 { (say("Vollständigkeit", "Completeness")) }
        @if !page.report.tables.has(View::Coverage) { (lacking) } @else {
            p {
                @if page.is_some(Key::Trips, 0, "scheduled") {
                    (say("Gegen den Fahrplan: ", "Against the timetable: ")) (page.value(Key::Trips, "scheduled"))
                    (say(" Fahrten waren geplant, ", " trips were scheduled, ")) (page.value(Key::Trips, "observed"))
                    (say(" davon wurden beobachtet (", " of them were observed (")) (page.value(Key::Trips, "share")) ") "
                    (say("und ", "and ")) (page.value(Key::Trips, "cancelled")) (say(" waren als ausgefallen gemeldet. ", " were reported as cancelled. "))
                } @else {
                    (say("Kein Fahrplan konnte gelesen werden, gegen den zu zählen wäre. ", "No timetable could be read to count against. "))
                }
                @if page.is_some(Key::Snapshots, 0, "expected") {
                    (say("Gegen den vereinbarten Takt: ", "Against the agreed polling interval: ")) (page.value(Key::Snapshots, "expected"))
                    (say(" Abzüge der Quellen wurden erwartet, ", " snapshots of the sources were expected, ")) (page.value(Key::Snapshots, "received"))
                    (say(" kamen (", " arrived (")) (page.value(Key::Snapshots, "share")) "). "
                }
                @if page.is_some(Key::Snapshots, 0, "without_beat") {
                    (say("Für ", "For ")) (page.value(Key::Snapshots, "without_beat"))
                    (say(
                        " Abzüge ist kein Takt bekannt: Lücken dieser Aufzeichnung wurden nicht gesucht und zählen nicht, und ihre Stunden gelten als \
                         ohne Ausfall. ",
                        " snapshots no polling interval is known: gaps of this collection were not looked for and do not count, and their hours \
                         count as without an outage. ",
                    ))
                }
            }
            (picture::availability(&months(page), page.language))
            p.legend {
                i.s {} (say("Betriebsstunden der Quellen ohne Ausfall, Anteil in Prozent", "service hours of the sources without an outage, share in percent"))
                i.t {} (say("beobachtete von geplanten Fahrten, Anteil in Prozent", "observed of scheduled trips, share in percent")) (page.name(Key::Months))
            }
            (page.table(Key::Months, &["month", "scheduled", "observed", "observed_share", "hours", "hours_with_gap", "availability"]))
            (page.table(Key::Sources, &["dataset", "source", "expected", "received", "hours", "hours_with_gap", "availability"]))
            @if page.has(Key::WithoutBeat) { (page.table(Key::WithoutBeat, &["dataset", "source", "days", "hours", "fewest", "most"])) }
            (page.table(Key::MissingTrips, &["gap_reason", "days", "trips"]))
            (page.table(Key::Spans, &["dataset", "first_day", "last_day", "days", "days_without"]))
            @if page.has(Key::MissingDays) {
                p.small { (say("Auch Tage, deren Abdeckung zurückgezogen ist, sind Tage ohne Abdeckung.", "Days whose coverage is withdrawn are days without coverage, too.")) }
                (page.table(Key::MissingDays, &["dataset", "first_day", "last_day", "days"]))
            }
        }
    }
}

/// Points of quality by day.
type Points = Vec<(ServiceDate, Option<f64>)>;

/// The points of each dataset by day.
fn curves(page: Page<'_>) -> Vec<(String, Points)> {
    let mut curves: Vec<(String, Points)> = Vec::new();
    for row in page.report.rows(Key::DailyScores) {
        let (Ok(date), Some(points)) = (row[1].text().parse(), row[2].number()) else { continue };
        let point = (date, Some(rounded_down(points)));
        match curves.last_mut().filter(|(dataset, _)| dataset == row[0].text()) {
            Some((_, curve)) => curve.push(point),
            None => curves.push((row[0].text().to_owned(), vec![point])),
        }
    }
    // A day alone is no trend.
    curves.retain(|(_, points)| points.len() > 1);
    curves.truncate(CURVES);
    curves
}

pub(super) fn quality(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    let requirement = page.say("requirement_de", "requirement");
    html! {
        h2 { (say("Qualität", "Quality")) }
        p {
            (say(
                "Jede Zeile wird vor der Veröffentlichung geprüft. Was die Regeln finden, ergibt je Tag Punkte für jede Dimension der \
                 Qualität; das Beste sind hundert. Die Regeln stehen in den Verträgen der Tabellen, die öffentlich sind.",
                "Each row is checked before it is published. What the rules find gives points for each dimension of quality by day; the \
                 best is a hundred. The rules are part of the contracts of the tables, which are public.",
            ))
        }
        @let curves = curves(page);
        @if !curves.is_empty() {
            div.curves {
                @for (dataset, points) in &curves {
                    div {
                        h3 { span translate="no" { (dataset) } (say(": Punkte je Tag", ": points by day")) (page.name(Key::DailyScores)) }
                        (trend::curve(points, page.language))
                    }
                }
            }
        }
        (page.table(Key::Scores, &["dataset", "dimension", "days", "mean", "least"]))
        (page.table(Key::Outcomes, &["dataset", "rules", "checks", "passed", "failed", "error", "warning", "info", "skipped"]))
        @if !page.has(Key::Outcomes) {
            p { (say("Von keinem Datum des Jahres sind Ergebnisse von Regeln veröffentlicht.", "No results of rules are published for any date of the year.")) (page.name(Key::Outcomes)) }
        } @else if page.has(Key::FlaggedRules) {
            p {
                (say("Regeln, die an mindestens einem Tag etwas fanden, auch Hinweise: ", "Rules that found something on at least one day, infos included: ")) (page.value(Key::FlaggedCount, "rules"))
                (say("; die häufigsten:", "; the most frequent:"))
            }
            (page.table(Key::FlaggedRules, &["rule_id", requirement, "days", "rows_flagged", "rows_checked"]))
        } @else {
            p { (say("Keine Regel fand etwas.", "No rule found anything.")) }
        }
    }
}

pub(super) fn outages(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    let has_some = page.has(Key::Outages);
    html! {
        h2 { (say("Ausfälle", "Outages")) }
        @if has_some {
            p {
                (say("Ein Ausfall sind aufeinanderfolgende Stunden, in denen von einer Quelle aus demselben Grund etwas fehlt. Gezählt: ", "An outage is a run of consecutive hours in which something of a source is missing for the same reason. Counted: "))
                (page.counted(Key::OutageTotals, "outages", ["Ausfall", "outage"], ["Ausfälle", "outages"]))
                (say(" mit zusammen ", " of ")) (page.counted(Key::OutageTotals, "hours", ["Stunde", "hour"], ["Stunden", "hours"]))
                (say("; der längste dauerte ", " in all; the longest lasted ")) (page.counted(Key::OutageTotals, "longest", ["Stunde", "hour"], ["Stunden", "hours"]))
                (say(". Davon im Betrieb, also in Stunden, in denen nach Fahrplan Fahrten beginnen: ", ". Of these in service, that is in hours in which trips begin by the timetable: "))
                (page.counted(Key::OutageTotals, "outages_in_service", ["Ausfall", "outage"], ["Ausfälle", "outages"]))
                (say(" mit ", " of ")) (page.counted(Key::OutageTotals, "hours_in_service", ["Stunde", "hour"], ["Stunden", "hours"])) "."
            }
            (page.table(Key::OutageReasons, &["dataset", "source", "gap_reason", "days", "hours", "hours_in_service", "missing"]))
            (page.table(Key::Outages, &["source", "gap_reason", "begins", "ends", "hours", "hours_in_service"]))
        } @else if page.report.tables.has(View::Coverage) {
            p {
                @if page.has(Key::WithoutBeat) {
                    (say(
                        "Kein Ausfall ist bekannt; wo kein Takt bekannt ist, wurden Lücken nicht gesucht.",
                        "No outage is known; where no polling interval is known, gaps were not looked for.",
                    ))
                } @else { (say("Von keiner Quelle fehlt etwas.", "Nothing is missing from any source.")) }
                (page.name(Key::OutageTotals))
            }
        } @else {
            p { (say("Ohne Tabelle der Abdeckung ist nicht bekannt, wann Quellen ausfielen.", "Without a table of coverage it is not known when sources failed.")) }
        }
    }
}

pub(super) fn changes(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    html! {
        h2 { (say("Änderungen und Rückzüge", "Changes and withdrawals")) }
        p {
            (say(
                "Nichts Veröffentlichtes wird überschrieben: Eine Änderung ist eine neue Fassung, die die ältere ersetzt. Gezählt: ",
                "Nothing that was published is overwritten: a change is a new version that replaces the older one. Counted: ",
            ))
            (page.counted(Key::ActCount, "withdrawals", ["Rückzug", "withdrawal"], ["Rückzüge", "withdrawals"])) ", "
            (page.counted(Key::ActCount, "lifts", ["Aufhebung eines Rückzugs", "lifted withdrawal"], ["Aufhebungen von Rückzügen", "lifted withdrawals"]))
            (say(" und ", " and "))
            (page.counted(Key::ActCount, "rollbacks", ["Rückgriff auf eine ältere Fassung", "rollback to an older version"], ["Rückgriffe auf ältere Fassungen", "rollbacks to older versions"])) "."
        }
        (page.table(Key::Versions, &["dataset", "act", "reasons", "days", "versions"]))
        @if page.has(Key::Acts) {
            (page.table(Key::Acts, &["happened_at", "dataset", "act", "first_day", "last_day", "days", "role", "reason"]))
        }
    }
}

pub(super) fn rules(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    html! {
        h2 { (say("Regeln und ihre Fassungen", "Rules and their versions")) }
        p {
            (say("Im Jahr galten ", "In force in the year: ")) (page.counted(Key::ContractCount, "contracts", ["Vertrag", "contract"], ["Verträge", "contracts"]))
            (say(" mit zusammen ", " with ")) (page.counted(Key::ContractCount, "rules", ["Regel", "rule"], ["Regeln", "rules"]))
            (say(", in ", ", in ")) (page.counted(Key::ContractCount, "texts", ["Fassung", "version"], ["Fassungen", "versions"]))
            (say(". Alle stehen mit Prüfsumme in ", ". All are listed with their digests in ")) code { (name(Key::Contracts)) ".csv" } "."
        }
        (page.table(Key::Programs, &["program_version", "first_day", "last_day", "days"]))
        @if page.has(Key::RuleTexts) { (changed_rules(page)) } @else {
            p { (say("Der Wortlaut keiner Regel hat sich im Jahr geändert.", "The wording of no rule changed in the year.")) (page.name(Key::RuleTexts)) }
        }
        @if !page.report.changes.is_empty() { (changed_contracts(page)) }
    }
}

/// Rules of which the year has several texts, old and new.
fn changed_rules(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    let rows = page.report.rows(Key::RuleTexts);
    let mut rules: Vec<(usize, usize)> = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        match rules.last_mut().filter(|(first, _)| rows[*first][..2] == row[..2]) {
            Some((_, count)) => *count += 1,
            None => rules.push((place, 1)),
        }
    }
    let words = page.say("requirement_de", "requirement");
    let value = |row, column| page.bare(Key::RuleTexts, row, column);
    html! {
        h3 { (say("Regeln, die sich geändert haben", "Rules that changed")) (page.name(Key::RuleTexts)) }
        ul.cards {
            @for (first, count) in rules.iter().take(CHANGED_RULES) {
                li {
                    b translate="no" { (value(*first, "rule_id")) }
                    @for row in *first..*first + (*count).min(4) {
                        br; (value(row, "first_day")) (say(" bis ", " to ")) (value(row, "last_day")) ": " (value(row, words))
                        " (" (value(row, "severity")) ", " (value(row, "on_fail")) ")"
                    }
                }
            }
        }
        @if rules.len() > CHANGED_RULES || rules.iter().any(|(_, count)| *count > 4) {
            p.more { (say("Weitere stehen in ", "More are in ")) code { (name(Key::RuleTexts)) ".csv" } "." }
        }
    }
}

/// Lines of contracts that went and came.
fn changed_contracts(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    html! {
        h3 { (say("Geänderte Verträge: alter und neuer Text", "Changed contracts: old and new text")) (page.name(Key::Contracts)) }
        @for change in &page.report.changes {
            p.small translate="no" {
                b { (change.contract) } (say(" ab ", " since ")) (shown(&change.since.as_str().into(), Unit::Date, page.language)) ": "
                code { (change.old.short()) "…" } " → " code { (change.new.short()) "…" }
            }
            @match &change.shown {
                Shown::Missing(digest) => p.small {
                    (say("Der Text liegt nicht (mehr) im Ledger: ", "The text is not in the ledger (any more): ")) code { "ledger/objects/" (digest.to_string()) }
                },
                Shown::Lines { lines, has_more } => {
                    div.diff translate="no" {
                        @for line in lines {
                            @match line {
                                Line::Gone(text) => del { "− " (shortened(text)) },
                                Line::New(text) => ins { "+ " (shortened(text)) },
                            }
                        }
                        @if *has_more { "…" }
                    }
                }
            }
        }
    }
}

pub(super) fn decisions(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    let people = &page.report.described.people;
    html! {
        h2 { (say("Entscheidungen", "Decisions")) }
        @if !people.is_empty() {
            p {
                (say("Entscheiden darf nur, wer in der Konfiguration steht: ", "Only those named in the configuration may decide: "))
                (page.quoted(&people.join(", "))) ". "
                (say("Jede Entscheidung wird mit Rolle und Grund veröffentlicht.", "Each decision is published with role and reason."))
            }
        }
        @if page.has(Key::DecisionKinds) {
            (page.table(Key::DecisionKinds, &["kind", "effect", "role", "decisions", "in_force", "rows"]))
            p.small {
                (say(
                    "Gezählt ist, was entschieden und nicht aufgehoben wurde. Ob die Zeilen heute veröffentlicht sind, sagt das nicht: Nach einem \
                     Rückgriff auf eine ältere Fassung oder einem Rückzug sind sie es nicht mehr. Rückgriffe im Jahr: ",
                    "What was decided and not undone is counted. That does not say whether the rows are published now: after a rollback to an \
                     older version or a withdrawal they are not any more. Rollbacks in the year: ",
                ))
                (page.value(Key::ActCount, "rollbacks"))
                (say(", Rückzüge: ", ", withdrawals: ")) (page.value(Key::ActCount, "withdrawals")) "."
            }
            @if page.has(Key::Decisions) {
                (page.table(Key::Decisions, &["happened_at", "dataset", "first_day", "kind", "role", "reason", "rows"]))
            }
        } @else {
            p { (say("Im Jahr wurde nichts entschieden.", "Nothing was decided in the year.")) (page.name(Key::DecisionKinds)) }
        }
    }
}

pub(super) fn privacy(page: Page<'_>) -> Markup {
    let say = |de, en| page.say(de, en);
    let described = &page.report.described;
    let datasets = described.datasets.iter().filter(|of| !of.privacy.is_empty() || !of.columns.is_empty());
    html! {
        h2 { (say("Datenschutz", "Privacy")) }
        p {
            (say(
                "Veröffentlicht wird nur, was ein Vertrag öffentlich nennt. Die Aufzeichnungen der Quellen und die Schlüssel der Pseudonyme \
                 werden nie veröffentlicht und nach der festgelegten Frist (",
                "Only what a contract calls public is published. The captures of the sources and the keys of pseudonyms are never published, \
                 and are destroyed after the term that is set (",
            ))
            (page.quoted(page.language.of(&described.evidence_kept)))
            @match described.kept_by_others.as_slice() {
                [] => (say(") vernichtet; danach lässt sich kein Pseudonym mehr zurückverfolgen.", "); from then on no pseudonym can be traced back.")),
                others => {
                    (say(
                        ") vernichtet. Nicht vernichtet werden Aufzeichnungen, die andere aufbewahren (",
                        "). Captures that others keep are not destroyed (",
                    ))
                    span translate="no" { (others.join(", ")) }
                    (say(
                        "): Von diesen Quellen gehen nur Schlüssel und Quarantäne, und wer die Aufzeichnungen hat, kann veröffentlichte Zeilen darin \
                         wiederfinden.",
                        "): of these sources only the key and the quarantine go, and whoever has the captures can find published rows in them.",
                    ))
                }
            }
        }
        @for dataset in datasets {
            @if !dataset.privacy.is_empty() {
                h3 translate="no" { (dataset.name) }
                ul { @for told in &dataset.privacy { li { (page.quoted(page.language.of(told))) } } }
            }
            @let personal: Vec<_> = dataset.columns.iter().filter(|column| column.is_published).collect();
            @if !personal.is_empty() {
                div.wide { table.stack.columns {
                    caption { (say("Spalten über einzelne Fahrzeuge, und wie sie veröffentlicht werden: ", "Columns about single vehicles, and how they are published: ")) span translate="no" { (dataset.name) } }
                    tbody {
                        @for column in personal.iter().take(COLUMNS) {
                            tr { td { code translate="no" { (identifier(&column.name)) } } td { (page.quoted(page.language.of(&column.how))) } }
                        }
                    }
                } }
            }
            @let private: Vec<_> = dataset.columns.iter().filter(|column| !column.is_published).collect();
            @if !private.is_empty() {
                p.small {
                    span translate="no" { (dataset.name) } (say(", nicht veröffentlichte Spalten: ", ", columns that are not published: "))
                    @for (place, column) in private.iter().take(COLUMNS).enumerate() {
                        @if place > 0 { ", " }
                        code translate="no" { (identifier(&column.name)) }
                    }
                    @if private.len() > COLUMNS { ", …" } @else { "." }
                }
            }
        }
    }
}
