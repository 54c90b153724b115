//! The trend as one page in German and English that needs nothing else: for the city, and for everybody at
//! `reports/<dataset>/quality.html`. It tells counts by rule and shows no row.

use std::fmt::Write;

use maud::{Markup, html};

use crate::check::RuleResult;
use crate::contract::{Dimension, Severity};
use crate::ledger::Status;
use crate::page::{both, page};
use crate::report::quality::{Evaluates, TableCount};
use crate::report::score;
use crate::report::text::number;
use crate::report::trend::{Point, Report, RunLine, Trend};
use crate::report::words::{DIMENSIONS, dimension_word, grouped, result_word, then};
use crate::text::{Language, german_number};

/// A bar's width and the height of a picture of bars.
const BAR: usize = 9;
const HEIGHT: f64 = 26.0;
/// Between groups of three digits: a narrow space that does not break.
const THIN: &str = "\u{202f}";

/// The page of one dataset in the bucket. `title` is who publishes, the other two what the dataset is called in German and English.
pub(crate) fn of_dataset(title: &str, (de, en): (&str, &str), report: &Report) -> String {
    let above = html! {
        nav.back {
            a href="../../index.html" { (both("Startseite", "Home")) } " / "
            a.de href=(format!("../../{}/index.html", report.dataset)) lang="de" { (de) }
            a.en href=(format!("../../{}/index.en.html", report.dataset)) lang="en" { (en) }
        }
    };
    whole(title, &above, std::slice::from_ref(report), &both(de, en))
}

/// The page of some datasets by their names, for whoever asks for it. `title` is who publishes.
pub(crate) fn write(title: &str, reports: &[Report]) -> String {
    whole(title, &html! {}, reports, &html! {})
}

/// `heading` is what the only dataset is called.
fn whole(title: &str, above: &Markup, reports: &[Report], heading: &Markup) -> String {
    let content = html! {
        (above)
        h1 { (both("Datenqualität", "Data quality")) }
        p.of { (title) }
        @for report in reports { (dataset(report, reports.len() == 1, heading)) }
        h2 #score { (both("Wie die Punkte entstehen", "How the scores come about")) }
        p { (both(score::FORMULA_DE, score::FORMULA_EN)) }
        p {
            (both(
                "Diese Seite zählt, was Regeln benennen; die Zeilen selbst zeigt sie nicht.",
                "This page counts what rules name; it does not show the rows.",
            ))
        }
    };
    page(&format!("Datenqualität – {title}"), STYLE, &content)
}

/// `alone` is whether it is the only dataset of the page, so that its rules can have the names of places on it.
fn dataset(report: &Report, alone: bool, heading: &Markup) -> Markup {
    let Some(newest) = report.runs.last() else { return html! {} };
    let before = report.runs.len().checked_sub(2).and_then(|place| report.runs.get(place));
    let look_at: Vec<&Trend> = report.trends(&report.look_at).collect();
    let tables = report.rules.chunk_by(|one, other| one.rule.contract == other.rule.contract);
    let (absent, asked): (Vec<&[Trend]>, Vec<&[Trend]>) =
        tables.partition(|table| table.iter().all(Trend::always_skipped));
    html! {
        section {
            h2 { @if heading.0.is_empty() { (report.dataset) } @else { (heading) } }
            (cards(newest, before))
            (rolled_back(report))
            @if look_at.is_empty() {
                p { (both("Am neuesten Tag haben alle Regeln gehalten.", "On the newest date all rules held.")) }
            } @else {
                h3 { (both("Worauf zu achten ist", "What to look at")) }
                @for trend in &look_at { (finding(report, trend)) }
            }
            @for (names, de, en) in [(&report.worse, "Schlechter als zuvor", "Worse than before"), (&report.better, "Besser als zuvor", "Better than before")] {
                @if !names.is_empty() {
                    h3 { (both(de, en)) }
                    ul { @for trend in report.trends(names) { li { (change(trend)) } } }
                }
            }
            h3 { (both("Punkte", "Scores")) }
            @for language in Language::ALL {
                div class=(language.code()) lang=(language.code()) { (curve(&report.runs, language)) }
            }
            (scores(report, alone))
            @if !report.notices.is_empty() { (notices(report)) }
            h3 { (both("Verbleib der Zeilen", "Where the rows went")) }
            (rows(newest))
            h3 { (both("Alle Regeln", "All rules")) }
            @for table in &asked { (rules(report, table, alone)) }
            @if !absent.is_empty() {
                p {
                    (both("Nichts zu prüfen gab es in: ", "There was nothing to look at in: "))
                    @for (place, table) in absent.iter().enumerate() {
                        @if place > 0 { ", " }
                        code { (table[0].rule.table) }
                    }
                }
            }
        }
    }
}

