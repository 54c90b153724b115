//! The findings and notes that the program makes itself, without a contract: what each means and what to do.
//!
//! `<table>` and `<pipeline>` stand for names of the workspace, `<format>` for that of a format. Notes `gtfs.<code>` that are not here are notices of the
//! canonical validator, which have their own words.

mod finding;
mod of_captures;
mod of_formats;
mod of_releases;
mod of_tables;

pub use self::finding::ProgramFinding;

/// The words of a finding or note with this id.
pub fn of(id: &str) -> Option<&'static ProgramFinding> {
    all().find(|finding| match finding.id.split_once('>') {
        Some((_, rest)) => id.len() > rest.len() && id.ends_with(rest) && !id.starts_with('.'),
        None => finding.id == id,
    })
}

/// All of them. Where two fit an id, the first does.
fn all() -> impl Iterator<Item = &'static ProgramFinding> {
    [of_tables::FINDINGS, of_captures::FINDINGS, of_releases::FINDINGS, of_formats::FINDINGS].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules that contracts make: `check::rules` and the contract's reader have their words.
    const OF_CONTRACTS: &[&str] = &["{name}", "row_length", "primary_key", "{}", "{name}.{rule}", "sla", "{rule}"];

    #[test]
    fn every_id_that_the_source_makes_has_its_words() {
        let rooms = "evidence|gtfs|quarantine|release|run|timetable|record|capture";
        let formats = crate::decode::formats::names().join("|").replace('-', "_");
        let literal = regex::Regex::new(&format!(r#""((?:{rooms}|{formats})\.[a-z_]+)""#)).unwrap();
        let made = regex::Regex::new(r#"RuleId\(format!\("\{(?:table)?\}\.([a-z_]+)"#).unwrap();
        let notices: Vec<&str> = crate::feed_rules::gtfs::notices().iter().map(|notice| notice.code).collect();
        let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let (mut missing, mut seen) = (Vec::new(), 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                if path.to_string_lossy().contains("program_findings") {
                    continue;
                }
                for found in literal.captures_iter(text) {
                    let id = &found[1];
                    seen += 1;
                    let is_notice = id.strip_prefix("gtfs.").is_some_and(|code| notices.contains(&code));
                    if of(id).is_none() && !is_notice && !id.ends_with(".zip") {
                        missing.push(id.to_owned());
                    }
                }
                for found in made.captures_iter(text).filter(|found| !OF_CONTRACTS.contains(&&found[1])) {
                    seen += 1;
                    if of(&format!("t.{}", &found[1])).is_none() {
                        missing.push(found[1].to_owned());
                    }
                }
            }
        }
        assert!(seen > 30 && missing.is_empty(), "{seen}: {missing:?}");
    }
}
