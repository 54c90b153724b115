//! The engine of a build without one: every query is broken, so that no rule passes unseen.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;

use crate::check::context::RuleContext;
use crate::check::sql::{NoResult, QueryFault, ResultShape, SqlEngine};
use crate::contract::query::Query;

const WHY: &str = "this build of the program has no engine for queries (feature 'sql')";

/// Runs no query.
pub struct NoEngine;

impl SqlEngine for NoEngine {
    type Table = ();

    fn new(_: &RuleContext) -> Self {
        Self
    }

    fn table(&self, _: &RecordBatch) -> Result<(), NoResult> {
        Ok(())
    }

    fn execute(&self, _: &Query, _: &BTreeMap<&str, ()>) -> Result<(), NoResult> {
        Err(NoResult::broken(WHY))
    }

    fn stack(&self, _: (), _: &()) -> Option<()> {
        None
    }

    fn indexes(&self, _: &()) -> Result<Vec<Option<i64>>, NoResult> {
        Err(NoResult::broken(WHY))
    }

    fn number(&self, _: &()) -> Result<Option<f64>, NoResult> {
        Err(NoResult::broken(WHY))
    }

    fn shape(&self, _: &()) -> ResultShape {
        ResultShape { rows: 0, columns: Vec::new() }
    }

    fn fault(why: &str) -> QueryFault {
        QueryFault::Other(why.to_owned())
    }
}