/// The newest run in a few numbers.
fn cards(newest: &RunLine, before: Option<&RunLine>) -> Markup {
    let held_back = newest.status == Status::HeldBack;
    let received = || newest.tables.iter().filter(|table| !table.is_derived);
    let sum = |of: fn(&TableCount) -> u64| grouped(received().map(of).sum(), THIN);
    let change = before.and_then(|before| Some(newest.score.dataset? - before.score.dataset?));
    html! {
        ul.cards {
            li {
                b { @match newest.score.dataset { Some(score) => (decimal(score)), None => "–" } }
                (both("von 100 Punkten", "of 100 points"))
                @if let (Some(change), Some(before)) = (change, before) {
                    br; small { @if change >= 0.0 { "+" } (decimal(change)) " " (both("seit", "since")) " " (before.date) }
                }
            }
            li.bad[held_back] {
                b { (newest.date) }
                @if held_back {
                    (both("zurückgehalten: nichts davon ist veröffentlicht", "held back: nothing of it was published"))
                } @else if !newest.rolled_back.is_empty() {
                    (both("zum Teil zurückgenommen: Eine frühere Fassung ist veröffentlicht", "rolled back in part: an earlier version is published"))
                } @else if newest.provisional {
                    (both("vorläufig veröffentlicht: der Tag ist noch nicht zu Ende", "published provisionally: the day is not over"))
                } @else if newest.nothing_captured {
                    (both(
                        "nichts Neues aufgezeichnet: veröffentlicht ist allein, was fehlt, ohne Punkte",
                        "nothing new was captured: what is missing is published alone, without a score",
                    ))
                } @else { (both("veröffentlicht", "published")) }
            }
            // Of tables that were read of the source, so that the first is the sum of the others.
            li { b { (sum(|table| table.rows_in)) } (both("Zeilen empfangen", "rows received")) }
            li {
                b { (sum(|table| table.published)) } (both("davon veröffentlicht", "of them published"))
                @let made: u64 = newest.tables.iter().filter(|table| table.is_derived).map(|table| table.published).sum();
                @if made > 0 {
                    @let made = grouped(made, THIN);
                    br; small { (both(&format!("dazu {made} aus ihnen gebildete"), &format!("and {made} that are made of them"))) }
                }
            }
            li { b { (sum(|table| table.quarantined + table.held_back)) } (both("davon zurückgehalten", "of them held back")) }
            li { b { (sum(dropped)) } (both("davon weggelassen", "of them left out")) }
        }
    }
}

/// Dates of which something else is published than the last run has made.
fn rolled_back(report: &Report) -> Markup {
    let all: Vec<_> = report.runs.iter().filter(|run| !run.rolled_back.is_empty()).collect();
    html! {
        @if !all.is_empty() {
            h3 { (both("Zurückgenommen", "Rolled back")) }
            p {
                (both(
                    "Von diesen Tabellen ist wieder eine frühere Fassung veröffentlicht. Punkte, Regeln und Zeilenzahlen auf dieser Seite \
                     beschreiben den letzten Lauf, nicht diese Fassung.",
                    "Of these tables an earlier version is published again. Scores, rules and counts of rows on this page describe the last \
                     run, not that version.",
                ))
            }
            ul.back { @for run in all { @for back in &run.rolled_back {
                @let since = back.at.strftime("%Y-%m-%d %H:%M UTC");
                li {
                    (run.date) " " code { (back.table) } ": "
                    (both(&format!("Version {} seit {since}", back.to), &format!("version {} since {since}", back.to)))
                    ", " (back.by) ": " (back.reason)
                }
            } } }
        }
    }
}

