//! Files that a user named for what is written: a page, a report, metrics, a log.
//!
//! A name may be that of something else than a file, and a rename in its place would destroy it, as it would `/dev/stdout`:
//!
//! | there is | what happens |
//! |---|---|
//! | nothing, or a file | written beside it and renamed, so that who reads sees the old one or the new one |
//! | a symbolic link | stays, and the same is done with what it leads to; one that leads to nothing is refused |
//! | a pipe with a reader, a terminal, `/dev/stdout`, `/dev/null` | is written into |
//! | a folder, a socket, a disk, a pipe that nobody reads | is refused by name |

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::durable;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner, as what it is made of; its folder is made, and as private.
    Owner,
    /// As the file that is there, or as the umask says.
    AsUsual,
    /// Programs of other users, too, whatever the umask says.
    Everybody,
}

/// What a name leads to.
enum Target {
    /// A file, with what is known of it, or a place for one.
    File(PathBuf, Option<Metadata>),
    /// What bytes can be written into as they come.
    Stream(File),
}

/// Writes what the user named, whole or not at all.
///
/// # Errors
/// It cannot be written, or is nothing that can be written; the error tells which.
pub(crate) fn write(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    match target(path)? {
        Target::File(file, found) => replace(&file, found.as_ref(), bytes, readers),
        Target::Stream(mut stream) => stream.write_all(bytes),
    }
}

/// Opens what the user named for lines that are appended while this runs.
///
/// # Errors
/// As of [`write()`].
pub(crate) fn append(path: &Path) -> io::Result<File> {
    match target(path)? {
        Target::File(file, _) => durable::open_plain(File::options().create(true).append(true), &file),
        Target::Stream(stream) => Ok(stream),
    }
}

/// Refuses what is no file, where only a file may be.
///
/// # Errors
/// It is there and something else, which the error tells, or it cannot be looked at.
pub(crate) fn refuse_others(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.is_file() => Ok(()),
        Ok(found) => Err(refused(durable::kind(found.file_type()), "move it away")),
    }
}

fn refused(what: &str, remedy: &str) -> io::Error {
    io::Error::other(format!("it is {what}, and no file: {remedy}"))
}

fn target(path: &Path) -> io::Result<Target> {
    const ANOTHER: &str = "name another file";
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match fs::symlink_metadata(path) {
                Ok(_) => Err(refused("a symbolic link that leads to nothing", "remove it, or name another file")),
                Err(_) => Ok(Target::File(path.to_owned(), None)),
            };
        }
        Err(error) => return Err(error),
    };
    // `/dev/stdout` may lead to a file that the shell has opened: it is written on where the output stands, and stays.
    if let Some(standard) = standard_stream(&found)? {
        return Ok(Target::Stream(standard));
    }
    let of = found.file_type();
    if of.is_file() {
        return Ok(Target::File(fs::canonicalize(path)?, Some(found)));
    }
    if of.is_dir() {
        return Err(refused(durable::A_FOLDER, "name a file in it"));
    }
    if of.is_block_device() {
        return Err(refused("a disk", ANOTHER));
    }
    if of.is_socket() {
        return Err(refused(durable::kind(of), ANOTHER));
    }
    // A pipe that nobody reads would be waited for without end.
    let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    #[allow(clippy::disallowed_methods, reason = "the user names it: a pipe or a terminal may be meant")]
    let stream = File::options().write(true).custom_flags(nonblock).open(path).map_err(|error| {
        match error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) && of.is_fifo() {
            true => refused("a pipe that nobody reads", "start its reader first, or name another file"),
            false => error,
        }
    })?;
    fcntl_setfl(&stream, fcntl_getfl(&stream)? - OFlags::NONBLOCK)?;
    Ok(Target::Stream(stream))
}

/// Standard output or standard error, if it is the same file.
fn standard_stream(found: &Metadata) -> io::Result<Option<File>> {
    let is_same = |file: &File| {
        file.metadata().is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (found.dev(), found.ino()))
    };
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    if is_same(&output) {
        // What was printed before stands before it.
        io::stdout().flush()?;
        return Ok(Some(output));
    }
    let errors = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    Ok(is_same(&errors).then_some(errors))
}

fn replace(file: &Path, found: Option<&Metadata>, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if readers == Readers::Owner {
        durable::create_dir_all(folder)?;
    }
    let affixes = (".fahrtenbuch-", ".tmp");
    let mut new = match readers {
        // The umask takes from it.
        Readers::AsUsual => tempfile::Builder::new()
            .prefix(affixes.0)
            .suffix(affixes.1)
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)?,
        // What is written again and again leaves nothing of a process that was killed.
        Readers::Owner | Readers::Everybody => durable::temporary(folder, affixes)?,
    };
    let mode = match readers {
        Readers::Owner => Some(0o600),
        Readers::AsUsual => found.map(|found| found.permissions().mode() & 0o777),
        Readers::Everybody => Some(0o644),
    };
    if let Some(mode) = mode {
        new.as_file().set_permissions(Permissions::from_mode(mode))?;
    }
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    new.persist(file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn pipe(path: &Path) {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    #[test]
    fn a_file_is_replaced_whole_and_its_mode_stays_or_is_the_one_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.html");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        let before = fs::metadata(&file).unwrap().ino();
        write(&file, b"new", Readers::AsUsual).unwrap();
        assert_eq!((fs::read(&file).unwrap().as_slice(), mode(&file)), (&b"new"[..], 0o640));
        assert_ne!(fs::metadata(&file).unwrap().ino(), before);
        write(&file, b"own", Readers::Owner).unwrap();
        assert_eq!(mode(&file), 0o600);
        write(&file, b"all", Readers::Everybody).unwrap();
        assert_eq!(mode(&file), 0o644);
        write(&folder.path().join("a/b/private.html"), b"own", Readers::Owner).unwrap();
        write(&folder.path().join("absent/report.html"), b"new", Readers::AsUsual).unwrap_err();
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["a", "report.html"]);
    }

    #[test]
    fn a_link_stays_and_one_to_nothing_a_folder_and_a_pipe_without_a_reader_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "old").unwrap();
        symlink(at("file"), at("link")).unwrap();
        write(&at("link"), b"new", Readers::AsUsual).unwrap();
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        assert_eq!(fs::read(at("file")).unwrap(), b"new");
        symlink(at("nothing"), at("dangling")).unwrap();
        pipe(&at("pipe"));
        fs::create_dir(at("folder")).unwrap();
        let cases = [("dangling", "leads to nothing"), ("folder", "a folder"), ("pipe", "a pipe that nobody reads")];
        for (name, said) in cases {
            for error in [write(&at(name), b"new", Readers::Owner).unwrap_err(), append(&at(name)).unwrap_err()] {
                assert!(error.to_string().contains(said), "{name}: {error}");
            }
            assert!(refuse_others(&at(name)).is_err());
        }
        assert!(fs::symlink_metadata(at("pipe")).unwrap().file_type().is_fifo() && !at("nothing").exists());
        refuse_others(&at("file")).unwrap();
        refuse_others(&at("absent")).unwrap();
    }

    #[test]
    fn a_pipe_with_a_reader_is_written_into_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        pipe(&path);
        // A pipe that is open for both needs nobody else.
        let mut reader = File::options().read(true).write(true).open(&path).unwrap();
        write(&path, b"page", Readers::Owner).unwrap();
        append(&path).unwrap().write_all(b"line").unwrap();
        let mut read = [0; 8];
        reader.read_exact(&mut read).unwrap();
        assert_eq!((&read, fs::metadata(&path).unwrap().file_type().is_fifo()), (b"pageline", true));
    }
}
