//! Catalogues: what leads engines, harvesters and tools to the files must lead to those of the newest indexes, and nowhere else.

mod engines;
mod harvested;
mod package;
mod published;

use self::published::Published;
use super::context::{Context, Interrupted};
use super::tables::Tables;

/// Looks at all catalogues. Gives the address to which they lead.
pub(super) fn check(context: &mut Context<'_>, tables: &Tables) -> Result<Option<String>, Interrupted> {
    // Those of a log that is another one, or lacks entries, follow that one.
    if context.findings.lack_entries() {
        return Ok(None);
    }
    let published = Published::of(tables);
    package::check(context, &published, tables)?;
    let mut base = None;
    let has_engines = harvested::check(context, &published, &mut base)?;
    engines::check(context, &published, has_engines, &mut base)?;
    Ok(base.map(|base| base.address))
}