fn dropped(table: &TableCount) -> u64 {
    table.dropped.values().sum()
}

/// Where the rows of the newest run went, table by table: none vanished.
fn rows(newest: &RunLine) -> Markup {
    html! {
        div.wide { table {
            thead { tr {
                th { (both("Tabelle", "Table")) }
                th.n { (both("empfangen oder gebildet", "received or made")) }
                th.n { (both("veröffentlicht", "published")) }
                th.n { (both("zurückgehalten", "held back")) }
                th.n { (both("weggelassen", "left out")) }
                th { (both("weggelassen von", "left out by")) }
            } }
            tbody { @for table in &newest.tables {
                tr {
                    td { code { (table.table) } @if table.is_derived { " " small { (both("aus anderen Tabellen gebildet", "made of other tables")) } } }
                    @for rows in [table.rows_in, table.published, table.quarantined + table.held_back, dropped(table)] {
                        td.n { (grouped(rows, THIN)) }
                    }
                    td { @for (rule, rows) in &table.dropped { code { (rule) } " " (grouped(*rows, THIN)) br; } }
                }
            } }
        } }
    }
}

/// A number with two decimal places, as each language writes it.
fn decimal(value: f64) -> Markup {
    let text = format!("{value:.2}");
    both(&text.replace('.', ","), &text)
}

/// How a result looks.
fn class(trend: &Trend, point: &Point) -> &'static str {
    match (point.result, trend.rule.severity) {
        (RuleResult::Error, _) => "broken",
        (RuleResult::Failed, _) => "failed",
        (RuleResult::Warning, Severity::Info) => "info",
        (RuleResult::Warning, _) => "warning",
        (RuleResult::Passed, _) => "passed",
        (RuleResult::Skipped, _) => "skipped",
    }
}

fn finding(report: &Report, trend: &Trend) -> Markup {
    let Some(point) = trend.newest() else { return html! {} };
    let (de, en) = result_word(point.result, trend.rule.severity);
    html! {
        div class={ "finding " (class(trend, point)) } {
            div {
                b { (both(de, en)) ": " } (words(trend))
                br; (told(trend, point)) ", " (happened(report, trend))
                @if let Some(message) = &trend.rule.message { br; small { (said(trend, message)) } }
                br; small { code { (trend.rule.id) } }
            }
            (bars(report, trend))
        }
    }
}

/// What happened to what was named.
fn happened(report: &Report, trend: &Trend) -> Markup {
    let Some(newest) = report.runs.last() else { return html! {} };
    let (de, en) = then(&trend.rule, newest.status, &newest.tables);
    both(&de, &en)
}

fn words(trend: &Trend) -> Markup {
    in_both(trend.rule.description_de.as_deref(), &trend.rule.description)
}

/// What the rule said of the date.
fn said(trend: &Trend, message: &str) -> Markup {
    in_both(trend.rule.message_de.as_deref(), message)
}

/// In German as far as there is German; what there is in English only is marked as such.
fn in_both(de: Option<&str>, en: &str) -> Markup {
    match de {
        Some(de) => both(de, en),
        None => html! { span lang="en" { (en) } },
    }
}

/// What a rule came to.
fn told(trend: &Trend, point: &Point) -> Markup {
    match (point.result, trend.rule.asks, point.value) {
        (RuleResult::Skipped, ..) => both("nichts zu prüfen", "nothing to look at"),
        (RuleResult::Error, ..) => both("konnte nicht laufen", "could not run"),
        (_, Evaluates::Number, Some(value)) => both(&german_number(&number(value)), &number(value)),
        (result, Evaluates::Number, None) => {
            let (de, en) = result_word(result, trend.rule.severity);
            both(de, en)
        }
        (_, Evaluates::Rows, _) => {
            let (rows, checked) = (grouped(point.rows, THIN), grouped(point.checked, THIN));
            let percent = match 100.0 * point.rows as f64 / point.checked.max(1) as f64 {
                0.0 => String::new(),
                percent if percent < 0.01 => format!(" (< 0.01{THIN}%)"),
                percent => format!(" ({percent:.2}{THIN}%)"),
            };
            let german = percent.replace('.', ",");
            both(&format!("{rows} von {checked} Zeilen{german}"), &format!("{rows} of {checked} rows{percent}"))
        }
    }
}

