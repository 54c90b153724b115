//! The feed of a dataset: `<dataset>/feed.xml` in German, `feed.en.xml` in English (RFC 4287). It tells releases, withdrawals, rollbacks
//! and new or lost columns. What changes no data (compactions) and what comes several times a day (provisional releases) is not in it.

use std::fmt::Write;

use jiff::Timestamp;

use crate::digest::Digest;
use crate::portal::catalogue::{Dataset, Site};
use crate::portal::dataset_page::{kind_word, path, record_path, span_text};
use crate::portal::file::File;
use crate::portal::frame::{path_in, rows_word};
use crate::portal::overview::{Change, ChangeKind};
use crate::report::words::printable;
use crate::text::{Language, grouped};

/// Entries of a feed, the newest ones.
const ENTRIES: usize = 40;
/// Tables that the title of an entry names.
const TABLES: usize = 3;

/// Both feeds.
pub(super) fn files(site: &Site, of: &Dataset) -> Vec<File> {
    Language::ALL
        .into_iter()
        .map(|language| File::new(feed_path(&of.name, language), write(site, of, language)))
        .collect()
}

pub(super) fn feed_path(dataset: &str, language: Language) -> String {
    format!("{dataset}/{}", language.say("feed.xml", "feed.en.xml"))
}

fn write(site: &Site, of: &Dataset, language: Language) -> String {
    let is_told = |change: &&Change| !matches!(change.kind, ChangeKind::Compaction | ChangeKind::ProvisionalRelease);
    let changes: Vec<&Change> = of.overview.changes.iter().filter(is_told).take(ENTRIES).collect();
    // Of a dataset without changes no time is known but that there was none before 1970.
    let updated = changes.iter().map(|change| change.at).max().unwrap_or(Timestamp::UNIX_EPOCH);
    let name = of.title(site, language).0;
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{}\">\n",
        language.code()
    );
    element(&mut out, 1, "id", &id(site, of, language));
    element(&mut out, 1, "title", &format!("{name} – {}", language.say("Veröffentlichungen", "Releases")));
    element(&mut out, 1, "updated", &updated.to_string());
    let _ = writeln!(out, "  <author><name>{}</name></author>", escaped(&site.publisher));
    let _ = writeln!(out, "  <rights>{}</rights>", escaped(&site.licence));
    link(&mut out, 1, "self", "application/atom+xml", &address(site, &feed_path(&of.name, language)));
    link(&mut out, 1, "alternate", "text/html", &address(site, &path_in(language, &path(&of.name))));
    for change in changes {
        out += "  <entry>\n";
        element(&mut out, 2, "id", &format!("urn:sha256:{}", key(&change.record)));
        element(&mut out, 2, "title", &title(of, change, language));
        element(&mut out, 2, "updated", &change.at.to_string());
        link(&mut out, 2, "alternate", "application/json", &address(site, &record_path(&change.record)));
        let _ = writeln!(out, "    <content type=\"text\">{}</content>", escaped(&content(change, language)));
        out += "  </entry>\n";
    }
    out += "</feed>\n";
    out
}

/// What happened, to which days, and to which tables where others of the dataset are not changed.
fn title(of: &Dataset, change: &Change, language: Language) -> String {
    let days = span_text(change.dates.iter().copied());
    let colon = if days.is_empty() { "" } else { ": " };
    let mut title = format!("{}{colon}{days}", kind_word(change.kind, language));
    if change.kind != ChangeKind::Release && change.tables.len() < of.tables.len() {
        let names: Vec<&str> = change.tables.iter().take(TABLES).map(|table| table.table.as_str()).collect();
        let more = if change.tables.len() > names.len() { language.say(" und weitere", " and more") } else { "" };
        title += &format!(" ({}{more})", names.join(", "));
    }
    title
}

