//! `fahrtenbuch verify`

mod private;

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::acting::open;
use crate::cli::exit::{Exit, usage};
use crate::cli::terminal::{count, one_line};
use crate::durable;
use crate::get::{BucketReader, GetError};
use crate::ledger::log::checkpoint::Checkpoint;
use crate::ledger::log::cosignature::CosignerKey;
use crate::ledger::log::note::{MAX_NOTE, Note, Verifier, VerifierKey};
use crate::ledger::verify::{Fault, FaultKind, Known, Reader, Subject, Verified, verify};
use crate::pipeline::run::private_store::Findings;
use crate::publish::bucket::Bucket;
use crate::report::difference;
use crate::text::Language;

/// Faults that are printed; JSON has all.
const SHOWN: usize = 200;

#[derive(clap::Args)]
#[command(after_help = "\
Needs no workspace and nothing of the publisher's but what is public. Follows the log of the bucket to every version of every table's
index, the records, the files of data by size and SHA-256, the texts that records name, the quality results and the lists for readers,
and names each fault by what happened: changed, missing, gap, rolled back, forked, not in the log, unreadable. A rollback or a
withdrawal by the publisher is a new version and no fault. docs/verify.md says what cannot be proved this way: keep a checkpoint,
and give it the next time, or a log that was written anew as a whole is not seen.

With --private, in the publisher's workspace, all that only the publisher has is compared with what the workspace's bucket says of it:
evidence, keys, quarantine, decisions and the journal. What was destroyed by rule is counted and is no fault.

Exit codes: 0 nothing was found; 4 something was; 42 something could not be read; 1 the bucket does not answer; 2 wrong use.

Examples:
  fahrtenbuch verify https://data.example.org --key stadt.example/fahrtenbuch+1234abcd+AQ…
  curl -sO https://data.example.org/ledger/checkpoint
  fahrtenbuch verify https://data.example.org --key key.pub --since checkpoint
  fahrtenbuch verify --private
  fahrtenbuch verify /mnt/bucket --json | jq '.faults[] | [.kind, .path]'")]
pub(super) struct Arguments {
    /// The address of a bucket, or its folder; with --private that of the workspace if it is left out
    #[arg(value_name = "URL|FOLDER")]
    url: Option<String>,
    /// In the publisher's workspace: look at evidence, keys, quarantine, decisions and journal, too
    #[arg(long)]
    private: bool,
    /// A checkpoint that you kept: the log must still begin with what it stands for
    #[arg(long, value_name = "FILE")]
    since: Option<std::path::PathBuf>,
    /// The publisher's public key (name+hash+base64), or a file with a key in each line; several after a rotation
    #[arg(long, value_name = "VKEY|FILE")]
    key: Vec<String>,
    /// The key of a witness that must have cosigned the log (name+hash+base64); may be given more than once
    #[arg(long, value_name = "VKEY")]
    witness: Vec<String>,
    /// The language of what is printed
    #[arg(long, value_enum, value_name = "LANG", default_value_t = Language::En)]
    lang: Language,
    /// Write the result as JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    verified(root, arguments).unwrap_or_else(|exit| exit)
}