fn change(trend: &Trend) -> Markup {
    html! {
        (words(trend)) " "
        @if let Some(point) = trend.newest() { strong { (told(trend, point)) } }
        ", " (both("zuvor", "before")) " "
        @match trend.before() {
            Some(point) => (told(trend, point)),
            None => (both("gab es die Regel nicht", "the rule was not there")),
        }
        " " small { code { (trend.rule.id) } }
    }
}

/// One bar for each partition, as high as the share of rows named, or the number, of the greatest of them.
fn bars(report: &Report, trend: &Trend) -> Markup {
    match trend.rule.asks {
        // Their decimals are written in two ways.
        Evaluates::Number => html! {
            span.de lang="de" { (bars_in(Language::De, report, trend)) }
            span.en lang="en" { (bars_in(Language::En, report, trend)) }
        },
        Evaluates::Rows => bars_in(Language::De, report, trend),
    }
}

fn bars_in(language: Language, report: &Report, trend: &Trend) -> Markup {
    let sizes = || trend.points.iter().flatten().filter_map(|point| trend.size(point));
    let most = sizes().fold(0.0, f64::max);
    let width = BAR * trend.points.len();
    html! {
        svg.bars role="img" width=(width) height=(HEIGHT) viewBox=(format!("0 0 {width} {HEIGHT}")) {
            @for (place, (point, run)) in trend.points.iter().zip(&report.runs).enumerate() {
                @if let Some(point) = point {
                    @let share = trend.size(point).map_or(0.0, |size| if most > 0.0 { (size / most).max(0.0) } else { 0.0 });
                    @let share = if point.result == RuleResult::Error { 1.0 } else { share };
                    @let height = 2.0 + share * (HEIGHT - 2.0);
                    rect class=(class(trend, point)) x=(place * BAR) y=(format!("{:.1}", HEIGHT - height))
                        width=(BAR - 2) height=(format!("{height:.1}")) {
                        title { (run.date) ": " (short(language, trend, point)) }
                    }
                }
            }
        }
    }
}

/// What a rule came to, in figures.
fn short(language: Language, trend: &Trend, point: &Point) -> String {
    match (point.result, trend.rule.asks, point.value) {
        (RuleResult::Error, ..) => "!".to_owned(),
        (RuleResult::Skipped, ..) => "–".to_owned(),
        (_, Evaluates::Number, Some(value)) if language == Language::De => german_number(&number(value)),
        (_, Evaluates::Number, value) => value.map_or_else(String::new, number),
        (_, Evaluates::Rows, _) => format!("{} / {}", grouped(point.rows, THIN), grouped(point.checked, THIN)),
    }
}

