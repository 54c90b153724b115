//! The status as a page: private, in one language, without a script and without anything from elsewhere.

use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use crate::capture::coverage::Sign;
use crate::notify::CauseKind;
use crate::page::page_in;
use crate::schedule::facts::JobKey;
use crate::schedule::said::Said;
use crate::schedule::status::data::{Need, PipelineStatus, SourceStatus, Status};
use crate::schedule::status::language::Language;
use crate::schedule::status::picture::{self, SIGNS, STATES, cell, mark, stretches, told};
use crate::schedule::status::words::{
    ago, bytes, day, due_since, is_nothing_yet, job, length, local, number, state, verdict, why, why_later,
};
use crate::text::Text;

/// Jobs that are listed of each kind.
const LISTED: usize = 10;
/// Stretches of a source that are listed in words.
const STRETCHES: usize = 40;

/// A status in a language.
struct Page<'a> {
    status: &'a Status,
    language: Language,
}

/// The whole page.
pub fn page(status: &Status, language: Language) -> String {
    let page = Page { status, language };
    let (code, other, name) = match language {
        Language::De => ("de", Language::En, "English"),
        Language::En => ("en", Language::De, "Deutsch"),
    };
    let other_code = if language == Language::De { "en" } else { "de" };
    let content = html! {
        p.other { a href=(other.file()) lang=(other_code) hreflang=(other_code) { (name) } }
        h1 { "Status: " (status.title) }
        p.verdict.bad[!status.needs.is_empty()].none[is_nothing_yet(status)] { (page.text(&verdict(status))) }
        p.of {
            (page.say("Stand: ", "As of ")) (page.at(status.now)) ". "
            (page.say("Diese Seite ist nicht öffentlich.", "This page is private."))
        }
        (page.needs())
        (page.at_work())
        (page.pipelines())
        (page.sources())
        (page.undecided())
        (page.disk())
    };
    page_in(code, &format!("Status – {}", status.title), STYLE, &content)
}

