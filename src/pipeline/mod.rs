//! Pipelines and their runs.
