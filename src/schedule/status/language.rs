//! The languages in which a status is told.

use crate::schedule::said::Said;
use crate::text::Text;

/// The language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    De,
    En,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::De, Self::En];

    /// The page's name in the private store.
    pub fn file(self) -> &'static str {
        match self {
            Self::De => "index.html",
            Self::En => "en.html",
        }
    }

    /// What was said of a job.
    pub(super) fn said(self, said: &Said) -> &str {
        match self {
            Self::De => said.de(),
            Self::En => &said.en,
        }
    }

    pub(super) fn of(self) -> fn(&Text) -> &str {
        match self {
            Self::De => |text| &text.de,
            Self::En => |text| &text.en,
        }
    }
}
