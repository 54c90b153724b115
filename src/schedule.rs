//! The schedule: what is due, and who does it.
//!
//! [`facts`] has what the decision stands on, [`gather`] finds it in the workspace, the evidence, the bucket and the [`log`], and
//! [`due`] decides, as a pure function of facts and the time. [`runner`] begins what is due, each job as a process of its own, so
//! that its memory goes back when it ends. [`causes`] finds what a person must know of, and what monitors ask.

pub mod causes;
pub mod clock;
pub mod due;
pub mod facts;
pub mod gather;
pub mod gone;
pub mod hanging;
pub mod in_bucket;
pub mod log;
pub mod observer;
pub mod runner;
pub mod said;
pub mod service;
pub mod status;
mod trouble;
pub mod watch;
pub mod words;
