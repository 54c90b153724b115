//! Verifying: every archive is read to its end, every digest is computed again.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use super::archive::{self, Kind, Options, Record};
use super::archive_file::ArchiveFile;
use super::listing::damage;
use super::odd::{self, Odd};
use super::{Store, stored, warc};
use crate::capture::CaptureError;
use crate::digest::{Digest, Digester};
use crate::durable;
use crate::text::Text;

/// Where hours that were sealed are recorded, in the folder of a source.
const SEALED: &str = "sealed.jsonl";

/// What an archive holds, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Verified {
    pub archive: PathBuf,
    pub bytes: u64,
    /// Bodies whose digest is the one that was kept.
    pub bodies: u64,
    pub revisits: u64,
    /// What came of beats that gave no body, and what the collector says of itself.
    pub notes: u64,
    /// Records of other kinds.
    pub others: u64,
    pub problems: Vec<Problem>,
}

/// Something that is not as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// What is wrong there: the name of a file, with its folders where it is not that of an archive.
    pub file: String,
    /// For people: which file, where, what.
    pub message: String,
}

impl Problem {
    pub fn of(kind: ProblemKind, file: impl Into<String>, message: String) -> Self {
        Self { kind, file: file.into(), message }
    }

    /// The same in both languages. German says what happened to which file, and not where in it.
    pub fn said(&self) -> Text {
        let file = &self.file;
        let de = match self.kind {
            ProblemKind::Damaged => {
                format!(
                    "{file} ist beschädigt: Ein Abschnitt lässt sich nicht lesen. Holen Sie das Archiv aus einer Sicherung zurück"
                )
            }
            ProblemKind::TooLarge => format!("{file} hat einen Eintrag, der zu groß ist und nicht gelesen wurde"),
            ProblemKind::Torn => format!(
                "{file} endet mitten in einem Eintrag, oder ist leer: Ein Absturz hat das hinterlassen, oder es wird noch geschrieben"
            ),
            ProblemKind::BodyMissing => {
                format!(
                    "{file} verweist auf einen Inhalt, der nicht da ist. Holen Sie das Archiv mit ihm aus einer Sicherung zurück"
                )
            }
            ProblemKind::Sealed => {
                format!("{file} ist nicht das Archiv, das versiegelt wurde: Seine Prüfsumme ist eine andere")
            }
            ProblemKind::Missing => {
                format!("{file} ist verschwunden, und etwas nennt es noch. Holen Sie es aus einer Sicherung zurück")
            }
            ProblemKind::NotAFile => {
                format!(
                    "{file} ist keine Datei, sondern ein Verweis, ein Ordner oder anderes. Legen Sie das Archiv selbst dorthin"
                )
            }
        };
        Text::new(self.message.clone(), de)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    Damaged,
    TooLarge,
    /// An end that a crash left; the next append moves it aside. No record that was kept is in it.
    Torn,
    /// A revisit names a body that is not there.
    BodyMissing,
    /// A sealed archive is not the one that was sealed.
    Sealed,
    /// An archive that something tells of is gone, a sealed one included.
    Missing,
    /// What stands in the place of an archive is none, or a link to one.
    NotAFile,
}

impl ProblemKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::TooLarge => "too_large",
            Self::Torn => "torn",
            Self::BodyMissing => "body_missing",
            Self::Sealed => "sealed",
            Self::Missing => "missing",
            Self::NotAFile => "not_a_file",
        }
    }
}

/// A line of `sealed.jsonl`, as far as it says what has to be there.
#[derive(Deserialize)]
struct SealedLine {
    file: String,
    new_sha256: Digest,
}

/// A revisit whose body is not in its file.
type Elsewhere = (Digest, Option<Timestamp>);