/// The score of the dataset over the partitions.
fn curve(runs: &[RunLine], language: Language) -> Markup {
    let told: Vec<(usize, &RunLine, f64)> =
        runs.iter().enumerate().filter_map(|(place, run)| Some((place, run, run.score.dataset?))).collect();
    if told.len() < 2 {
        return html! {};
    }
    let least = told.iter().map(|(.., score)| *score).fold(100.0, f64::min);
    // Room below the lowest point, so that small changes are seen and none looks like a fall to nothing.
    let low = (least - (100.0 - least) * 0.25 - 0.01).max(0.0);
    let x = |place: usize| 60.0 + 620.0 * place as f64 / (runs.len() - 1) as f64;
    let y = |score: f64| 15.0 + 90.0 * (100.0 - score) / (100.0 - low);
    let written = |score: f64| match language {
        Language::De => german_number(&format!("{score:.2}")),
        Language::En => format!("{score:.2}"),
    };
    let mut line = String::new();
    for (place, _, score) in &told {
        let _ = write!(line, "{:.1},{:.1} ", x(*place), y(*score));
    }
    html! {
        svg.curve role="img" viewBox="0 0 700 130" {
            title { (language.say("Punkte je Tag", "Score by date")) }
            line x1="60" x2="680" y1="15" y2="15" {}
            text x="52" y="19" text-anchor="end" { "100" }
            text x="52" y=(format!("{:.1}", y(least) + 4.0)) text-anchor="end" { (written(least)) }
            polyline points=(line.trim()) {}
            @for (place, run, score) in &told {
                circle.bad[run.status == Status::HeldBack] cx=(format!("{:.1}", x(*place))) cy=(format!("{:.1}", y(*score))) r="3.5" {
                    title { (run.date) ": " (written(*score)) }
                }
            }
            @if let (Some(first), Some(last)) = (runs.first(), runs.last()) {
                text x="60" y="126" { (first.date) }
                text x="680" y="126" text-anchor="end" { (last.date) }
            }
        }
    }
}

fn scores(report: &Report, alone: bool) -> Markup {
    let row = |dimension: Option<Dimension>| -> Vec<Option<f64>> {
        let of = |run: &RunLine| match dimension {
            Some(dimension) => run.score.dimensions.get(&dimension).copied(),
            None => run.score.dataset,
        };
        report.runs.iter().map(of).collect()
    };
    let cell = |score: &Option<f64>| {
        html! {
            @match score {
                Some(score) => td class=(shade(*score)) { (decimal(*score)) },
                None => td { "–" },
            }
        }
    };
    html! {
        div.wide { table.scores {
            thead { tr {
                th { (both("Dimension", "Dimension")) }
                @for run in &report.runs { th { (day(run)) } }
            } }
            tbody {
                @for dimension in DIMENSIONS {
                    @let scores = row(Some(dimension));
                    @let name = format!("{dimension:?}").to_lowercase();
                    @if scores.iter().any(Option::is_some) {
                        tr id=[alone.then(|| format!("dimension-{name}"))] {
                            th id=[alone.then(|| format!("score-{name}"))] {
                                (both(dimension_word(dimension).0, dimension_word(dimension).1))
                            }
                            @for score in &scores { (cell(score)) }
                        }
                    }
                }
                tr.all { th { (both("Datensatz", "Dataset")) } @for score in &row(None) { (cell(score)) } }
            }
        } }
    }
}

/// The date of a run, as narrow as it can be.
fn day(run: &RunLine) -> Markup {
    let date = run.date.to_string();
    let (year, day) = date.split_at(date.len().saturating_sub(5));
    html! {
        small { (year.trim_end_matches('-')) } br; (day)
        @if run.status == Status::HeldBack { br; small.bad { (both("zurückgehalten", "held back")) } }
        @else if !run.rolled_back.is_empty() { br; small.bad { (both("zurückgenommen", "rolled back")) } }
        @else if run.nothing_captured { br; small.bad { (both("nichts Neues aufgezeichnet", "nothing new captured")) } }
        @else if run.provisional { br; small { (both("vorläufig", "provisional")) } }
    }
}

fn shade(score: f64) -> &'static str {
    match score {
        _ if score >= 100.0 => "whole",
        _ if score >= 99.0 => "good",
        _ if score >= 95.0 => "fair",
        _ => "poor",
    }
}

fn notices(report: &Report) -> Markup {
    html! {
        h3 { (both("Meldungen der Standardregeln von GTFS und GTFS-Realtime", "Notices of the standard rules of GTFS and GTFS-Realtime")) }
        div.wide { table {
            thead { tr {
                th { (both("Meldung", "Notice")) }
                @for run in &report.runs { th { (day(run)) } }
            } }
            tbody { @for notice in &report.notices {
                tr {
                    td { code { (notice.code) } " " (severity(notice.severity)) }
                    @for count in &notice.counts { td.n { (count.map_or_else(|| "–".to_owned(), |count| grouped(count, THIN))) } }
                }
            } }
        } }
    }
}

