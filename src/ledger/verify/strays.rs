//! Names that the program gives nothing: they are in no list of it, and whoever opens a folder as a whole reads what they are of.

use super::context::{Context, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::names::{is_safe, is_staged, shown};
use crate::digest::Digest;
use crate::ledger::{keys::KEYS, log::tiles::Tile, object_key, record_key};
use crate::publish::{index, log};
use crate::text::Text;

/// Folders in which the program alone writes.
const FOLDERS: [&str; 6] = ["data/", "revised/", "meta/", "ledger/", "reports/", "iceberg/"];
/// Strays of which each is a fault of its own. The others are counted.
const TOLD: u64 = 1000;

/// Looks at all names where they can be listed. Of a table or the log that nothing names, files of data and versions others tell.
pub(super) fn check(context: &mut Context<'_>) -> Result<(), Interrupted> {
    let Some(names) = context.all_names()? else { return Ok(()) };
    let (mut staged, mut told, mut more) = (0_u64, 0_u64, 0_u64);
    for name in &names {
        let Some((what, said)) = stray(name) else { continue };
        if is_staged(name) {
            staged += 1;
            continue;
        }
        if told == TOLD {
            more += 1;
            continue;
        }
        let path = shown(name);
        if !context.findings.is_told(&path) {
            told += 1;
            context.findings.tell(Fault::new(FaultKind::NotInLog, what, path, said));
        }
    }
    if more > 0 {
        let said = Text::new(
            format!("more names that are none of this program's: {more}"),
            format!("weitere Namen, die dieses Programm nichts gibt: {more}"),
        );
        context.findings.tell(Fault::new(FaultKind::NotInLog, Subject::File, "data", said));
    }
    if staged > 0 {
        context.findings.notes.push(Text::new(
            format!("files that have not got their names yet ('name#1'), as a run is at work or was killed: {staged}. No reader takes them for others"),
            format!(
                "Dateien, die ihren Namen noch nicht bekommen haben („name#1“), weil ein Lauf arbeitet oder abgebrochen wurde: {staged}. Kein Leser \
                 verwechselt sie mit anderen"
            ),
        ));
    }
    Ok(())
}

/// What is wrong with a name; nothing if the program gives such names.
fn stray(name: &str) -> Option<(Subject, Text)> {
    let is_own = FOLDERS.iter().any(|folder| name.starts_with(folder));
    let is_data = name.to_ascii_lowercase().ends_with(".parquet");
    let is_in_place = name.starts_with("data/") || name.starts_with("revised/");
    if is_data && (!is_in_place || !is_safe(name)) {
        let said = Text::new(
            "no index names the file, and no file of this program has such a name. Whoever opens the folder as a whole reads its rows",
            "kein Index nennt die Datei, und keine dieses Programms heißt so. Wer den Ordner als Ganzes öffnet, liest ihre Zeilen",
        );
        return Some((Subject::File, said));
    }
    if is_own && !is_safe(name) || !is_known(name) {
        let what = subject(name);
        let said = Text::new(
            "nothing of this program has such a name, so nothing that is signed or chained names it",
            "nichts von diesem Programm heißt so, also nennt es auch nichts, was unterschrieben oder verkettet ist",
        );
        return Some((what, said));
    }
    None
}

fn subject(name: &str) -> Subject {
    const SUBJECTS: [(&str, Subject); 10] = [
        ("data/", Subject::File),
        ("revised/", Subject::File),
        ("reports/", Subject::Report),
        ("iceberg/", Subject::Catalogue),
        ("ledger/log/", Subject::Log),
        ("ledger/records/", Subject::Record),
        ("ledger/objects/", Subject::Object),
        ("ledger/tile/", Subject::Tile),
        ("ledger/timestamps/", Subject::Timestamp),
        ("ledger/", Subject::View),
    ];
    let of_folder = SUBJECTS.iter().find(|(folder, _)| name.starts_with(folder)).map(|(_, what)| *what);
    of_folder.unwrap_or(match name {
        name if name.contains("/proofs/") => Subject::Proof,
        name if name.contains("/index/") => Subject::Index,
        _ => Subject::View,
    })
}

/// Whether the program gives such a name, in the folders of which verification reads what it can name.
fn is_known(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        ["ledger", "log", file] => version(file, ".json").is_some_and(|number| log::key(number) == name),
        ["ledger", "records", file] => {
            file.strip_suffix(".json").and_then(Digest::parse).is_some_and(|of| record_key(&of) == name)
        }
        ["ledger", "objects", file] => Digest::parse(file).is_some_and(|of| object_key(&of) == name),
        ["ledger", "index", file] => file.strip_suffix(".json").is_some_and(is_month),
        ["ledger", "timestamps", file] => {
            let day = file.strip_suffix(".tsr").or_else(|| file.strip_suffix(".checkpoint"));
            day.is_some_and(|day| day.parse::<jiff::civil::Date>().is_ok_and(|of| of.to_string() == day))
        }
        ["ledger", "tile", ..] => name.strip_prefix("ledger/").is_some_and(|name| name.parse::<Tile>().is_ok()),
        ["ledger", _] => {
            matches!(name, "ledger/checkpoint" | "ledger/index.json" | "ledger/bucket.json") || name == KEYS
        }
        ["ledger", ..] => false,
        ["meta", dataset, table, "index", file] => {
            version(file, ".json").is_some_and(|number| index::index_key(dataset, table, number) == name)
        }
        ["meta", _, _, "proofs", file] => version(file, ".tlog-proof").is_some(),
        ["meta", _, _, "index" | "proofs", ..] => false,
        _ => true,
    }
}

