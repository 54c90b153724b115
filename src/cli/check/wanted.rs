//! `fahrtenbuch check --for`: what a portal demands and the configuration does not say.

use clap::ValueEnum;

use crate::cli::exit::Exit;
use crate::workspace::Workspace;
use crate::workspace::wanted::{Portal, wanted};
use crate::yaml::Problem;

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
}

impl For {
    fn portal(self) -> Portal {
        match self {
            Self::Govdata => Portal::GovData,
            Self::Mobilithek => Portal::Mobilithek,
            Self::MobidataBw => Portal::MobiDataBw,
            Self::Hvd => Portal::HighValue,
        }
    }

    /// What is missing in a workspace without mistakes.
    pub(super) fn wanted(self, workspace: &Workspace) -> Vec<Problem> {
        wanted(workspace, self.portal())
    }

    /// For people.
    pub(super) fn show(self, lacks: &[Problem]) {
        lacks.iter().for_each(|lack| println!("{lack}"));
        if lacks.is_empty() {
            println!("{}: nothing is missing", self.portal().name());
        }
    }
}

/// The exit code is that of other findings.
pub(super) fn exit(lacks: &[Problem]) -> Exit {
    if lacks.is_empty() { Exit::Done } else { Exit::Found }
}