fn severity(severity: Severity) -> Markup {
    match severity {
        Severity::Error => both("Fehler", "error"),
        Severity::Warning => both("Warnung", "warning"),
        Severity::Info => both("Hinweis", "info"),
    }
}

/// The rules of one contract.
fn rules(report: &Report, trends: &[Trend], alone: bool) -> Markup {
    let Some(first) = trends.first() else { return html! {} };
    let number = |keep: fn(&Trend) -> bool| trends.iter().filter(|trend| keep(trend)).count();
    let bad = number(|trend| {
        let is_bad = |point: &Point| !matches!(point.result, RuleResult::Passed | RuleResult::Skipped);
        trend.rule.severity != Severity::Info && trend.newest().is_some_and(is_bad)
    });
    let passed = number(|trend| trend.newest().is_some_and(|point| point.result == RuleResult::Passed));
    html! {
        details {
            summary {
                code { (first.rule.table) } " "
                @if !first.rule.released { (both("(wie empfangen) ", "(as received) ")) }
                @if bad > 0 { b.bad { (bad) " " (both("nicht erfüllt", "not met")) } ", " }
                (passed) " " (both("erfüllt", "passed"))
                @if bad + passed == 0 { ", " (both("nichts zu prüfen", "nothing to look at")) }
                small { " " (first.rule.contract) " " (first.rule.contract_version) }
            }
            div.wide { table.rules {
                thead { tr {
                    th { (both("Regel", "Rule")) }
                    th { (both("Schwere", "Severity")) }
                    th { (both("Dimension", "Dimension")) }
                    th { (both("Zuletzt", "Newest")) }
                    th { (both("Verlauf", "Trend")) }
                } }
                tbody { @for trend in trends {
                    tr id=[alone.then(|| format!("{}/{}", trend.rule.contract, trend.rule.id))] {
                        td { (words(trend)) br; small { code { (trend.rule.id) } } }
                        td { (severity(trend.rule.severity)) }
                        td { (both(dimension_word(trend.rule.dimension).0, dimension_word(trend.rule.dimension).1)) }
                        td {
                            @match trend.newest() {
                                Some(point) => { (told(trend, point)) },
                                None => (both("gibt es nicht mehr", "is gone")),
                            }
                        }
                        td { @if trend.always_holds() { "✓" } @else if !trend.always_skipped() { (bars(report, trend)) } }
                    }
                } }
            } }
        }
    }
}

