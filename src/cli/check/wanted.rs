//! `fahrtenbuch check --for`: what a portal demands and the configuration does not say.

use clap::ValueEnum;

use crate::cli::exit::Exit;
use crate::durable;
use crate::workspace::Workspace;
use crate::workspace::lacks::{Block, Lack, blocks};
use crate::workspace::wanted::{Portal, wanted};
use crate::workspace::wanted_audit::wanted_by_audit;
use crate::workspace::{FILE, portal};
use crate::yaml::{self, Problem};

/// As they are written on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum For {
    /// GovData, by DCAT-AP.de 3.0 and its conventions
    Govdata,
    /// Mobilithek, by mobilityDCAT-AP 1.1
    Mobilithek,
    /// MobiData BW, by DCAT-AP.de
    MobidataBw,
    /// The law on high-value datasets, (EU) 2023/138
    Hvd,
    /// The audit report and the process document
    Audit,
}

impl For {
    /// The portal; none where it is no portal that demands.
    fn portal(self) -> Option<Portal> {
        match self {
            Self::Govdata => Some(Portal::GovData),
            Self::Mobilithek => Some(Portal::Mobilithek),
            Self::MobidataBw => Some(Portal::MobiDataBw),
            Self::Hvd => Some(Portal::HighValue),
            Self::Audit => None,
        }
    }

    fn name(self) -> &'static str {
        self.portal().map_or("Audit", Portal::name)
    }

    fn wanted(self, workspace: &Workspace) -> Result<Vec<Lack>, Vec<Problem>> {
        match self.portal() {
            Some(portal) => wanted(workspace, portal),
            None => wanted_by_audit(workspace),
        }
    }
}

/// What is missing in a workspace without mistakes, by who demands it.
#[derive(Default)]
pub(super) struct Wanted {
    of_portals: Vec<(For, Vec<Lack>)>,
    /// What the law demands of pages on the web: who has none there yet needs it with the address.
    of_the_law: Vec<Lack>,
    /// A configuration that cannot be read any more.
    unread: Vec<Problem>,
}

impl Wanted {
    pub(super) fn of(workspace: &Workspace, portals: &[For]) -> Self {
        let mut all = Self::default();
        for (at, of) in portals.iter().enumerate().filter(|(at, of)| !portals[..*at].contains(of)) {
            match of.wanted(workspace) {
                Ok(lacks) => all.of_portals.push((*of, lacks)),
                Err(problems) if at == 0 => all.unread = problems,
                Err(_) => {}
            }
        }
        // Of a bucket that is on the web it is a mistake already.
        let is_told = !portal::lacks(&workspace.root, &workspace.site, false).is_empty();
        if portals.iter().any(|of| of.portal().is_some()) && !is_told {
            all.of_the_law = portal::lacks(&workspace.root, &workspace.site, true);
        }
        all
    }

    /// All of it.
    pub(super) fn lacks(&self) -> impl Iterator<Item = &Lack> {
        self.of_portals.iter().flat_map(|(_, lacks)| lacks).chain(&self.of_the_law)
    }

    /// As JSON.
    pub(super) fn problems(&self) -> Vec<&Problem> {
        self.unread.iter().chain(self.lacks().map(|lack| &lack.problem)).collect()
    }

    /// For people.
    pub(super) fn show(&self) {
        self.unread.iter().for_each(|problem| println!("{problem}"));
        for (of, lacks) in &self.of_portals {
            lacks.iter().for_each(|lack| println!("{}", lack.problem));
            if lacks.is_empty() {
                println!("{}: nothing is missing", of.name());
            }
        }
        if !self.of_the_law.is_empty() {
            println!("With an address on the web the law demands of the pages:");
            self.of_the_law.iter().for_each(|lack| println!("{}", lack.problem));
        }
    }

    /// The exit code is that of other findings.
    pub(super) fn exit(&self) -> Exit {
        if self.problems().is_empty() { Exit::Done } else { Exit::Found }
    }
}

/// All that is missing as blocks to paste.
pub(super) fn pasted<'a>(workspace: &Workspace, lacks: impl Iterator<Item = &'a Lack>) -> Vec<Block> {
    let file = workspace.root.join(FILE);
    let text = durable::read_to_string(&file).unwrap_or_default();
    match yaml::parse(&file, &text) {
        Ok(node) => blocks(&file, &text, &node, lacks),
        Err(_) => Vec::new(),
    }
}

/// The blocks, for people: as they are to stand in the file.
pub(super) fn show_pasted(blocks: &[Block]) {
    if blocks.is_empty() {
        return;
    }
    println!("\nTo paste, from the last place to the first. The values are examples: write your own.");
    for block in blocks {
        println!("\n-- {}:\n{}", block.place(FILE), block.text.trim_end());
    }
}
