//! Units: the files by which others start this program: systemd, Kubernetes, containers, Airflow; and the alert rules.
//!
//! A pure function makes them of where a workspace lies ([`files`]); [`write`] puts them into a folder and leaves alone what is there.
//! They are templates in `templates/`, with `@NAME@` where something of the workspace stands.

mod kind;
mod place;
mod template;
mod variables;
mod writing;

pub use self::kind::{Kind, UnitFile, files, next_steps};
pub use self::place::{Place, UnfitPath};
pub use self::variables::variables;
pub use self::writing::{UnwrittenUnit, Written, write};