impl Store {
    /// Verifies the archives of a source in our layout, oldest first.
    pub fn verify(&self, source: &str, tell: &mut dyn FnMut(Verified)) -> Result<(), CaptureError> {
        let failed = |source: io::Error| CaptureError::Evidence { file: self.folder.clone(), verb: "read", source };
        let mut files = Vec::new();
        for hour in self.archives(source)? {
            let parts = self.parts(source, &hour).map_err(failed)?;
            files.extend(parts.into_iter().map(|part| part.file));
            let problems = self.not_archives(source, &hour).map_err(failed)?;
            if !problems.is_empty() {
                tell(Verified { archive: hour, problems, ..Verified::default() });
            }
        }
        for archive in files {
            let (mut verified, elsewhere) = match self.verify_archive(source, &archive) {
                // What is kept elsewhere is gone or was changed.
                Err(error @ CaptureError::Permanent { .. }) => {
                    let problems = vec![Problem::of(ProblemKind::Sealed, shown(&archive), error.to_string())];
                    (Verified { archive: archive.to_path_buf(), problems, ..Verified::default() }, Vec::new())
                }
                other => other?,
            };
            // Of a timetable the body may be days old. One that was found once need not be looked for again.
            let mut found: Option<Elsewhere> = None;
            for revisit in elsewhere {
                if found == Some(revisit) {
                    continue;
                }
                if self.has_body(source, &archive, revisit)? {
                    found = Some(revisit);
                } else {
                    let (digest, captured_at) = revisit;
                    let of = captured_at.map_or_else(String::new, |at| format!(" of {at}"));
                    let message =
                        format!("{}: a revisit names a body{of} that is not there: sha256 {digest}", shown(&archive));
                    verified.problems.push(Problem::of(ProblemKind::BodyMissing, shown(&archive), message));
                }
            }
            verified.problems.dedup();
            tell(verified);
        }
        Ok(())
    }

