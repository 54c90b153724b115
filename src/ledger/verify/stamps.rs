//! Time stamps (RFC 3161): each is of a checkpoint of this log. Whether the authority signed it is for openssl, which has its certificates.

use std::collections::BTreeSet;

use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::keys::Trusted;
use super::names::shown;
use super::tables::Tables;
use crate::digest::Digest;
use crate::ledger::log::note::{MAX_NOTE, Note};
use crate::ledger::log::timestamp::{MAX_REPLY, Stamp};
use crate::text::Text;

const FOLDER: &str = "ledger/timestamps";

/// The days of which there is a stamp or the checkpoint of one: where names cannot be listed, those on which something was released.
fn days(context: &mut Context<'_>, tables: &Tables) -> Result<(BTreeSet<String>, bool), Interrupted> {
    if let Some(names) = context.list(FOLDER)? {
        let day = |name: &String| {
            let name = name.strip_prefix(FOLDER)?.strip_prefix('/')?;
            Some(name.strip_suffix(".tsr").or_else(|| name.strip_suffix(".checkpoint"))?.to_owned())
        };
        return Ok((names.iter().filter_map(day).collect(), true));
    }
    let days = tables.details.values().filter_map(|detail| detail.at).map(|at| at.strftime("%Y-%m-%d").to_string());
    Ok((days.collect(), false))
}

/// Looks at all stamps.
pub(super) fn check(context: &mut Context<'_>, tables: &Tables, trusted: &Trusted<'_>) -> Result<(), Interrupted> {
    let (days, is_listed) = days(context, tables)?;
    let mut newest = None;
    for day in &days {
        newest = one(context, trusted, day)?.or(newest);
    }
    let Some((day, at)) = newest else { return Ok(()) };
    let (are, belong) = match context.findings.counts.timestamps {
        1 => ("1 time stamp is of a checkpoint".to_owned(), "1 Zeitstempel gehört zu einem Prüfpunkt".to_owned()),
        stamps => {
            (format!("{stamps} time stamps are of checkpoints"), format!("{stamps} Zeitstempel gehören zu Prüfpunkten"))
        }
    };
    let (rest, rest_de) = match is_listed {
        true => ("", ""),
        false => (
            ". Without a listing only days with a release were looked at",
            ". Ohne Liste der Namen wurden nur Tage mit einer Veröffentlichung angesehen",
        ),
    };
    context.findings.notes.push(Text::new(
        format!(
            "{are} of this log, the newest says {at}. Whether the authority signed them says 'openssl ts \
             -verify -data {day}.checkpoint -in {day}.tsr -CAfile AUTHORITY.pem'{rest}"
        ),
        format!(
            "{belong} dieses Protokolls, der neueste nennt {at}. Ob die Stelle sie unterschrieben hat, \
             sagt 'openssl ts -verify -data {day}.checkpoint -in {day}.tsr -CAfile STELLE.pem'{rest_de}"
        ),
    ));
    Ok(())
}

/// Looks at the stamp of a day; gives what it says, if it is in order.
fn one(
    context: &mut Context<'_>,
    trusted: &Trusted<'_>,
    day: &str,
) -> Result<Option<(String, jiff::Timestamp)>, Interrupted> {
    let [kept, reply] = ["checkpoint", "tsr"].map(|end| format!("{FOLDER}/{day}.{end}"));
    let told = |kind, key: &str, said| Fault::new(kind, Subject::Timestamp, key, said);
    let stamp = match context.get(Subject::Timestamp, &reply, MAX_REPLY)? {
        Got::There(bytes) => bytes,
        // The checkpoint alone is of a run that was killed before it had the stamp.
        Got::Absent | Got::Unreadable => return Ok(None),
    };
    let bytes = match context.get(Subject::Timestamp, &kept, MAX_NOTE)? {
        Got::There(bytes) => bytes,
        Got::Unreadable => return Ok(None),
        Got::Absent => {
            let said = Text::new(
                "the checkpoint that was stamped is not there, and its time stamp is",
                "der gestempelte Prüfpunkt ist nicht da, sein Zeitstempel ist es",
            );
            context.findings.tell(told(FaultKind::Missing, &kept, said));
            return Ok(None);
        }
    };
    let problem = match Note::parse(&bytes) {
        Ok(note) => trusted.checkpoint(&note).err(),
        Err(error) => {
            let problem = shown(&error.to_string());
            Some(Text::new(problem.clone(), format!("Meldung des Programms: {problem}")))
        }
    };
    if let Some(problem) = problem {
        let said = Text::new(
            format!("the stamped checkpoint is none of this log: {}", problem.en),
            format!("der gestempelte Prüfpunkt ist keiner dieses Protokolls: {}", problem.de),
        );
        context.findings.tell(told(FaultKind::Changed, &kept, said));
        return Ok(None);
    }
    match Stamp::read(&stamp, Digest::of(&bytes)) {
        Ok(stamp) => {
            context.findings.counts.timestamps += 1;
            Ok(Some((day.to_owned(), stamp.at)))
        }
        Err(error) => {
            let problem = shown(&error.to_string());
            let said = Text::new(
                format!("the time stamp is none of the checkpoint beside it: {problem}"),
                format!("der Zeitstempel gehört nicht zum Prüfpunkt daneben (Meldung des Programms: {problem})"),
            );
            context.findings.tell(told(FaultKind::Changed, &reply, said));
            Ok(None)
        }
    }
}