fn verified(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    let keys = arguments.key.iter().map(|text| keys(text)).collect::<Result<Vec<_>, _>>()?.concat();
    if let Some(other) = keys.iter().find(|key| keys.first().is_some_and(|first| first.name() != key.name())) {
        return Err(usage(&format!(
            "--key: '{}' is a key of another log than the first one. Give keys of one log.",
            other.name()
        )));
    }
    let since = arguments.since.as_deref().map(|path| checkpoint(path, &keys)).transpose()?;
    let (since, is_since_unsigned) = since.map_or((None, false), |(since, is_unsigned)| (Some(since), is_unsigned));
    let witnesses = arguments.witness.iter().map(|text| witness(text)).collect::<Result<_, _>>()?;
    let known = Known { keys, since, is_since_unsigned, witnesses };
    let own = arguments.private.then(|| open(root)).transpose()?;
    let source = source(arguments.url.as_deref(), own.as_ref().map(|(_, bucket)| bucket))?;
    let mut verified = verify(source.reader(), &known, difference).map_err(|error| {
        let (shown, problem) = (source.shown(&error.key), one_line(&error.problem));
        match error.is_transient {
            true => {
                eprintln!("error: {shown}: {problem}. Nothing is said of the bucket. Try again.");
                Exit::Transient
            }
            false => {
                eprintln!("error: {shown}: {problem}. Nothing is said of the bucket.");
                Exit::Permanent
            }
        }
    })?;
    let has_faults = |is: fn(&Fault) -> bool| verified.faults.iter().any(is);
    // With a kept checkpoint a log that is not there is one that was rolled back, but not where nothing is there at all.
    let is_none = !has_faults(|fault| fault.what == Subject::Log)
        || !verified.is_there && !has_faults(|fault| fault.kind == FaultKind::Unreadable);
    if verified.counts.log_versions == 0 && is_none {
        let shown = source.shown("ledger/log/v0000000001.json");
        eprintln!(
            "error: {shown}: there is no log. Write the address of a bucket of this program; one of an earlier version gets a log \
             by the next run."
        );
        return Err(Exit::Usage);
    }
    let mut looked_at = json!(verified.counts);
    let private = match &own {
        Some((workspace, bucket)) => Some(private::verify(workspace, bucket, &verified.faults)?),
        None => None,
    };
    if let Some(Findings { faults, notes, counts, .. }) = &private {
        verified.faults.extend(faults.iter().cloned());
        verified.notes.extend(notes.iter().cloned());
        if let (Some(all), Value::Object(counts)) = (looked_at.as_object_mut(), json!(counts)) {
            all.extend(counts);
        }
    }
    match arguments.json {
        true => println!("{}", to_json(&source, &known, &verified, &looked_at)),
        false => {
            show(arguments.lang, &source, &known, &verified);
            private.iter().for_each(|found| show_private(arguments.lang, found));
        }
    }
    Ok(exit_of(&verified.faults))
}

/// Where a bucket is read.
enum Source<'a> {
    Address(BucketReader),
    /// The workspace's own, which may be one that only its owner can read.
    Own(&'a Bucket),
}

impl Source<'_> {
    fn reader(&self) -> &dyn Reader {
        match self {
            Self::Address(reader) => reader,
            Self::Own(bucket) => *bucket,
        }
    }

    fn shown(&self, key: &str) -> String {
        match self {
            Self::Address(reader) => reader.shown(key),
            Self::Own(bucket) => format!("{}/{key}", bucket.location().trim_end_matches('/')),
        }
    }
}

/// The bucket at an address, or that of the workspace.
fn source<'a>(url: Option<&str>, own: Option<&'a Bucket>) -> Result<Source<'a>, Exit> {
    let folder = own.and_then(Bucket::folder).map(|folder| folder.to_string_lossy().into_owned());
    let address = match (url.map(str::to_owned).or(folder), own) {
        (Some(address), _) => address,
        (None, Some(bucket)) => return Ok(Source::Own(bucket)),
        (None, None) => {
            return Err(usage(
                "there is no address. Write the address of a bucket or its folder; or, in the publisher's workspace, --private, which takes \
                 the workspace's own.",
            ));
        }
    };
    let reader = BucketReader::open(&address).map_err(|error| {
        eprintln!("error: {error}.");
        match error {
            GetError::Transient { .. } => Exit::Transient,
            GetError::Permanent { .. } => Exit::Permanent,
            GetError::Usage { .. } => Exit::Usage,
        }
    })?;
    Ok(Source::Address(reader))
}

fn exit_of(faults: &[Fault]) -> Exit {
    match faults {
        [] => Exit::Done,
        faults if faults.iter().any(|fault| fault.kind == FaultKind::Unreadable) => Exit::Permanent,
        _ => Exit::Found,
    }
}

