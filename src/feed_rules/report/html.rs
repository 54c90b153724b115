//! The report as one page in German and English that needs nothing else.

use maud::{Markup, html};

use super::{Circumstances, NoticeResult, Report, Reported, shown, word};
use crate::contract::Severity;
use crate::page::{both, identifier, number, page};

/// Samples of a notice that the page shows.
const SHOWN: usize = 20;

impl<S: Reported> Report<S> {
    /// The report as one page in German and English that needs nothing else.
    pub fn html(&self, how: &Circumstances) -> String {
        let (title, standard) = self.subject.title();
        let severities = [
            (Severity::Error, "Fehler", "Errors", "error"),
            (Severity::Warning, "Warnungen", "Warnings", "warning"),
            (Severity::Info, "Hinweise", "Remarks", "info"),
        ];
        let content = html! {
            h1 { (title) }
            (self.subject.introduction(how))
            ul.counts {
                @for (severity, de, en, class) in severities {
                    @let count = self.count_of(severity);
                    li class=(class) {
                        b { (number(count)) } " "
                        @if count > 0 { a href={ "#" (class) } { (both(de, en)) } } @else { (both(de, en)) }
                    }
                }
            }
            @for (severity, de, en, class) in severities {
                @if self.results.iter().any(|result| result.severity == severity) {
                    h2 id=(class) { (both(de, en)) }
                    @for result in self.results.iter().filter(|result| result.severity == severity) {
                        (notice(result, class))
                    }
                }
            }
            (self.subject.remarks_of_page())
            @if !self.not_run.is_empty() {
                h2 { (both("Nicht geprüft", "Not checked")) }
                p { (both("Diese Regeln konnten nicht laufen, weil eine Datei nicht vollständig lesbar war.", "These rules could not run, because a file could not be read completely.")) }
                ul { @for (rule, file) in &self.not_run { li { code { (rule) } " – " (file) } } }
            }
            @if !self.cut.is_empty() {
                h2 { (both("Nicht vollständig geprüft", "Not checked completely")) }
                p { (both("Hier wäre der Aufwand zu groß gewesen.", "Here it would have taken too long.")) }
                ul { @for (rule, cut) in &self.cut { li { code { (rule) } " – " (both(cut.de, cut.en)) } } }
            }
            @if !self.changes.is_empty() {
                h2 { (both("Geänderte Regeln", "Changed rules")) }
                ul { @for change in &self.changes {
                    li { code { (change.code) } ": " (change.severity.map_or("off", word)) " – " (change.reason) }
                } }
            }
            (self.subject.pictures())
            footer { "fahrtenbuch " (env!("CARGO_PKG_VERSION")) ", " (how.validated_at.to_string()) }
        };
        page(&format!("{title} – {standard}"), STYLE, &content)
    }
}

fn notice(result: &NoticeResult, class: &str) -> Markup {
    let found = &result.found;
    let notice = found.notice;
    html! {
        details class=(class) {
            summary { b { (number(found.total)) } " × " (both(notice.de.what, notice.en.what)) " " code { (identifier(notice.code)) } }
            p { b { (both("Abhilfe: ", "To mend: ")) } (both(notice.de.mend, notice.en.mend)) }
            @if !notice.files.is_empty() { p { (notice.files.join(", ")) } }
            @if !found.samples.is_empty() && !notice.fields.is_empty() {
                div.wide { table.stack {
                    thead { tr { @for field in notice.fields { th scope="col" { (identifier(field)) } } } }
                    tbody { @for sample in found.samples.iter().take(SHOWN) {
                        tr { @for (field, value) in notice.fields.iter().zip(sample) { td data-label=(field) { (shown(value)) } } }
                    } }
                } }
                @if found.total > SHOWN as u64 {
                    p { "… " (number(found.total - found.samples.len().min(SHOWN) as u64)) " " (both("weitere", "more")) }
                }
            }
        }
    }
}

const STYLE: &str = "\
h2{margin-top:2rem}\
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1rem}dt{color:var(--muted)}dd{margin:0;min-width:0;overflow-wrap:anywhere}\
@media(max-width:30rem){dl{grid-template-columns:minmax(0,1fr)}dd{margin-bottom:.4rem}}\
.counts{display:grid;grid-template-columns:repeat(auto-fit,minmax(6.9rem,1fr));gap:.55rem;list-style:none;padding:0;margin:1rem 0}\
.counts li{background:var(--panel);border:1px solid var(--line);border-radius:.4rem;padding:.5rem .45rem;font-size:.8rem}.counts b{display:block;font-size:1.3rem;line-height:1.2}\
details{border-left:.4rem solid;padding:.3rem .8rem;margin:.4rem 0;background:var(--panel);overflow-wrap:anywhere}\
summary code{color:var(--muted)}\
.error{border-color:var(--bad)}.warning{border-color:var(--warn)}.info{border-color:var(--accent)}\
li.error b{color:var(--bad)}li.warning b{color:var(--warn)}li.info b{color:var(--accent)}\
table{font-size:.85rem}th,td{border:1px solid var(--line);padding:.15rem .45rem;text-align:left;overflow-wrap:normal}\
svg{width:100%;height:auto;max-height:85vh;background:var(--panel)}.days{max-width:34rem}.shape{fill:none;stroke:var(--accent);stroke-width:.8}circle{fill:var(--bad)}\
rect{fill:var(--accent)}rect.today{fill:var(--bad)}text{font-size:12px;fill:var(--ink)}@media(min-width:28rem){.days text{font-size:10px}}@media(min-width:38rem){.days text{font-size:8px}}footer{margin:2rem 0;color:var(--muted)}\
.legend{font-size:.85rem;color:var(--muted);margin:.3rem 0}.legend i{display:inline-block;vertical-align:middle;margin:0 .2rem}.legend .stop{width:.5rem;height:.5rem;border-radius:50%;background:var(--bad)}.legend .line{width:1.2rem;border-top:2px solid var(--accent);margin-left:1rem}\
@media print{svg{max-height:11cm}.legend i{print-color-adjust:exact;-webkit-print-color-adjust:exact}summary{list-style:none}\
.counts{grid-template-columns:repeat(auto-fit,minmax(2.6cm,1fr))}.wide table{font-size:6pt}.wide th,.wide td{padding:.1rem .15rem;overflow-wrap:anywhere}footer{margin:.8rem 0 0}}";
