//! How one release of a table is cited: by its version, whose index names all of its files by their digests.

use maud::{Markup, html};

use super::table_title::{called, named};
use super::view::{View, are_apart};
use crate::portal::catalogue::Table;
use crate::portal::dates::day_text;
use crate::publish::index::{digest, index_key};
use crate::text::Language;
use crate::time::ServiceDate;

pub(super) fn section(view: View<'_>) -> Markup {
    let mut tables: Vec<&Table> = view.of.tables.iter().filter(|table| !table.index.files.is_empty()).collect();
    tables.sort_by_key(|table| std::cmp::Reverse(table.rows()));
    let (first, others) = tables.split_at(1.min(tables.len()));
    html! {
        section #cite aria-labelledby="cite-title" {
            h2 #cite-title { (view.say("Daten zitieren", "Cite the data")) }
            @if first.is_empty() {
                p {
                    @if view.of.is_withdrawn() {
                        (view.say("Alle Dateien sind zurückgezogen.", "All files are withdrawn."))
                    } @else {
                        (view.say("Zurzeit gibt es keine Dateien.", "There are no files at present."))
                    }
                }
            } @else { p {
                (view.say(
                    "Zitieren Sie eine Fassung, nicht nur den Datensatz: Ihre Liste nennt jede Datei mit ihrem SHA-256, und sie ändert sich nie.",
                    "Cite a version, not only the dataset: its list names each file with its SHA-256, and it never changes.",
                ))
            } }
            @for table in first {
                h3 { (named(table, view.page.language)) }
                (of_table(view, table))
            }
            @if are_apart(view.of) && !others.is_empty() {
                p { (view.say("Die Zitate der anderen Tabellen stehen auf deren Seiten.", "The citations of the other tables are on their pages.")) }
            } @else {
                @for table in others {
                    details {
                        summary { (view.say("Zitat von ", "Citation of ")) (called(table, view.page.language)) }
                        (of_table(view, table))
                    }
                }
            }
        }
    }
}

/// The citation in words, in the order that DataCite recommends, and as BibTeX.
pub(super) fn of_table(view: View<'_>, table: &Table) -> Markup {
    let said = Citation::of(view, table);
    html! {
        pre { code data-cite="text" { (said.text()) } }
        pre { code data-cite="bibtex" { (said.bibtex()) } }
    }
}

struct Citation {
    language: Language,
    /// Who is to be named.
    creators: Vec<String>,
    publisher: String,
    title: String,
    table: String,
    dataset: String,
    version: u64,
    date: ServiceDate,
    licence: String,
    address: String,
    sha256: String,
}

impl Citation {
    fn of(view: View<'_>, table: &Table) -> Self {
        let (site, index) = (view.page.site, &table.index);
        let newest = index.files.last().map(|file| file.partition_date);
        let released =
            index.release.as_ref().map(|release| ServiceDate::local_date_of(release.at, &jiff::tz::TimeZone::UTC));
        let key = index_key(view.name(), &index.table, index.version);
        Self {
            language: view.page.language,
            creators: site.attributed(&view.of.about).into_iter().map(str::to_owned).collect(),
            publisher: site.publisher.clone(),
            title: view.of.title(site, view.page.language).0.to_owned(),
            table: index.table.clone(),
            dataset: view.name().to_owned(),
            version: index.version,
            // Of a version of an earlier version of this program nobody knows when it was made: its newest day is next to it.
            date: released.or(newest).unwrap_or(ServiceDate(jiff::civil::Date::ZERO)),
            licence: site.licence.clone(),
            address: match &site.base_url {
                Some(base) => format!("{}/{key}", base.trim_end_matches('/')),
                None => key,
            },
            sha256: digest(index).to_string(),
        }
    }

    fn text(&self) -> String {
        let Self { title, table, version, licence, address, sha256, .. } = self;
        let creator = self.creators.join("; ");
        let (year, day) = (self.date.0.year(), day_text(self.language, self.date));
        match self.language {
            Language::De => format!(
                "{creator} ({year}): {title}. Tabelle {table}, Fassung {version} vom {day} [Datensatz]. Lizenz {licence}. {address} (SHA-256 {sha256})"
            ),
            Language::En => format!(
                "{creator} ({year}): {title}. Table {table}, version {version} of {day} [Data set]. Licence {licence}. {address} (SHA-256 {sha256})"
            ),
        }
    }

    fn bibtex(&self) -> String {
        let Self { dataset, table, version, date, address, sha256, .. } = self;
        let of = |text: &str| escaped(text);
        let word = self.language.say("Tabelle", "table");
        format!(
            "@misc{{{dataset}-{table}-v{version},\n  author    = {{{}}},\n  title     = {{{{{}}}: {word} {}}},\n  year      = {{{}}},\n  \
             date      = {{{date}}},\n  version   = {{{version}}},\n  publisher = {{{{{}}}}},\n  url       = {{{}}},\n  \
             note      = {{{} {}, SHA-256 {sha256}}}\n}}",
            // Names in braces are not taken apart into first and last ones.
            self.creators.iter().map(|name| format!("{{{}}}", of(name))).collect::<Vec<_>>().join(" and "),
            of(&self.title),
            of(table),
            date.0.year(),
            of(&self.publisher),
            address,
            self.language.say("Lizenz", "Licence"),
            of(&self.licence),
        )
    }
}

/// A text in BibTeX.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out += "\\textbackslash{}",
            '{' | '}' | '&' | '%' | '$' | '#' | '_' => {
                out.push('\\');
                out.push(c);
            }
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            _ if c.is_control() => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_title_breaks_out_of_its_field() {
        assert_eq!(escaped("50 % {Bus} & Bahn_1\n\\x"), "50 \\% \\{Bus\\} \\& Bahn\\_1 \\textbackslash{}x");
    }
}
