//! Which dates were destroyed: what all look into that read evidence, so that a date is never read in part.
//!
//! `<private>/purged.jsonl` has a line for each date of a pipeline, only ever added to. `<private>/purging.json` has the records of a
//! purge that has begun and is not done yet; its dates count as destroyed from the moment it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::ledger::PurgeRecord;
use crate::publish::bucket::Bucket;
use crate::text::Text;
use crate::time::ServiceDate;

/// The file that keeps room on the disk for a purge.
pub const ROOM_NAME: &str = "purge.reserve";
/// Bytes that are kept for a purge: thousands of records.
const ROOM: usize = 1 << 20;

/// A date of a pipeline that was destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgedDate {
    /// Not there for what no pipeline names any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    pub date: ServiceDate,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Who had it destroyed earlier than a rule does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Where its record is in the bucket.
    pub record: String,
    /// What went and what stayed; not there where an earlier version of this program wrote the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<PurgedWhat>,
}

/// What went of a date and what stayed, as the record of the purge says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgedWhat {
    /// Sources whose evidence this program kept.
    pub own: Vec<String>,
    /// Sources whose evidence somebody else keeps: it was not touched.
    pub others: Vec<String>,
    pub key: bool,
}

/// A purge that has begun: dates before `first_kept` go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub first_kept: ServiceDate,
    pub records: Vec<PurgeRecord>,
}

/// All dates that were destroyed or are being destroyed, by pipeline.
#[derive(Debug, Default)]
pub struct Purged(BTreeMap<(Option<String>, ServiceDate), PurgedDate>);

impl From<&PurgeRecord> for PurgedDate {
    fn from(record: &PurgeRecord) -> Self {
        Self {
            pipeline: record.pipeline.clone(),
            date: record.date,
            at: record.purged_at,
            rule: record.rule.clone(),
            by: record.decided.as_ref().map(|decided| decided.by.clone()),
            record: record.to_bytes().0,
            what: Some(PurgedWhat::from(record)),
        }
    }
}

impl From<&PurgeRecord> for PurgedWhat {
    fn from(record: &PurgeRecord) -> Self {
        Self {
            own: record.evidence.iter().map(|of| of.source.clone()).collect(),
            others: record.kept_by_others.clone(),
            key: record.pseudonym_key.is_some(),
        }
    }
}

impl PurgedWhat {
    /// What was destroyed: `the evidence, the key and the quarantine`.
    pub fn destroyed(&self) -> Text {
        let is_own = self.others.is_empty() || !self.own.is_empty();
        match (is_own, self.key || self.others.is_empty()) {
            (true, true) => {
                Text::new("the evidence, the key and the quarantine", "Aufzeichnungen, Schlüssel und Quarantäne")
            }
            (true, false) => Text::new("the evidence and the quarantine", "Aufzeichnungen und Quarantäne"),
            (false, true) => Text::new("the key and the quarantine", "Schlüssel und Quarantäne"),
            (false, false) => {
                Text::new("the quarantine and what runs had prepared", "Quarantäne und Vorbereitetes von Läufen")
            }
        }
    }

    /// What was not, to be put behind it; nothing where all was.
    pub fn kept(&self) -> Text {
        if self.others.is_empty() {
            return Text::default();
        }
        let names = self.others.join(", ");
        Text::new(
            format!("; evidence kept by others was not touched ({names})"),
            format!("; Aufzeichnungen, die andere aufbewahren, blieben unberührt ({names})"),
        )
    }
}

impl PurgedDate {
    /// What went and what stayed. Of a line that does not say it all counts as destroyed.
    pub fn what(&self) -> PurgedWhat {
        self.what.clone().unwrap_or_default()
    }

    /// Whether it is the same destruction, also where one line says more of it.
    fn is(&self, other: &Self) -> bool {
        let of = |purged: &Self| (purged.pipeline.clone(), purged.date, purged.at, purged.record.clone());
        of(self) == of(other)
    }