/// A small file of the user's.
fn small(path: &Path, what: &str) -> Result<Vec<u8>, Exit> {
    let failed = |problem: String| usage(&format!("{what} {}: {problem}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| failed(format!("{error}. Check the path.")))?.len();
    if length > MAX_NOTE as u64 {
        return Err(failed(format!("it has more than {MAX_NOTE} bytes. Check the path.")));
    }
    durable::read(path).map_err(|error| failed(format!("{error}. Check the path and its permissions.")))
}

/// Public keys, one as it is or those in a file, whose other lines are comments.
fn keys(text: &str) -> Result<Vec<VerifierKey>, Exit> {
    let wrong = |problem: String| {
        usage(&format!("--key: {problem}. Write the publisher's line 'name+8 hex digits+base64', or a file with it."))
    };
    let parsed = text.trim().parse::<VerifierKey>();
    let path = Path::new(text);
    if parsed.is_ok() || !path.exists() {
        let missing = if text.contains('+') { "" } else { ", and there is no file of this name" };
        return parsed.map(|key| vec![key]).map_err(|error| wrong(format!("{error}{missing}")));
    }
    let bytes = small(path, "the key")?;
    let lines = String::from_utf8_lossy(&bytes).into_owned();
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Result<Vec<VerifierKey>, _> = lines.map(str::parse).collect();
    match keys {
        Ok(keys) if keys.is_empty() => Err(wrong(format!("{} is empty", path.display()))),
        Ok(keys) => Ok(keys),
        Err(error) => Err(wrong(format!("{}: {error}", path.display()))),
    }
}

fn witness(text: &str) -> Result<CosignerKey, Exit> {
    let wrong = |error| {
        usage(&format!("--witness: {error}. Write the line that the witness' operator gives for cosignatures."))
    };
    text.trim().parse().map_err(wrong)
}

/// The checkpoint that somebody kept, and whether nobody signed it; signed by one of the keys if some are given. One that nobody signed may be kept, too: who keeps it
/// knows whence it is.
fn checkpoint(path: &Path, keys: &[VerifierKey]) -> Result<(Checkpoint, bool), Exit> {
    let bytes = small(path, "the checkpoint")?;
    let wrong = |problem: String| {
        usage(&format!("the checkpoint {}: {problem}. Give one that you kept of 'ledger/checkpoint'.", path.display()))
    };
    let bytes = with_line_feeds(bytes).map_err(|problem| wrong(problem.to_owned()))?;
    let note = Note::parse(&bytes);
    let is_unsigned = note.is_err();
    let read = match (note, keys.first()) {
        (Ok(note), Some(first)) => {
            let known: Vec<&dyn Verifier> = keys.iter().map(|key| key as &dyn Verifier).collect();
            Checkpoint::open(&note, first.name(), &known).map(|(checkpoint, _)| checkpoint)
        }
        (Ok(note), None) => note.text().parse(),
        (Err(_), Some(_)) if String::from_utf8_lossy(&bytes).parse::<Checkpoint>().is_ok() => {
            let problem =
                "it is not signed: anybody can have written its three lines, so that --key proves nothing of it";
            return Err(usage(&format!(
                "the checkpoint {}: {problem}. Give one that you kept of 'ledger/checkpoint', which is signed; or leave --key out, if you \
                 know whence it is.",
                path.display()
            )));
        }
        (Err(error), Some(_)) => return Err(wrong(error.to_string())),
        (Err(_), None) => String::from_utf8_lossy(&bytes).parse(),
    };
    read.map(|checkpoint| (checkpoint, is_unsigned)).map_err(|error| wrong(error.to_string()))
}

/// A checkpoint with the line ends that were signed. A text that came through a program of Windows has a carriage return before each; one
/// that has some of them is another text.
fn with_line_feeds(bytes: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    let count = |part: &[u8]| bytes.windows(part.len()).filter(|window| *window == part).count();
    match (count(b"\r"), count(b"\r\n"), count(b"\n")) {
        (0, _, _) => Ok(bytes),
        (returns, both, feeds) if returns == both && both == feeds => {
            Ok(bytes.into_iter().filter(|byte| *byte != b'\r').collect())
        }
        _ => Err(
            "some of its lines end with a carriage return and a line feed (CRLF) and others do not, so that it is not what was signed",
        ),
    }
}

fn to_json(source: &Source<'_>, known: &Known, verified: &Verified, looked_at: &Value) -> Value {
    let Verified { faults, notes, counts, root, checkpoint, is_signed, leads_to, .. } = verified;
    let checkpoint = checkpoint.as_ref().map(|of| {
        json!({"origin": of.origin, "size": of.size, "root": of.root.to_string(), "signature_checked": !known.keys.is_empty()})
    });
    json!({
        "is_signed": is_signed,
        "leads_to": leads_to,
        "bucket": source.shown(""),
        "log": {"versions": counts.log_versions, "size": counts.entries, "root": root.map(|root| root.to_string())},
        "checkpoint": checkpoint,
        "since": known.since.as_ref().map(|since| json!({"size": since.size, "root": since.root.to_string()})),
        "looked_at": looked_at,
        "faults": faults,
        "notes": notes,
    })
}

fn show(lang: Language, source: &Source<'_>, known: &Known, verified: &Verified) {
    let Verified { faults, notes, counts, root, checkpoint, is_signed, leads_to, .. } = verified;
    for fault in faults.iter().take(SHOWN) {
        let said = lang.say(&fault.said_de, &fault.said);
        println!("{}: {}: {}", lang.of(&fault.kind.words()), one_line(&fault.path), one_line(said));
    }
    if faults.len() > SHOWN {
        let more = faults.len() - SHOWN;
        println!(
            "{}",
            lang.say(&format!("und {more} weitere, die --json nennt"), &format!("and {more} more, which --json names"))
        );
    }
    for note in notes {
        println!("{}: {}", lang.say("Hinweis", "note"), one_line(lang.of(note)));
    }
    let found = faults.len() as u64;
    let (en, de) = match found {
        0 => ("nothing was found".to_owned(), "nichts gefunden".to_owned()),
        found => (count(found, "fault", "faults"), count(found, "Fehler", "Fehler")),
    };
    let looked = [
        (counts.entries, "entry of the log", "entries of the log", "Eintrag des Protokolls", "Einträge des Protokolls"),
        (
            counts.index_versions,
            "version of indexes",
            "versions of indexes",
            "Version von Indexen",
            "Versionen von Indexen",
        ),
        (counts.records, "record", "records", "Beleg", "Belege"),
        (counts.files, "file of data", "files of data", "Datendatei", "Datendateien"),
        (counts.objects, "text", "texts", "Text", "Texte"),
        (counts.reports, "report", "reports", "Qualitätsbericht", "Qualitätsberichte"),
        (counts.views, "view", "views", "Ansicht", "Ansichten"),
        (counts.catalogues, "part of catalogues", "parts of catalogues", "Teil von Katalogen", "Teile von Katalogen"),
    ];
    println!("{}: {}; {}", one_line(&source.shown("")), lang.say(&de, &en), counted(lang, &looked));
    if let Some(address) = leads_to {
        let (shown, own) = (one_line(address), source.shown(""));
        let is_elsewhere = own.starts_with("http") && own.trim_end_matches('/') != address;
        let (en, de) = match is_elsewhere {
            true => (", which is not the address that was looked at", ", was nicht die geprüfte Adresse ist"),
            false => ("", ""),
        };
        println!(
            "{}",
            lang.say(&format!("Die Kataloge führen zu {shown}{de}"), &format!("the catalogues lead to {shown}{en}"))
        );
    }
    if let Some(root) = root {
        let size = counts.entries;
        println!(
            "{}",
            lang.say(
                &format!("Protokoll: {size} Einträge, Wurzel {root}"),
                &format!("log: {size} entries, root {root}")
            )
        );
    }
    if let Some(checkpoint) = checkpoint.as_ref().filter(|_| *is_signed) {
        let (origin, size) = (one_line(&checkpoint.origin), checkpoint.size);
        let en = format!("checkpoint: signed by {origin}, {size} entries");
        println!("{}", lang.say(&format!("Prüfpunkt: unterschrieben von {origin}, {size} Einträge"), &en));
    }
    if let Some(since) = known.since.as_ref().filter(|_| faults.is_empty()) {
        let size = since.size;
        println!(
            "{}",
            lang.say(
                &format!("Das Protokoll beginnt mit den {size} Einträgen des aufbewahrten Prüfpunkts."),
                &format!("The log begins with the {size} entries of the kept checkpoint."),
            )
        );
    }
}

fn show_private(lang: Language, found: &Findings) {
    let counts = &found.counts;
    let all = [
        (counts.dates, "date of a pipeline", "dates of pipelines", "Datum einer Pipeline", "Daten von Pipelines"),
        (counts.captures, "capture", "captures", "Aufzeichnung", "Aufzeichnungen"),
        (counts.archives, "archive", "archives", "Archiv", "Archive"),
        (counts.day_keys, "key of a day", "keys of days", "Schlüssel eines Tages", "Schlüssel von Tagen"),
        (counts.signing_keys, "signing key", "signing keys", "Signaturschlüssel", "Signaturschlüssel"),
        (counts.quarantine_rows, "row held back", "rows held back", "zurückgehaltene Zeile", "zurückgehaltene Zeilen"),
        (counts.decisions, "decision", "decisions", "Entscheidung", "Entscheidungen"),
        (
            counts.journal,
            "entry of the journal",
            "entries of the journal",
            "Eintrag des Journals",
            "Einträge des Journals",
        ),
        (counts.purged, "date destroyed", "dates destroyed", "vernichtetes Datum", "vernichtete Daten"),
    ];
    println!("{}: {}", lang.say("privater Speicher", "private store"), counted(lang, &all));
}

/// How many of each: one and several in English, then in German.
fn counted(lang: Language, all: &[(u64, &str, &str, &str, &str)]) -> String {
    let words = all.iter().map(|(number, one, several, eine, mehrere)| match lang {
        Language::En => count(*number, one, several),
        Language::De => count(*number, eine, mehrere),
    });
    words.collect::<Vec<_>>().join(", ")
}
