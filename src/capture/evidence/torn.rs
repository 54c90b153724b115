//! Ends of archives that a crash left.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

use crate::durable;

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