    /// What was destroyed of a source, in a few words: `destroyed on 2027-12-19 by 'retention.evidence: 13 months'`.
    pub fn said_of(&self, source: &str, day: ServiceDate) -> String {
        let is_kept = self.what().others.iter().any(|other| other == source);
        let what = if is_kept { "key and quarantine destroyed" } else { "destroyed" };
        let rest = if is_kept { "; the evidence is kept by others" } else { "" };
        format!("{what} on {day} {}{rest}", self.why())
    }

    /// With what its record in a bucket says of what went, where the line does not.
    pub fn told_by(mut self, bucket: &Bucket) -> Self {
        if self.what.is_none() {
            let bytes = bucket.get(&self.record).ok().flatten();
            let record = bytes.and_then(|bytes| serde_json::from_slice::<PurgeRecord>(&bytes).ok());
            self.what = record.as_ref().map(PurgedWhat::from);
        }
        self
    }

    /// By which rule or whom, in German: `nach der Regel 'retention.evidence: 13 months'`.
    pub fn why_de(&self) -> String {
        match (&self.rule, &self.by) {
            (Some(rule), _) => format!("nach der Regel '{rule}'"),
            (None, Some(by)) => format!("auf Entscheidung von {by}"),
            (None, None) => "nach einer Regel, die nicht mehr bekannt ist".to_owned(),
        }
    }

    /// By which rule or whom, for people: `by 'retention.evidence: 13 months'`.
    pub fn why(&self) -> String {
        match (&self.rule, &self.by) {
            (Some(rule), _) => format!("by '{rule}'"),
            (None, Some(by)) => format!("as {by} decided"),
            (None, None) => "by a rule that is not known any more".to_owned(),
        }
    }
}

impl Purged {
    /// What the private store knows of.
    pub fn read(private: &Path) -> io::Result<Self> {
        let mut purged = Self::default();
        for line in lines(private)? {
            purged.0.insert((line.pipeline.clone(), line.date), line);
        }
        for record in intent(private)?.iter().flat_map(|intent| &intent.records) {
            purged.0.entry((record.pipeline.clone(), record.date)).or_insert_with(|| record.into());
        }
        Ok(purged)
    }

    /// The dates of which anything was destroyed, of whatever pipeline.
    pub fn dates(&self) -> BTreeSet<ServiceDate> {
        self.0.keys().map(|(_, date)| *date).collect()
    }

    /// All of them, by pipeline.
    pub fn all(&self) -> impl Iterator<Item = &PurgedDate> {
        self.0.values()
    }

    pub fn of(&self, pipeline: &str, date: ServiceDate) -> Option<&PurgedDate> {
        self.0.get(&(Some(pipeline.to_owned()), date))
    }

    /// What no pipeline names any more.
    pub fn of_none(&self, date: ServiceDate) -> Option<&PurgedDate> {
        self.0.get(&(None, date))
    }

    /// Those of what no pipeline names any more, in their order.
    pub fn of_no_pipeline(&self) -> impl Iterator<Item = &PurgedDate> {
        self.0.values().filter(|purged| purged.pipeline.is_none())
    }

    /// Those of a pipeline, in their order.
    pub fn of_pipeline(&self, pipeline: &str) -> impl Iterator<Item = &PurgedDate> {
        self.0.values().filter(move |purged| purged.pipeline.as_deref() == Some(pipeline))
    }
}

/// The register of what was destroyed.
pub fn path(private: &Path) -> PathBuf {
    private.join("purged.jsonl")
}

fn intent_path(private: &Path) -> PathBuf {
    private.join("purging.json")
}