    /// What of an hour is no file, or a file without a byte.
    fn not_archives(&self, source: &str, hour: &Path) -> io::Result<Vec<Problem>> {
        let is_told = |odd: &Odd| odd.what != odd::A_LINK && odd.what != odd::A_FOLDER;
        let odd = Odd::unreadable_of(hour)?.into_iter().filter(is_told);
        let mut problems: Vec<Problem> =
            odd.map(|odd| Problem::of(ProblemKind::NotAFile, shown(&odd.path), odd.damage().message)).collect();
        let is_empty = |path: &Path| fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0);
        for path in [hour.to_owned(), hour.with_extension("zst")] {
            if !is_empty(&path) {
                continue;
            }
            // Somebody may be about to write it.
            let lock = durable::open_to_read(&self.folder.join(source).join(".lock"));
            let _lock = lock.and_then(|lock| lock.lock_shared().map(|()| lock));
            if is_empty(&path) {
                let why = "a crash left it before its first record, or the disk lost what it had";
                let message = format!("{} has no byte: {why}", shown(&path));
                problems.push(Problem::of(ProblemKind::Torn, shown(&path), message));
            }
        }
        Ok(problems)
    }

    /// Links, and folders in the place of archives, wherever they are below the folder of a source.
    pub fn verify_links(&self, source: &str) -> Result<Vec<Problem>, CaptureError> {
        let told = |odd: Odd| {
            let path = odd.path.strip_prefix(&self.folder).unwrap_or(&odd.path).to_string_lossy();
            let message = format!(
                "{path} is {}: 'evidence seal' and 'purge' leave it and what it has or leads to. Put the archives themselves in \
                 its place",
                odd.what
            );
            Problem::of(ProblemKind::NotAFile, path, message)
        };
        let mut problems: Vec<Problem> = self.left(source, &|_| true)?.into_iter().map(told).collect();
        let lock = self.folder.join(source).join(".lock");
        let failed = |error: io::Error| CaptureError::Evidence { file: lock.clone(), verb: "read", source: error };
        if let Some(odd) = Odd::unreadable(&lock).map_err(failed)? {
            let message = format!(
                "{source}/.lock is {}, and no file: nothing can be captured and nobody knows who is writing. Move it away",
                odd.what
            );
            problems.push(Problem::of(ProblemKind::NotAFile, format!("{source}/.lock"), message));
        }
        Ok(problems)
    }

    fn verify_archive(&self, source: &str, archive: &ArchiveFile) -> Result<(Verified, Vec<Elsewhere>), CaptureError> {
        let failed = |source: io::Error| CaptureError::Evidence { file: archive.to_path_buf(), verb: "read", source };
        let mut verified = Verified { archive: archive.to_path_buf(), ..Verified::default() };
        let (mut bodies, mut elsewhere) = (HashSet::new(), Vec::new());
        let mut take = |record: Record| match record.content {
            warc::Content::Body(digest) => {
                bodies.insert(digest);
                verified.bodies += 1;
            }
            warc::Content::Revisit(digest) => {
                let missing = digest.filter(|digest| !bodies.contains(digest));
                elsewhere.extend(missing.map(|digest| (digest, record.header.refers_to)));
                verified.revisits += 1;
            }
            warc::Content::Note(_) => verified.notes += 1,
            warc::Content::NoCapture(_) => verified.others += 1,
        };
        let options = Options { wants: &|_| true, verify: true, most: self.most };
        let scanned = archive::scan_file(archive.open()?, archive, 0, &options, &mut take);
        let (mut length, mut stretches) = scanned.map_err(failed)?;
        if let Some(last) = stretches.pop_if(|last| last.kind == Kind::Torn) {
            // Somebody may be writing it; then it is whole once they let go of the lock.
            let lock = durable::open_to_read(&self.folder.join(source).join(".lock"));
            let _lock = lock.and_then(|lock| lock.lock_shared().map(|()| lock));
            let (now, mut rest) = archive::scan(archive, last.offset, &options, &mut take).map_err(failed)?;
            length = now;
            stretches.append(&mut rest);
        }
        verified.bytes = length;
        verified.problems.extend(stretches.into_iter().map(|stretch| {
            let kind = match stretch.kind {
                Kind::Damaged => ProblemKind::Damaged,
                Kind::TooLarge => ProblemKind::TooLarge,
                Kind::Torn => ProblemKind::Torn,
            };
            Problem::of(kind, shown(archive), damage(archive, stretch).message)
        }));
        Ok((verified, elsewhere))
    }

    /// Whether the body that a revisit names is in the archive of the hour that it says.
    fn has_body(&self, source: &str, archive: &ArchiveFile, revisit: Elsewhere) -> Result<bool, CaptureError> {
        let (digest, Some(captured_at)) = revisit else { return Ok(false) };
        let hour = self.file(source, captured_at);
        let failed = |source: io::Error| CaptureError::Evidence { file: hour.clone(), verb: "read", source };
        let mut has = false;
        for part in self.parts(source, &hour).map_err(failed)? {
            if part.file == *archive {
                continue;
            }
            let mut take = |record: Record| has |= record.content == warc::Content::Body(digest);
            let options = Options { wants: &|header| header.no_capture().is_none(), verify: false, most: self.most };
            archive::scan_file(part.file.open()?, &part.file, 0, &options, &mut take).map_err(failed)?;
        }
        Ok(has)
    }

    /// Compares the archives of a source that were sealed with what was recorded of them.
    pub fn verify_sealed(&self, source: &str) -> Result<Vec<Problem>, CaptureError> {
        let folder = self.folder.join(source);
        let register = folder.join(SEALED);
        let failed = |source: io::Error| CaptureError::Evidence { file: register.clone(), verb: "read", source };
        let text = match durable::read_to_string(&register) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        // The newest line of a file counts. One that a crash cut off, or that says why a file is not sealed, says nothing here.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<SealedLine>(line).ok());
        let newest: BTreeMap<String, Digest> = lines.map(|line| (line.file, line.new_sha256)).collect();
        let is_elsewhere = |file: &Path, expected: &Digest| {
            let objects = stored::of_hour(file).map_err(failed)?;
            Ok::<_, CaptureError>(objects.iter().any(|stored| stored.sha256 == *expected))
        };
        let mut problems = Vec::new();
        for (name, expected) in newest {
            let file = folder.join(&name);
            let (kind, message) = match durable::open_to_read(&file) {
                Ok(mut open) => {
                    let mut digester = Digester::default();
                    io::copy(&mut open, &mut digester).map_err(failed)?;
                    if digester.finish() == expected {
                        continue;
                    }
                    let message =
                        format!("{name} is not the archive that was sealed: its digest differs from {SEALED}");
                    (ProblemKind::Sealed, message)
                }
                // A crash before it got its name: the hour is not sealed yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound && file.with_extension("gz").exists() => continue,
                // It is fetched, and compared with its digest, where the archives are verified.
                Err(error) if error.kind() == io::ErrorKind::NotFound && is_elsewhere(&file, &expected)? => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    (ProblemKind::Missing, format!("{name} was sealed and is gone. Restore it from a backup"))
                }
                Err(error) => return Err(failed(error)),
            };
            problems.push(Problem::of(kind, name, message));
        }
        Ok(problems)
    }
}

fn shown(archive: &Path) -> std::borrow::Cow<'_, str> {
    archive.file_name().unwrap_or_default().to_string_lossy()
}
