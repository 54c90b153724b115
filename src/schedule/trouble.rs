//! What of one pipeline keeps from telling what is due of it, and of no other.

use crate::pipeline::Pipeline;
use crate::pipeline::run::RunError;
use crate::publish::PublishError;
use crate::schedule::facts::{Outcome, Trouble};

/// The trouble of a pipeline of which facts could not be gathered: an index in the bucket cannot be read.
///
/// # Errors
/// The error itself, where it would be that of every pipeline.
pub(super) fn trouble(pipeline: &Pipeline, error: RunError) -> Result<Trouble, RunError> {
    let is_of_one = match &error {
        RunError::Publish(error) => !error.is_transient() && !matches!(error, PublishError::Configuration { .. }),
        _ => false,
    };
    if !is_of_one {
        return Err(error);
    }
    let (pipeline, dataset) = (pipeline.name.clone(), pipeline.dataset.clone());
    Ok(Trouble { pipeline, dataset, said: error.to_string(), outcome: Outcome::Permanent })
}