/// The purge that has begun and is not done.
pub fn intent(private: &Path) -> io::Result<Option<Intent>> {
    let path = intent_path(private);
    match durable::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            io::Error::other(format!(
                "{} is no purge that has begun: {error}. Bring it back from a backup",
                path.display()
            ))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Begins a purge: from now on its dates are not read any more, and the next purge finishes it. On a full disk it takes the room that
/// was kept for it ([`keep_room`]).
pub fn begin(private: &Path, intent: &Intent) -> io::Result<()> {
    let bytes = serde_json::to_vec_pretty(intent)?;
    with_room(private, &mut || durable::write(&intent_path(private), &bytes))
}

fn with_room(private: &Path, write: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
    let room = room_path(private);
    match write() {
        Err(error) if error.kind() == io::ErrorKind::StorageFull && room.exists() => {
            durable::remove_file(&room)?;
            write()
        }
        other => other,
    }
}

/// Keeps room on the disk for the next purge, which must write a little before it can free anything. One that cannot be kept now is
/// kept by a later purge.
pub fn keep_room(private: &Path) {
    let path = room_path(private);
    if std::fs::metadata(&path).is_ok_and(|found| found.len() == ROOM as u64) {
        return;
    }
    // Of bytes that no file system packs or leaves out.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(ROOM)
    .collect();
    if let Err(error) = durable::write(&path, &bytes) {
        tracing::warn!("{} could not be written ({error}): on a full disk the next purge has no room", path.display());
    }
}

fn room_path(private: &Path) -> PathBuf {
    private.join(ROOM_NAME)
}

/// The dates of the register after so many of its bytes, and how many bytes it has. Where it has fewer it was written anew, and all count.
pub fn registered_after(private: &Path, bytes: u64) -> io::Result<(Vec<PurgedDate>, u64)> {
    let path = path(private);
    let length = match std::fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        other => other?.len(),
    };
    if length == bytes {
        return Ok((Vec::new(), length));
    }
    let text = durable::read_to_string(&path)?;
    let new = usize::try_from(bytes).ok().and_then(|from| text.get(from..)).unwrap_or(&text);
    Ok((parse(new)?, text.len() as u64))
}

/// Adds dates to the register that another one, or the bucket, knows of; gives how many are new.
pub fn add(private: &Path, dates: &[PurgedDate]) -> io::Result<usize> {
    let known = lines(private)?;
    let new: Vec<&PurgedDate> = dates.iter().filter(|new| !known.iter().any(|known| known.is(new))).collect();
    let mut text = Vec::new();
    for line in &new {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    if !text.is_empty() {
        append(&path(private), text)?;
    }
    Ok(new.len())
}

/// Ends a purge: its dates stand in the register, on the disk, before it is not under way any more.
pub fn end(private: &Path, intent: &Intent) -> io::Result<()> {
    let dates: Vec<PurgedDate> = intent.records.iter().map(PurgedDate::from).collect();
    add(private, &dates)?;
    durable::remove_file(&intent_path(private))
}

fn append(path: &Path, mut text: Vec<u8>) -> io::Result<()> {
    let before = match durable::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        other => Some(other?),
    };
    // A line that a crash cut off is none, and what comes after it is.
    if before.as_ref().is_some_and(|before| before.last().is_some_and(|last| *last != b'\n')) {
        text.insert(0, b'\n');
    }
    let mut file = durable::open(OpenOptions::new().create(true).append(true), path)?;
    file.write_all(&text)?;
    file.sync_all()?;
    if before.is_none() { durable::sync_folder(path.parent().unwrap_or(Path::new("."))) } else { Ok(()) }
}

/// The dates that a register names.
pub fn parse(text: &str) -> io::Result<Vec<PurgedDate>> {
    let mut lines = Vec::new();
    for (place, line) in text.lines().enumerate() {
        match serde_json::from_str(line) {
            Ok(line) => lines.push(line),
            Err(error) if line.ends_with('}') => {
                let problem = format!("line {} names no date: {error}. Bring the file back from a backup", place + 1);
                return Err(io::Error::other(problem));
            }
            Err(_) => {}
        }
    }
    Ok(lines)
}