/// What an entry says, in lines.
fn content(change: &Change, language: Language) -> String {
    let mut lines = Vec::new();
    if let Some(reason) = change.reason.as_deref().filter(|reason| !reason.trim().is_empty()) {
        let by = change.by.as_deref().map(|by| format!(" ({by})")).unwrap_or_default();
        lines.push(format!("{}: {reason}{by}", language.say("Grund", "Reason")));
    }
    for table in &change.tables {
        let mut line = format!("{}, {} {}", table.table, language.say("Fassung", "version"), table.version);
        if let Some(rows) = table.rows {
            line += &format!(", {} {}", language.of(&grouped(rows)), rows_word(rows, language));
        }
        for (names, word) in [
            (&table.columns_added, language.say("neue Spalten", "new columns")),
            (&table.columns_removed, language.say("weggefallene Spalten", "columns that went")),
        ] {
            if !names.is_empty() {
                line += &format!("; {word}: {}", names.join(", "));
            }
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// Stays the feed's own as long as the publisher and the name of the dataset do.
fn id(site: &Site, of: &Dataset, language: Language) -> String {
    let seed = format!("fahrtenbuch feed\n{}\n{}\n{}", site.publisher, of.name, language.code());
    format!("urn:sha256:{}", Digest::of(seed.as_bytes()))
}

/// The digest that a record is called by.
fn key(record: &str) -> &str {
    let name = record.rsplit('/').next().unwrap_or(record);
    name.strip_suffix(".json").unwrap_or(name)
}

/// Of something in the bucket. Without the bucket's address it is relative to the feed, which lies in the dataset's folder.
fn address(site: &Site, path: &str) -> String {
    match &site.base_url {
        Some(base) => format!("{}/{path}", base.trim_end_matches('/')),
        None => format!("../{path}"),
    }
}

fn element(out: &mut String, depth: usize, name: &str, text: &str) {
    let _ = writeln!(out, "{}<{name}>{}</{name}>", "  ".repeat(depth), escaped(text));
}

fn link(out: &mut String, depth: usize, relation: &str, kind: &str, href: &str) {
    let _ =
        writeln!(out, "{}<link rel=\"{relation}\" type=\"{kind}\" href=\"{}\"/>", "  ".repeat(depth), escaped(href));
}

/// A text of XML 1.0: no control characters, no mark-up.
fn escaped(text: &str) -> String {
    let text = printable(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::dataset_page::testing::{change, dataset, site};

    #[test]
    fn a_feed_tells_what_changed_and_when_and_keeps_its_ids() {
        let mut of = dataset("bus", &["2026-11-24"]);
        let mut withdrawal = change(&of, ChangeKind::Withdrawal, "2026-11-26T05:00:00Z");
        withdrawal.reason = Some("Kennzeichen <b> & \u{1}".into());
        withdrawal.by = Some("Datenmanagement".into());
        let mut release = change(&of, ChangeKind::Release, "2026-11-25T05:00:00Z");
        release.tables[0].columns_added = vec!["speed".into()];
        let compaction = change(&of, ChangeKind::Compaction, "2026-11-27T05:00:00Z");
        of.overview.changes = vec![compaction, withdrawal, release];
        insta::assert_snapshot!(write(&site(Some("https://daten.example.de/")), &of, Language::De));
        let english = write(&site(None), &of, Language::En);
        assert!(
            english.contains("Withdrawn: 2026-11-24") && english.contains("href=\"../bus/feed.en.xml\""),
            "{english}"
        );
        let ids = |text: &str| {
            text.lines().filter(|line| line.trim().starts_with("<id>")).map(str::to_owned).collect::<Vec<_>>()
        };
        let moved = write(&site(Some("https://anders.example.de")), &of, Language::De);
        assert_eq!(ids(&moved), ids(&write(&site(None), &of, Language::De)));
    }

    #[test]
    fn a_withdrawal_says_which_tables_went_where_others_stay() {
        let mut of = dataset("bus", &["2026-11-24"]);
        let mut withdrawal = change(&of, ChangeKind::Withdrawal, "2026-11-26T05:00:00Z");
        (withdrawal.reason, withdrawal.tables[0].rows) = (Some("Kennzeichen".into()), None);
        of.overview.changes = vec![withdrawal];
        let whole = write(&site(None), &of, Language::De);
        assert!(whole.contains("<title>Zurückgezogen: 2026-11-24</title>"), "{whole}");
        let mut second = of.tables[0].clone();
        second.index.table = "u".into();
        of.tables.push(second);
        let one = write(&site(None), &of, Language::De);
        assert!(one.contains("<title>Zurückgezogen: 2026-11-24 (t)</title>"), "{one}");
        assert!(one.contains("Grund: Kennzeichen"), "{one}");
        // All files being gone changes nothing of what the feed tells.
        of.tables.iter_mut().for_each(|table| table.index.files.clear());
        assert_eq!(write(&site(None), &of, Language::De), one);
    }

    #[test]
    fn a_feed_without_changes_is_valid_too() {
        let text = write(&site(None), &dataset("bus", &[]), Language::De);
        assert!(text.contains("<updated>1970-01-01T00:00:00Z</updated>") && !text.contains("<entry>"), "{text}");
    }
}
