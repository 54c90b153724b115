//! Evidence by itself: what archives have, and what is gone of them. `evidence verify` and `verify --private` share it.

use crate::capture::CaptureError;
use crate::capture::collector::Collector;
use crate::capture::evidence::{Problem, ProblemKind, Store, Witness};
use crate::ledger::verify::{Fault, FaultKind, Subject};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::purge::Losses;
use crate::workspace::Workspace;

/// What the archives of a source hold together, and what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub archives: u64,
    pub bytes: u64,
    pub bodies: u64,
    pub revisits: u64,
    pub notes: u64,
    pub others: u64,
    pub problems: Vec<Problem>,
    /// Ends of archives that a crash left.
    pub moved_aside: u64,
}

/// Our own evidence, and what is known of it without the archives.
pub(crate) struct Archives<'a> {
    store: Store,
    losses: Losses<'a>,
}

impl<'a> Archives<'a> {
    /// # Errors
    /// The register of purges or the journal cannot be read.
    pub(crate) fn read(workspace: &'a Workspace) -> Result<Self, RunError> {
        let store = Store::new(Collector::evidence(&workspace.private)).with_remote(workspace.evidence.clone());
        Ok(Self { store, losses: Losses::read(workspace, None)? })
    }

    /// The sources that there are archives of, or of whose archives something tells.
    pub(crate) fn sources(&self) -> Result<Vec<String>, RunError> {
        self.losses.sources()
    }

    /// What a source has, and what is gone of it; nothing if its archives cannot be read. And why something could not be read.
    pub(crate) fn of(&self, source: &str) -> (Option<Sums>, Vec<RunError>) {
        let mut sums = match verify(&self.store, source) {
            Ok(sums) => sums,
            Err(error) => return (None, vec![error.into()]),
        };
        let mut unread = Vec::new();
        // That a sealed one is gone is told where it is compared with what was sealed.
        let gone = self.losses.of(source).unwrap_or_else(|error| {
            unread.push(error);
            Vec::new()
        });
        let gone = gone.iter().filter(|gone| gone.witness != Witness::Sealed);
        sums.problems.extend(gone.map(|gone| Problem::of(ProblemKind::Missing, gone.name.clone(), gone.said())));
        (Some(sums), unread)
    }
}

fn verify(store: &Store, source: &str) -> Result<Sums, CaptureError> {
    let mut sums = Sums::default();
    store.verify(source, &mut |verified| {
        sums.archives += 1;
        sums.bytes += verified.bytes;
        sums.bodies += verified.bodies;
        sums.revisits += verified.revisits;
        sums.notes += verified.notes;
        sums.others += verified.others;
        sums.problems.extend(verified.problems);
    })?;
    sums.problems.append(&mut store.verify_sealed(source)?);
    sums.problems.append(&mut store.verify_links(source)?);
    sums.moved_aside = store.torn(source)?.len() as u64;
    Ok(sums)
}

/// A problem of the archives of a source as a fault.
pub(super) fn fault(source: &str, problem: &Problem) -> Fault {
    let kind = match problem.kind {
        ProblemKind::Missing | ProblemKind::BodyMissing => FaultKind::Missing,
        ProblemKind::Damaged
        | ProblemKind::Torn
        | ProblemKind::Sealed
        | ProblemKind::TooLarge
        | ProblemKind::NotAFile => FaultKind::Changed,
    };
    // Archives lie in folders of their days, and are called by what is unique in a source.
    let name = problem.file.rsplit('/').next().unwrap_or(&problem.file);
    Fault::new(kind, Subject::Evidence, format!("evidence/{source}/{name}"), problem.said())
}
