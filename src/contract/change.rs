//! What a contract says of how its table has changed over the years, so that what was published before is still found.

use arrow_schema::DataType;

use crate::time::ServiceDate;

/// That a column has not always been what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnChange {
    /// The line of `since`.
    pub line: u32,
    /// The first service date on which it is as the contract has it.
    pub since: ServiceDate,
    /// What it was called before.
    pub alias: Option<String>,
    /// The type of its numbers before.
    pub was_type: Option<NumberType>,
}

/// A column that a table had, and has no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedColumn {
    pub line: u32,
    pub name: String,
    /// The last service date that has it.
    pub until: ServiceDate,
}

/// The decision that the values of a column which is private now may stay public where they were published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaysPublic {
    pub line: u32,
    /// The last service date that has it.
    pub until: ServiceDate,
    pub reason: String,
}

/// The type of published numbers, by its name in the specification of Iceberg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberType {
    Int,
    Long,
    Float,
    Double,
}

impl NumberType {
    /// Of the type that a column has in a release.
    pub fn of(release: &DataType) -> Option<Self> {
        match release {
            DataType::Int32 => Some(Self::Int),
            DataType::Int64 => Some(Self::Long),
            DataType::Float32 => Some(Self::Float),
            DataType::Float64 => Some(Self::Double),
            _ => None,
        }
    }

    /// Whether another type has all of its values, so that a column may grow into that one (specification of Iceberg, "Schema
    /// Evolution"). Readers of Iceberg grow no whole numbers into floating point ones.
    pub fn grows_into(self, wider: Self) -> bool {
        matches!((self, wider), (Self::Int, Self::Long) | (Self::Float, Self::Double))
    }
}