impl Page<'_> {
    fn say(&self, de: &'static str, en: &'static str) -> &'static str {
        match self.language {
            Language::De => de,
            Language::En => en,
        }
    }

    fn text(&self, text: &Text) -> String {
        self.language.of()(text).to_owned()
    }

    fn at(&self, at: Timestamp) -> String {
        self.text(&local(at, &self.status.zone))
    }

    fn ago(&self, at: Timestamp) -> String {
        self.text(&ago(at, self.status.now))
    }

    /// What a job said at its end.
    fn said<'s>(&self, said: &'s Said) -> &'s str {
        self.language.said(said)
    }

    fn said_head(&self, need: &Need) -> &'static str {
        match need.kind == CauseKind::ConfigurationWrong.name() {
            true => self.say("Er lautet: ", "It is: "),
            false => self.say("Der letzte Versuch: ", "The newest try: "),
        }
    }

    fn job(&self, key: &JobKey) -> String {
        self.text(&job(key))
    }

    fn needs(&self) -> Markup {
        let need = |need: &Need| {
            html! {
                li {
                    b { (self.text(&need.what)) }
                    @if let Some(since) = need.since {
                        br; (self.say("seit ", "since ")) (self.at(since)) " (" (self.ago(since)) ")"
                    }
                    @if let Some(said) = &need.said { br; (self.said_head(need)) (self.said(said)) }
                    br; (self.say("Wenn nichts geschieht: ", "If nothing happens: ")) (self.text(&need.lost)) "."
                    pre { code { (need.command.join(" ")) } }
                    @if let Some(ways) = &need.ways { (self.say("Danach: ", "Then: ")) (self.text(ways)) "." }
                }
            }
        };
        html! {
            @if !self.status.needs.is_empty() {
                h2 { (self.say("Worum Sie sich kümmern müssen", "What needs you")) }
                ol.needs { @for one in &self.status.needs { (need(one)) } }
            }
        }
    }

    fn at_work(&self) -> Markup {
        let status = self.status;
        let word = |is_at_work: Option<bool>| match is_at_work {
            Some(true) => self.say("läuft", "at work"),
            Some(false) => self.say("läuft nicht", "not at work"),
            None => self.say("nie gestartet", "never started"),
        };
        let running = status
            .running
            .iter()
            .map(|one| html! { b { (self.job(&one.key)) } ", " (self.say("seit ", "since ")) (self.at(one.since)) });
        let due = status.due.iter().map(|one| {
            let why = self.text(&why(one.why, &one.said));
            let since = self.text(&due_since(one.why, &local(one.since, &status.zone)));
            html! { b { (self.job(&one.key)) } ": " (why) ", " (since) }
        });
        let next = status.next.iter().map(|one| {
            let why = self.text(&why_later(one.why, &one.said));
            html! { (self.at(one.at)) ": " b { (self.job(&one.key)) } ", " (why) }
        });
        let daily = self.say("eine tägliche Arbeit", "a daily job");
        let due_chores = status.due_chores.iter().map(|name| html! { b { (name) } ": " (daily) });
        let next_chore =
            status.next_chore.iter().map(|chore| html! { (self.at(chore.at)) ": " b { (chore.name) } ", " (daily) });
        let chores = status.chores.iter().map(|one| {
            let outcome = match (one.outcome.needs_a_person(), one.outcome.is_tried_again()) {
                (true, _) => self.say("gescheitert", "failed"),
                (_, true) => self.say("gescheitert, wird wiederholt", "failed, is tried again"),
                _ => self.say("erledigt", "done"),
            };
            html! { b { (one.name) } ": " (outcome) ", " (self.ago(one.at)) }
        });
        html! {
            h2 { (self.say("Was läuft und was kommt", "What runs and what comes")) }
            p {
                (self.say("Erfasser", "Collector")) ": " b { (word(status.collector)) } ". "
                (self.say("Planer", "Scheduler")) ": " b { (word(status.scheduler)) } "."
            }
            (self.list(self.say("Läuft", "Running"), running.collect()))
            (self.list(self.say("Fällig", "Due"), due.chain(due_chores).collect()))
            (self.list(self.say("Als Nächstes", "Next"), next.chain(next_chore).collect()))
            (self.list(self.say("Tägliche Arbeiten", "Daily jobs"), chores.collect()))
        }
    }

    fn list(&self, title: &str, lines: Vec<Markup>) -> Markup {
        html! {
            @if !lines.is_empty() {
                h3 { (title) }
                ul {
                    @for line in lines.iter().take(LISTED) { li { (line) } }
                    @if lines.len() > LISTED { li { (self.say("und weitere: ", "and more: ")) (lines.len() - LISTED) } }
                }
            }
        }
    }

    fn pipelines(&self) -> Markup {
        let used = |state| self.status.pipelines.iter().flat_map(|of| &of.dates).any(|date| date.state == state);
        html! {
            @if !self.status.pipelines.is_empty() {
                h2 { (self.say("Läufe der letzten zwei Wochen", "Runs of the last two weeks")) }
                @for pipeline in &self.status.pipelines { (self.pipeline(pipeline)) }
                ul.legend { @for one in STATES.into_iter().filter(|state| used(*state)) { li { (mark(one)) " " (self.text(&state(one))) } } }
            }
        }
    }

    fn pipeline(&self, pipeline: &PipelineStatus) -> Markup {
        let label = format!("{}: {}", pipeline.name, self.say("ein Zeichen je Tag", "a mark for each date"));
        let ends = pipeline.dates.first().zip(pipeline.dates.last());
        html! {
            section {
                h3 { (pipeline.name) }
                @match (&pipeline.newest, pipeline.is_scheduled) {
                    (_, false) => p { (self.say("hat keinen Zeitplan ('schedule')", "has no 'schedule'")) },
                    _ if !pipeline.is_known => p { (self.say("nicht lesbar ist, was der Bucket davon hat, oder die Belege", "what the bucket has of it cannot be read, or its evidence")) },
                    (None, true) => p { (self.say("noch nichts veröffentlicht", "no release yet")) },
                    (Some(newest), true) => p {
                        (self.say("neueste Veröffentlichung: ", "newest release: ")) b { (self.text(&day(newest.date))) }
                        @if newest.is_provisional { ", " (self.say("vorläufig", "provisional")) }
                        @if let Some(at) = newest.at { ", " (self.ago(at)) }
                    },
                }
                @if let Some((first, last)) = ends {
                    (picture::dates(&pipeline.dates, self.language, &label))
                    p.ends style=(format!("width:{}px", picture::MARK as usize * pipeline.dates.len())) {
                        span { (self.day(first.date.0)) } span { (self.day(last.date.0)) }
                    }
                    (self.dates(pipeline))
                }
            }
        }
    }

    /// The dates of which something is to be said, in words.
    fn dates(&self, pipeline: &PipelineStatus) -> Markup {
        html! {
            details {
                summary { (self.say("in Worten", "in words")) }
                ul {
                    @for date in pipeline.dates.iter().rev() {
                        li {
                            (self.text(&day(date.date))) ": " (self.text(&state(date.state)))
                            @if let Some(at) = date.at { ", " (self.at(at)) }
                            @if !date.said.is_empty() { " – " (self.said(&date.said)) }
                        }
                    }
                }
            }
        }
    }

    /// `Do 26.`
    fn day(&self, day: Date) -> String {
        let (de, en) = match day.weekday() {
            Weekday::Monday => ("Mo", "Mon"),
            Weekday::Tuesday => ("Di", "Tue"),
            Weekday::Wednesday => ("Mi", "Wed"),
            Weekday::Thursday => ("Do", "Thu"),
            Weekday::Friday => ("Fr", "Fri"),
            Weekday::Saturday => ("Sa", "Sat"),
            Weekday::Sunday => ("So", "Sun"),
        };
        match self.language {
            Language::De => format!("{de} {}.", day.day()),
            Language::En => format!("{en} {}", day.day()),
        }
    }

    fn days(&self) -> Markup {
        html! { p.days aria-hidden="true" { @for (day, _) in &self.status.disk.evidence { span { (self.day(*day)) } } } }
    }

    fn sources(&self) -> Markup {
        let sources = &self.status.sources;
        let signs: Vec<Sign> =
            sources.iter().flat_map(|one| &one.hours).filter_map(|hour| Sign::of(&hour.counts?)).collect();
        html! {
            @if !sources.is_empty() {
                h2 { (self.say("Takte der letzten sieben Tage", "Beats of the last seven days")) }
                @for source in sources { (self.source(source)) }
                ul.legend { @for sign in SIGNS.into_iter().filter(|sign| signs.contains(sign)) { li { (cell(sign)) " " (self.text(&picture::meaning(sign))) } } li { (picture::empty_cell()) " " (self.say("kein Takt, oder noch nicht angesehen", "no beat, or not looked at yet")) } }
            }
        }
    }

    fn source(&self, source: &SourceStatus) -> Markup {
        let of_week = stretches(source, self.status.now);
        let told: Vec<String> =
            of_week.iter().rev().take(STRETCHES).map(|one| self.text(&told(one, self.status))).collect();
        let label = format!("{}: {}", source.name, self.say("jede Stunde der Woche", "each hour of the week"));
        html! {
            section {
                h3 { (source.name) }
                p {
                    @match source.newest_body {
                        Some(at) => { (self.say("neueste Antwort: ", "newest body: ")) b { (self.ago(at)) } },
                        None => (self.say("noch keine Antwort", "no body yet")),
                    }
                    @match source.every {
                        Some(every) => {
                            @let every = SignedDuration::from_secs(i64::try_from(every).unwrap_or(i64::MAX)); ", " (self.say("gefragt alle ", "asked every ")) (self.text(&length(every))) },
                        None => { ", " (self.say("nicht mehr in der Konfiguration", "no longer in the configuration")) },
                    }
                }
                (picture::beats(self.status, source, self.language.of(), &label))
                (self.days())
                details {
                    summary { (self.say("in Worten, das Neueste zuerst", "in words, the newest first")) }
                    ul { @for line in told { li { (line) } } }
                }
            }
        }
    }

    fn undecided(&self) -> Markup {
        let row = |label: &str, rows: u64| html! { @if rows > 0 { li { (self.text(&number(rows))) " " (label) } } };
        html! {
            @if !self.status.undecided.is_empty() {
                h2 { (self.say("Quarantäne ohne Entscheidung", "Quarantine without a decision")) }
                @for of in &self.status.undecided {
                    h3 { (of.dataset) }
                    ul {
                        (row(self.say("Zeilen von dieser Woche", "rows of this week"), of.under_a_week))
                        (row(self.say("Zeilen der letzten vier Wochen", "rows of the last four weeks"), of.under_four_weeks))
                        (row(self.say("Zeilen, die älter sind", "rows that are older"), of.older))
                        li { (self.say("die ältesten: ", "the oldest: ")) (self.text(&day(of.oldest))) }
                    }
                }
            }
        }
    }

    fn disk(&self) -> Markup {
        let disk = &self.status.disk;
        let size = |size: u64| self.text(&bytes(size));
        let unknown = self.say("noch nicht bekannt", "not known yet");
        html! {
            h2 { (self.say("Platte", "Disk")) }
            ul {
                li { (self.say("Ein Tag Belege: ", "A day of evidence: ")) b { (disk.a_day.map_or_else(|| unknown.to_owned(), size)) } }
                @if let (Some(free), Some(all)) = (disk.free, disk.size) {
                    li { (self.say("Frei: ", "Free: ")) b { (size(free)) } (self.say(" von ", " of ")) (size(all)) }
                }
                @if let Some(at) = disk.full_at {
                    li { (self.say("Voll, wenn es so weitergeht: ", "Full at this pace: ")) b { (self.at(at)) } }
                }
                @if let Some(spool) = &disk.spool {
                    li {
                        b { (size(spool.waiting_bytes)) } (self.say(" warten auf ", " wait for ")) (spool.at) ", "
                        (self.say("von höchstens ", "of at most ")) (size(spool.limit))
                        @if let Some(at) = spool.over_at {
                            " (" (self.say("erreicht am ", "reached on ")) (self.at(at)) (self.say(", wenn nichts abgeholt wird", " if nothing is taken")) ")"
                        }
                    }
                }
            }
            div.disk {
                (picture::disk(self.status, self.language.of(), self.say("Belege je Tag", "evidence by day")))
                (self.days())
                p.days { @for (_, bytes) in &disk.evidence { span { (size(*bytes)) } } }
            }
        }
    }
}