/// The number of a version in a name: `v0000000001.json`.
fn version(file: &str, end: &str) -> Option<u64> {
    let number = file.strip_prefix('v')?.strip_suffix(end)?.parse().ok()?;
    (number > 0 && format!("v{number:010}{end}") == file).then_some(number)
}

/// `2026-11`, or `undated`.
fn is_month(text: &str) -> bool {
    text == "undated"
        || format!("{text}-01").parse::<jiff::civil::Date>().is_ok_and(|of| of.strftime("%Y-%m").to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_program_gives_are_none_and_all_others_are_strays() {
        let digest = Digest::of(b"");
        let known = [
            "data/bus/t/partition_date=2026-11-24/part-0123456789ab.parquet".to_owned(),
            "index.html".to_owned(),
            ".well-known/security.txt".to_owned(),
            "über uns.html".to_owned(),
            "ledger/checkpoint".to_owned(),
            "ledger/tile/entries/000.p/5".to_owned(),
            "ledger/log/v0000000001.json".to_owned(),
            "ledger/index/2026-11.json".to_owned(),
            "ledger/timestamps/2026-11-27.tsr".to_owned(),
            format!("ledger/objects/{digest}"),
            format!("ledger/records/{digest}.json"),
            "meta/bus/t/index/v0000000001.json".to_owned(),
            "meta/bus/t/proofs/v0000000001.tlog-proof".to_owned(),
            "meta/bus/t/files.json".to_owned(),
        ];
        for name in &known {
            assert!(stray(name).is_none(), "{name}");
        }
        for name in [
            "data/bus/t/partition_date=2026-11-24/part 1.parquet",
            "data/bus/t/.hidden.parquet",
            "data/ü/t/x.parquet",
            "data/bus/t/\\xff.parquet",
            "data/bus/t/x\n.parquet",
            "data/bus/t/x.txt\u{1b}",
            "other/x.parquet",
            "x.PARQUET",
            "revised/bus/a%20b/x.parquet",
            "ledger/log/v1.json",
            "ledger/log/v0000000000.json",
            "ledger/log/v0000000001.json.bak",
            "ledger/records/x.json",
            "ledger/other",
            "ledger/a/b/c",
            "ledger/index/2026-13.json",
            "ledger/tile/x",
            "ledger/timestamps/today.tsr",
            "meta/bus/t/proofs/v1.tlog-proof",
            "meta/bus/t/proofs/v0000000001.tlog-proof/x",
            "meta/bus/t/index/v0000000001.json.old",
        ] {
            assert!(stray(name).is_some(), "{name}");
        }
        assert_eq!(stray("meta/bus/t/proofs/x").map(|(what, _)| what), Some(Subject::Proof));
    }
}