const STYLE: &str = "\
h1{margin-bottom:0}h2{margin-top:2.5rem}.of{margin-top:0;color:var(--muted)}.back{margin:.8rem 0 1.2rem;font-size:.9rem}\
.back a{display:inline-block;padding:.2rem 0}\
.cards{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:.7rem;list-style:none;padding:0}\
@media(min-width:46rem){.cards{grid-template-columns:repeat(3,minmax(0,1fr))}}\
.cards li{background:var(--panel);border:1px solid var(--line);padding:.6rem .8rem;border-radius:.4rem}\
.cards b{display:block;font-size:1.3rem;line-height:1.3;font-variant-numeric:tabular-nums}small{color:var(--muted)}\
.bad,.cards .bad b{color:var(--bad)}\
.finding{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.4rem 1rem;border-left:.4rem solid;padding:.5rem .8rem;margin:.6rem 0;background:var(--panel)}\
.finding>div{flex:1 1 20rem;min-width:0}\
.finding.broken{border-color:var(--broken)}.finding.failed{border-color:var(--bad)}.finding.warning{border-color:var(--warn)}.finding.info{border-color:var(--accent)}\
.broken>div>b{color:var(--broken)}.failed>div>b{color:var(--bad)}.warning>div>b{color:var(--warn)}.info>div>b{color:var(--accent)}\
details{padding:.3rem 0;border-top:1px solid var(--line)}\
table{font-size:.9rem;margin:.5rem 0}\
th,td{border-bottom:1px solid var(--line);padding:.3rem .6rem;text-align:left;vertical-align:top}\
.scores td,td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.scores thead th{text-align:right;font-weight:normal}\
.scores thead th:first-child{text-align:left}.all th,.all td{border-top:2px solid var(--none);font-weight:bold}\
.whole{background:#dcefdc}.good{background:#eef6e4}.fair{background:#fdf1d3}.poor{background:#fbdcd8}\
svg.bars{flex:none;align-self:center}rect.passed{fill:#5f8f5f}rect.skipped{fill:var(--line)}rect.broken{fill:var(--broken)}\
rect.failed{fill:var(--bad)}rect.warning{fill:#c27a10}rect.info{fill:var(--accent)}\
.curve{width:100%;max-width:45rem;height:auto}.curve line{stroke:var(--line)}.curve polyline{fill:none;stroke:var(--accent);stroke-width:2}\
.curve circle{fill:var(--accent)}.curve circle.bad{fill:var(--bad)}.curve text{font-size:11px;fill:var(--muted)}\
:target{outline:2px solid var(--accent)}:root{--broken:#6a1b9a}\
@media(max-width:40rem){.rules thead{display:none}.rules,.rules tbody,.rules tr,.rules td{display:block}\
.rules tr{padding:.5rem 0;border-bottom:1px solid var(--line)}.rules td{border:0;padding:.1rem 0}}\
@media(prefers-color-scheme:dark){:root{--broken:#ce93d8}\
.whole{background:#1d3b1d}.good{background:#2a3b1a}.fair{background:#4a3a10}.poor{background:#4d1d18}}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::quality::Quality;
    use crate::report::quality::tests::{on, quality, result};

    fn page(results: &[Quality]) -> String {
        write("Stadt <Bus>", &[Report::of("bus", results)])
    }

    #[test]
    fn the_page_speaks_both_languages_and_needs_nothing_else() {
        let rule = |found, rows| vec![result("t.jumps", Dimension::Accuracy, found, rows, 2_000)];
        let results =
            [on("2026-11-23", rule(RuleResult::Passed, 0)), on("2026-11-24", rule(RuleResult::Failed, 1_500))];
        let page = page(&results);
        for text in [
            "t.jumps gilt",
            "t.jumps holds",
            "1\u{202f}500 von 2\u{202f}000 Zeilen",
            "25.00",
            "25,00",
            "-75,00",
            "(75.00\u{202f}%)",
        ] {
            assert!(page.contains(text), "{text}");
        }
        assert!(page.contains("Stadt &lt;Bus&gt;") && page.contains("id=\"c/t.jumps\""));
        assert!(page.contains("benannte / geprüfte") && page.contains("named / checked"));
        assert!(!page.contains("<script") && !page.contains("http"), "{page}");
    }

    #[test]
    fn the_tiles_add_up_where_tables_are_made_of_others() {
        let mut results = on("2026-11-24", vec![result("t.jumps", Dimension::Accuracy, RuleResult::Passed, 0, 100)]);
        let mut derived = results.tables[0].clone();
        (derived.table, derived.is_derived) = ("made".to_owned(), true);
        (derived.rows_in, derived.published, derived.quarantined, derived.held_back) = (35, 34, 1, 0);
        derived.dropped.clear();
        results.tables.push(derived);
        let page = page(&[results.clone()]);
        let tile = |words: &str| -> u64 {
            let (before, _) = page.split_once(&format!("</b><span class=\"de\" lang=\"de\">{words}<")).unwrap();
            before.rsplit_once("<b>").unwrap().1.replace(THIN, "").parse().unwrap()
        };
        let tiles = ["Zeilen empfangen", "davon veröffentlicht", "davon zurückgehalten", "davon weggelassen"];
        let [rows_in, rest @ ..] = tiles.map(tile);
        assert_eq!((rows_in, rest.iter().sum()), (results.tables[0].rows_in, rows_in));
        assert!(page.contains("and 34 that are made of them"), "{page}");
    }

    #[test]
    fn what_a_contract_says_does_not_break_the_page() {
        let page = page(&[quality()]);
        assert!(page.contains("A &quot;stop&quot; &lt;lies&gt; &amp; stays"));
        assert!(page.contains("zurückgehalten: nichts davon") && page.contains("konnte nicht laufen"));
    }
}