/// Colours have a contrast of at least 3 to the page, those of text 4.5, in light and dark.
const STYLE: &str = "\
:root{color-scheme:light dark;--good:#0b5fa5;--half:#a05a00;--failed:#b3261e;--off:#6b6b6b;--frozen:#6a3d9a;--silent:#00695c;\
--unreadable:#a0246e;--dark:#1b1b1b;--paper:#fff;--faint:#efefef;--empty:#dcdcdc;--line:#767676;--grey:#555}\
main{padding-bottom:2rem}h1{margin:.2rem 0;font-size:1.6rem;overflow-wrap:anywhere}h2{margin:2rem 0 .5rem;font-size:1.25rem}\
h3{margin:1rem 0 .1rem;font-size:1rem;overflow-wrap:anywhere}p{margin:.2rem 0}.other{float:right;margin-left:1rem}.of{color:var(--grey)}\
a{color:var(--good)}.verdict{font-size:1.15rem;font-weight:600;border-left:.4rem solid var(--good);padding:.3rem .7rem;background:var(--faint);overflow-wrap:anywhere}\
.verdict.none{border-color:var(--line)}.verdict.bad{border-color:var(--failed)}.needs li{margin:.6rem 0;overflow-wrap:anywhere}ul,ol{margin:.3rem 0;padding-left:1.4rem}\
li{overflow-wrap:anywhere}pre{margin:.3rem 0;padding:.4rem .6rem;background:var(--faint);white-space:pre-wrap;overflow-wrap:anywhere}\
code{font:.9em ui-monospace,monospace}summary{color:var(--grey);padding:.2rem 0}\
.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin-top:1rem;font-size:.9rem}\
.legend li{display:flex;gap:.4rem;align-items:center}.key{flex:none}\
.beats{display:block;width:100%;height:24px}.dates{display:block;max-width:100%;height:auto}.disk{max-width:40rem}svg.disk{display:block;width:100%;height:auto}\
.days,.ends{display:flex;justify-content:space-between;font-size:.8rem;color:var(--grey);max-width:100%}.days span{flex:1;min-width:0}@media(max-width:30rem){div.disk .days{font-size:.65rem}}div.disk .days span{text-align:center}\
rect.all,rect.most,path.good,circle.good{fill:var(--good)}rect.half,path.warn{fill:var(--half)}rect.failed{fill:var(--failed)}.beats rect.failed{stroke:var(--failed);stroke-width:2;vector-effect:non-scaling-stroke}rect.off{fill:var(--off)}\
rect.frozen{fill:var(--frozen)}rect.silent{fill:var(--silent)}rect.unreadable{fill:var(--unreadable)}rect.skipped{fill:var(--half)}\
rect.unexplained{fill:var(--dark)}rect.none{fill:var(--faint)}.beats rect.none{fill:var(--empty)}line.midnight{stroke:var(--paper);stroke-width:2;vector-effect:non-scaling-stroke}line.day{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}\
rect.held{fill:var(--half)}.line{fill:none;stroke:var(--good);stroke-width:1.8}.tick{fill:none;stroke:var(--paper);stroke-width:2}\
path.bad{fill:none;stroke:var(--failed);stroke-width:3}circle.faint{fill:var(--line)}\
@media(prefers-color-scheme:dark){:root{--good:#6cb2f0;--half:#e0a03c;--failed:#ff8a80;--off:#9a9a9a;--frozen:#b99ae0;--silent:#4db6ac;\
--unreadable:#f08cc0;--dark:#eee;--paper:#161616;--faint:#262626;--empty:#383838;--line:#8a8a8a;--grey:#b5b5b5}}\
@media print{body{max-width:none}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}section,.needs li{break-inside:avoid}.other{display:none}}";
