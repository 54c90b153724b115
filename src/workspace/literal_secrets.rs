//! Secrets that stand in the files of pipelines and not in environment variables.
//!
//! The ledger publishes a pipeline's file with `REDACTED` in their places, so this is no mistake: `check` tells it.

use crate::durable;
use crate::pipeline::Pipeline;
use crate::yaml::Problem;

/// The first line of each pipeline's file that is published without something that stands in it.
pub fn literal_secrets(pipelines: &[Pipeline]) -> Vec<Problem> {
    let first = |pipeline: &Pipeline| {
        let text = durable::read_to_string(&pipeline.file).ok()?;
        let line = text.lines().zip(pipeline.text.lines()).position(|(own, published)| own != published)?;
        Some(Problem {
            file: pipeline.file.clone(),
            line: u32::try_from(line + 1).unwrap_or(0),
            message:
                "something here looks like a secret, and stands as 'REDACTED' in the text that the ledger publishes"
                    .to_owned(),
            remedy: "Write '${NAME}' for an environment variable, as docs/ledger.md tells.".to_owned(),
        })
    };
    pipelines.iter().filter_map(first).collect()
}
