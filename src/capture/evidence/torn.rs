//! Ends of archives that a crash left.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

use super::archive::{self, Kind, Options, Stretch};
use crate::durable;

/// What is wrong with an archive from a byte on.
pub(super) struct Ending {
    /// Where what a crash left of a record begins.
    pub torn: Option<u64>,
    /// The first that is damaged, and is not that.
    pub damaged: Option<Stretch>,
}

/// Reads an archive from a byte on, at which a record begins. What was whole once is damaged, and not torn, if it is incomplete.
pub(super) fn ending(path: &Path, from: u64, was_whole: u64, most: u64) -> io::Result<Ending> {
    let options = Options { wants: &|_| false, verify: false, most };
    let (_, mut stretches) = archive::scan(path, from, &options, &mut |_| ())?;
    let is_torn = |last: &mut Stretch| last.kind == Kind::Torn && last.offset >= was_whole;
    let torn = stretches.pop_if(is_torn).map(|torn| torn.offset);
    Ok(Ending { torn, damaged: stretches.into_iter().next() })
}

/// Moves what an archive has from a byte on into a file of its own, `<archive>.torn`, or `.torn.2` and so on where that is
/// there, and takes it off the archive only when the disk has it there.
pub(super) fn move_aside(archive: &mut File, path: &Path, offset: u64) -> io::Result<()> {
    for number in 1_u32.. {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { ".torn".to_owned() } else { format!(".torn.{number}") });
        if fs::symlink_metadata(&name).is_ok() {
            continue;
        }
        archive.seek(SeekFrom::Start(offset))?;
        if durable::copy_new(Path::new(&name), archive)? {
            archive.set_len(offset)?;
            return archive.sync_all();
        }
    }
    Err(io::Error::other("there are too many torn ends"))
}
