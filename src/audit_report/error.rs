//! Why there is no report.

use crate::publish::PublishError;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditError {
    #[error(
        "'publication: off' in fahrtenbuch.yaml leaves out the tables that every number of the report is counted from. Take the line \
         out, and write the tables: 'fahrtenbuch publish --rebuild'."
    )]
    Off,
    #[error(
        "nothing was published yet: there is no bucket at {place}. The report tells what was: 'fahrtenbuch run' first."
    )]
    NoBucket { place: String },
    #[error(
        "the bucket {place} has no table 'publication/{table}', which the numbers of the report are counted from. Write it: \
         'fahrtenbuch publish --rebuild'."
    )]
    NoTable { table: &'static str, place: String },
    #[error("nothing is published of {year}: there is nothing to report.{}", others(.years))]
    NoData { year: i16, years: Vec<i16> },
    #[error(transparent)]
    Publish(#[from] PublishError),
}

fn others(years: &[i16]) -> String {
    let years: Vec<String> = years.iter().map(|year| format!("'--year {year}'")).collect();
    match years.is_empty() {
        true => String::new(),
        false => format!(" There is something of other years: {}.", years.join(", ")),
    }
}

impl AuditError {
    /// Whether trying again may help.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Publish(error) if error.is_transient())
    }

    /// Whether the configuration is to be changed.
    pub(crate) fn is_configuration(&self) -> bool {
        matches!(self, Self::Off | Self::Publish(PublishError::Configuration { .. }))
    }
}
