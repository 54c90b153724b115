//! What is published, as catalogues are compared with it, and how they are read.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::ledger::verify::context::{Context, Got, Interrupted};
use crate::ledger::verify::fault::{Fault, FaultKind, Subject};
use crate::ledger::verify::names::shown;
use crate::ledger::verify::tables::{Table, Tables};
use crate::publish::index::TableIndex;
use crate::text::Text;

/// Bytes of a catalogue besides the names of the files, and of a name.
const LONGEST: usize = 4 << 20;
const LONGEST_NAME: usize = 512;

/// The tables that a catalogue is compared with.
pub(super) struct Published<'a> {
    /// Those of which the newest version is in order.
    pub sound: Vec<(&'a Table, &'a TableIndex)>,
    /// Whether these are all, so that what no table explains is a stranger.
    pub is_whole: bool,
    /// Bytes of a catalogue at most.
    pub longest: usize,
}

impl<'a> Published<'a> {
    pub(super) fn of(tables: &'a Tables) -> Self {
        let newest = |table: &'a Table| Some((table, table.newest.as_ref()?));
        let sound = tables.all.iter().filter(|table| table.is_newest_sound).filter_map(newest);
        let sound: Vec<_> = sound.collect();
        let files: usize = tables.all.iter().map(|table| table.files.len()).sum();
        let is_whole = sound.len() == tables.all.len();
        Self { sound, is_whole, longest: LONGEST + files.saturating_mul(LONGEST_NAME) }
    }

    /// Those of which files are published.
    pub(super) fn with_files(&self) -> impl Iterator<Item = &'a TableIndex> {
        self.sound.iter().map(|(_, index)| *index).filter(|index| !index.files.is_empty())
    }
}

/// The address under which catalogues have the bucket, and which of them says so.
pub(super) struct Base {
    pub said_by: String,
    /// Without a slash at its end.
    pub address: String,
}

/// A catalogue as it is there. That it is not is told where it has to be.
pub(super) fn get(
    context: &mut Context<'_>,
    key: &str,
    longest: usize,
    must_be: bool,
) -> Result<Option<Bytes>, Interrupted> {
    Ok(match context.get(Subject::Catalogue, key, longest)? {
        Got::There(bytes) => {
            context.findings.counts.catalogues += 1;
            Some(bytes)
        }
        Got::Unreadable => None,
        Got::Absent => {
            if must_be {
                let said = Text::new(
                    "the catalogue, by which others find what is published, lacks this",
                    "dem Katalog, über den andere finden, was veröffentlicht ist, fehlt dies",
                );
                context.findings.tell(Fault::new(FaultKind::Missing, Subject::Catalogue, key, said));
            }
            None
        }
    })
}

/// Tells that a catalogue says something else than the indexes.
pub(super) fn tell(context: &mut Context<'_>, kind: FaultKind, key: &str, said: Text) {
    context.findings.tell(Fault::new(kind, Subject::Catalogue, key, said));
}

/// Whether a catalogue leads to where the others lead. The first one says where that is.
pub(super) fn leads_alike(context: &mut Context<'_>, key: &str, found: &str, base: &mut Option<Base>) -> bool {
    let address = found.trim_end_matches('/').to_owned();
    let Some(known) = base else {
        *base = Some(Base { said_by: key.to_owned(), address });
        return true;
    };
    if known.address == address {
        return true;
    }
    let (here, there, said_by) = (shown(&address), shown(&known.address), shown(&known.said_by));
    let said = Text::new(
        format!("it leads to {here}, and {said_by} to {there}"),
        format!("er führt zu {here}, und {said_by} zu {there}"),
    );
    tell(context, FaultKind::Changed, key, said);
    false
}

/// The paths of what a table has now.
pub(super) fn current(index: &TableIndex) -> BTreeSet<&str> {
    index.files.iter().map(|file| file.path.as_str()).collect()
}
