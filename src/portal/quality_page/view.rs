//! A page in the making: its language, its numbers, its dates, its places.

use maud::{Markup, html};

use crate::portal::frame;
use crate::report::text::number;
use crate::report::trend::{Report, RunLine, Trend};
use crate::report::words::encoded;
use crate::text::{Language, grouped};
use crate::time::ServiceDate;

#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub language: Language,
    pub report: &'a Report,
    /// Before the names of places, so that none is there twice on a page of several parts.
    pub prefix: &'a str,
    /// Whether the page has more than one dataset, so that the headings of sections are one step lower.
    pub is_nested: bool,
}

impl<'a> View<'a> {
    pub(super) fn say<'b>(&self, de: &'b str, en: &'b str) -> &'b str {
        self.language.say(de, en)
    }

    /// The name of a place.
    pub(super) fn place(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The place of a rule, as the results for catalogues name it.
    pub(super) fn place_of(&self, trend: &Trend) -> String {
        format!("{}{}/{}", self.prefix, trend.rule.contract, trend.rule.id)
    }

    /// To the place of a rule.
    pub(super) fn link_to(&self, trend: &Trend) -> Markup {
        let place = format!("#{}{}/{}", self.prefix, encoded(&trend.rule.contract), encoded(&trend.rule.id.0));
        let id = &trend.rule.id.0;
        html! { a href=(place) { code { (id.split_once('.').map_or(&**id, |(_, name)| name)) } } }
    }

    /// Of a section.
    pub(super) fn heading(&self, name: &str, text: &str) -> Markup {
        let id = self.place(name);
        html! { @if self.is_nested { h3 id=(id) { (text) } } @else { h2 id=(id) { (text) } } }
    }

    /// A table that may be wider than a phone.
    pub(super) fn wide(&self, name: &str, table: &Markup) -> Markup {
        html! { div.wide tabindex="0" role="region" aria-label=(name) { (table) } }
    }

    /// The words that say which number of the dataset it is.
    pub(super) fn what(&self, kind: &str, of: &[&str]) -> String {
        let mut what = format!("{kind} {}", self.report.dataset);
        for word in of {
            what.push(' ');
            what.push_str(word);
        }
        what
    }

    pub(super) fn count(&self, what: &str, value: u64) -> Markup {
        frame::count(what, value, self.language)
    }

    /// A count that is shown as it is, so that nothing need say it again.
    pub(super) fn exact(&self, what: &str, value: u64) -> Markup {
        html! { span data-figure=(what) { (self.language.of(&grouped(value))) } }
    }

    /// A number with two decimals.
    pub(super) fn decimal(&self, what: &str, value: f64) -> Markup {
        frame::decimal(what, value, 2, self.language)
    }

    /// A number that may have decimals or not.
    pub(super) fn number(&self, what: &str, value: f64) -> Markup {
        html! { data value=(value) data-figure=(what) { (self.written(value)) } }
    }

    /// A number as it is written, with up to four decimals.
    pub(super) fn written(&self, value: f64) -> String {
        let text = number(value.abs());
        let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
        let whole = match whole.parse::<u64>() {
            Ok(whole) => self.language.of(&grouped(whole)).to_owned(),
            Err(_) => whole.to_owned(),
        };
        let sign = if value < 0.0 && text != "0" { "−" } else { "" };
        match decimals {
            "" => format!("{sign}{whole}"),
            decimals => format!("{sign}{whole}{}{decimals}", self.say(",", ".")),
        }
    }

    /// A share in percent, with as many decimals as it needs not to look like nothing.
    pub(super) fn percent(&self, what: &str, value: f64) -> Markup {
        let places = if value >= 0.01 { 2 } else { (-value.log10()).ceil().clamp(2.0, 12.0) as usize };
        html! { span data-figure=(what) { (self.language.decimal(value, places)) } (self.say("\u{202f}%", "%")) }
    }

    pub(super) fn date(&self, date: ServiceDate) -> Markup {
        frame::day(date, self.language)
    }

    /// `24.11.2026`, `24 Nov 2026`.
    pub(super) fn short_date(&self, date: ServiceDate) -> String {
        let form = self.say("%-d.%-m.%Y", "%-d %b %Y");
        date.0.strftime(form).to_string()
    }

    /// `24.11.`, `24 Nov`.
    pub(super) fn date_of_year(&self, date: ServiceDate) -> String {
        date.0.strftime(self.say("%-d.%-m.", "%-d %b")).to_string()
    }

    /// Above a column, in two lines.
    pub(super) fn column_date(&self, date: ServiceDate) -> Markup {
        let day = date.0.strftime(self.say("%-d.%-m.", "%-d\u{a0}%b")).to_string();
        html! { time datetime=(date) { (day) br; small { (date.0.year()) } } }
    }

    /// The newest first, as many together as a sheet of paper has room for.
    pub(super) fn columns(&self) -> Vec<Vec<(usize, &'a RunLine)>> {
        let all: Vec<(usize, &RunLine)> = self.report.runs.iter().enumerate().rev().collect();
        all.chunks(COLUMNS).map(<[_]>::to_vec).collect()
    }
}

/// Dates beside each other.
const COLUMNS: usize = 14;