/// The lines of the register. One that a crash cut off, so that its brace is missing, says nothing: its purge was still under way.
fn lines(private: &Path) -> io::Result<Vec<PurgedDate>> {
    let text = match durable::read_to_string(&path(private)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    parse(&text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ledger::Program;

    fn record(pipeline: Option<&str>, date: &str) -> PurgeRecord {
        PurgeRecord {
            format: "fahrtenbuch-purge/1".to_owned(),
            pipeline: pipeline.map(str::to_owned),
            date: date.parse().unwrap(),
            purged_at: Timestamp::UNIX_EPOCH,
            program: Program::this(),
            rule: Some("retention.evidence: 13 months".to_owned()),
            decided: None,
            evidence: Vec::new(),
            kept_by_others: Vec::new(),
            pseudonym_key: None,
            quarantined: 0,
            quarantine: BTreeMap::new(),
            run: None,
        }
    }

    #[test]
    fn on_a_full_disk_a_purge_begins_in_the_room_that_was_kept_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let room = room_path(folder.path());
        let is_full = || io::Error::from(io::ErrorKind::StorageFull);
        let begin = || with_room(folder.path(), &mut || if room.exists() { Err(is_full()) } else { Ok(()) });
        let without = with_room(folder.path(), &mut || Err(is_full()));
        assert_eq!(without.unwrap_err().kind(), io::ErrorKind::StorageFull);
        keep_room(folder.path());
        assert_eq!(fs::metadata(&room).unwrap().len(), 1 << 20);
        begin().unwrap();
        assert!(!room.exists());
        keep_room(folder.path());
        let denied = with_room(folder.path(), &mut || Err(io::ErrorKind::PermissionDenied.into()));
        assert!(denied.is_err() && room.exists());
    }

    #[test]
    fn what_went_is_told_as_the_record_says_and_the_same_destruction_is_one_line() {
        let mut of = record(Some("bus"), "2026-11-24");
        let said = |of: &PurgeRecord| {
            let what = PurgedDate::from(of).what();
            (what.destroyed().en, what.kept().en)
        };
        assert_eq!(said(&of), ("the evidence, the key and the quarantine".to_owned(), String::new()));
        of.kept_by_others = vec!["positions".to_owned()];
        of.pseudonym_key = Some(crate::digest::Digest::of(b"key"));
        let kept = "; evidence kept by others was not touched (positions)".to_owned();
        assert_eq!(said(&of), ("the key and the quarantine".to_owned(), kept));
        let folder = tempfile::tempdir().unwrap();
        let line = PurgedDate::from(&of);
        let older = PurgedDate { what: None, ..line.clone() };
        assert_eq!(add(folder.path(), &[older]).unwrap(), 1);
        assert_eq!(add(folder.path(), &[line]).unwrap(), 0);
    }

    #[test]
    fn dates_count_as_destroyed_from_the_beginning_of_a_purge_on_and_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path();
        let date: ServiceDate = "2026-11-24".parse().unwrap();
        let is_purged = || Purged::read(private).unwrap().of("bus", date).is_some();
        assert!(!is_purged() && intent(private).unwrap().is_none());
        let begun = Intent {
            first_kept: date.plus_days(1),
            records: vec![record(Some("bus"), "2026-11-24"), record(None, "2026-11-24")],
        };
        begin(private, &begun).unwrap();
        assert!(is_purged());
        end(private, &begun).unwrap();
        assert!(is_purged() && intent(private).unwrap().is_none());
        // Once more, after a crash that cut the last line off.
        let text = fs::read_to_string(path(private)).unwrap();
        assert_eq!(text.lines().count(), 2);
        fs::write(path(private), &text[..text.len() - 9]).unwrap();
        begin(private, &begun).unwrap();
        end(private, &begun).unwrap();
        let purged = Purged::read(private).unwrap();
        assert!(purged.of("bus", date).is_some() && purged.of_none(date).is_some());
        assert_eq!((purged.of_pipeline("bus").count(), purged.0.len()), (1, 2));
        assert!(purged.of("bus", date.plus_days(1)).is_none() && purged.of("rail", date).is_none());
        assert_eq!(purged.of("bus", date).unwrap().why(), "by 'retention.evidence: 13 months'");
    }
}
