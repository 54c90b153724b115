//! A page in the making, and where the pages of a dataset are.

use maud::Markup;

use super::days::Days;
use crate::portal::catalogue::{Dataset, public};
use crate::portal::frame::{Page, said};

/// Columns and tables that the page of a dataset has room for. By the contracts alone, so that an address does not change with the data.
const COLUMNS: usize = 60;
const TABLES: usize = 3;

/// A page in the making.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub page: Page<'a>,
    pub of: &'a Dataset,
    pub days: &'a Days<'a>,
}

/// Where the German page of a dataset is.
pub(in crate::portal) fn path(dataset: &str) -> String {
    format!("{dataset}/index.html")
}

/// Where the German page of a year is.
pub(super) fn year_path(dataset: &str, year: i16) -> String {
    format!("{dataset}/{year}.html")
}

/// Whether each table has a page of its own.
pub(super) fn are_apart(of: &Dataset) -> bool {
    let columns: usize = of.tables.iter().map(|table| public(&table.contract).count()).sum();
    of.tables.len() > TABLES || columns > COLUMNS
}

impl<'a> View<'a> {
    pub(super) fn say<'b>(&self, de: &'b str, en: &'b str) -> &'b str {
        self.page.language.say(de, en)
    }

    pub(super) fn count(&self, what: &str, value: u64) -> Markup {
        crate::portal::frame::count(what, value, self.page.language)
    }

    pub(super) fn decimal(&self, what: &str, value: f64, places: usize) -> Markup {
        crate::portal::frame::decimal(what, value, places, self.page.language)
    }

    /// What the dataset is called.
    pub(super) fn title(&self) -> Markup {
        let (title, spoken) = self.of.title(self.page.site, self.page.language);
        said(title, spoken, self.page.language)
    }

    /// The name that paths have.
    pub(super) fn name(&self) -> &'a str {
        &self.of.name
    }
}
