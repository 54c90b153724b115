//! What of one pipeline keeps from telling what is due of it, and of no other.

use crate::capture::CaptureError;
use crate::pipeline::Pipeline;
use crate::pipeline::run::RunError;
use crate::publish::PublishError;
use crate::schedule::facts::{Outcome, Trouble, TroubleOf};

/// The trouble of a pipeline of which facts could not be gathered: an index in the bucket, or its evidence, cannot be read.
///
/// # Errors
/// The error itself, where it would be that of every pipeline.
pub(super) fn trouble(pipeline: &Pipeline, error: RunError) -> Result<Trouble, RunError> {
    let (of, outcome) = match &error {
        RunError::Publish(error) if !error.is_transient() && !matches!(error, PublishError::Configuration { .. }) => {
            (TroubleOf::Bucket, Outcome::Permanent)
        }
        // Each pipeline has folders of its own; what is wrong with all of them is told of each.
        RunError::Capture(CaptureError::Damaged { .. } | CaptureError::Permanent { .. }) => {
            (TroubleOf::Evidence, Outcome::Permanent)
        }
        RunError::Capture(_) => (TroubleOf::Evidence, Outcome::Transient),
        _ => return Err(error),
    };
    let (pipeline, dataset) = (pipeline.name.clone(), pipeline.dataset.clone());
    Ok(Trouble { pipeline, dataset, said: error.to_string(), outcome, of })
}
