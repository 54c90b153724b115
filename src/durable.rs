//! Durable: files of the private store that outlive a power cut and that nobody else may read.
//!
//! One place for both promises. Folders are made with mode 0700 and files with 0600, whatever the umask says, because the
//! private store holds names of people. A file that [`write()`] replaces is whole or not there: the new bytes go into a file
//! beside it, which is synced, renamed, and its folder synced. What stands in the bucket is written by
//! [`crate::publish::bucket`], and is readable for a web server, whatever the umask says.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use tempfile::NamedTempFile;

/// Mode of private folders.
const FOLDER: u32 = 0o700;
/// Mode of private files.
const FILE: u32 = 0o600;
/// How the names of temporary files begin; six letters and digits follow.
const TEMPORARY: &str = ".tmp";
/// What something is that is no file, for people.
pub(crate) const A_LINK: &str = "a symbolic link";
pub(crate) const A_FOLDER: &str = "a folder";
/// Modes of what a web server reads.
const PUBLIC_FOLDER: u32 = 0o755;
const PUBLIC_FILE: u32 = 0o644;
/// Entries of a private store that was open to others that are mended at once.
const MENDED: usize = 1_000_000;

/// Makes a private folder and those above it that are not there; what is made is on the disk afterwards.
pub(crate) fn create_dir_all(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new("."));
    create_dir_all(parent)?;
    match DirBuilder::new().mode(FOLDER).create(folder) {
        Ok(()) => {}
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        Err(error) => return Err(error),
    }
    // The umask can only take away what the mode gives.
    fs::set_permissions(folder, fs::Permissions::from_mode(FOLDER))?;
    sync_folder(parent)
}

/// Makes the folder of a private store, and mends one that others may open: itself, and what is below it where it was open.
///
/// Folders above it that are not there are made readable: the bucket may lie beside it. What belongs to another owner stays
/// as it is, and is told.
pub(crate) fn make_private(root: &Path) -> io::Result<()> {
    if let Some(above) = root.parent() {
        create_public_dir_all(above)?;
    }
    create_dir_all(root)?;
    // A link is followed to the store that it leads to.
    if fs::metadata(root)?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    if let Err(error) = fs::set_permissions(root, fs::Permissions::from_mode(FOLDER)) {
        tracing::warn!(
            "the private store {} may be read by others and its mode cannot be changed ({error}). Make it the property of \
             the user that runs this program, with mode 0700.",
            root.display()
        );
        return Ok(());
    }
    tracing::warn!("the private store {} was open to others; it is not any more", root.display());
    let mut left = MENDED;
    mend(root, &mut left);
    Ok(())
}

/// Takes the rights of others from what lies in a folder; nobody but its owner comes here any more, so that what fails or
/// is too much may stay.
fn mend(folder: &Path, left: &mut usize) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Some(less) = left.checked_sub(1) else { return };
        *left = less;
        // Does not follow links.
        let Ok(metadata) = entry.metadata() else { continue };
        let (path, mode) = (entry.path(), metadata.permissions().mode());
        if metadata.is_dir() {
            mend(&path, left);
        } else if !metadata.is_file() {
            continue;
        }
        if mode & 0o077 != 0 {
            let _ = fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o700));
        }
    }
}

/// Makes a folder that a web server may read, and those above it that are not there, whatever the umask; one that is there
/// stays as it is.
pub(crate) fn create_public_dir_all(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    create_public_dir_all(parent(folder))?;
    match DirBuilder::new().mode(PUBLIC_FOLDER).create(folder) {
        Ok(()) => set_mode(folder, PUBLIC_FOLDER),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        Err(error) => return Err(error),
    }
    sync_folder(parent(folder))
}

/// Makes a file readable for a web server, and writable for its owner only.
pub(crate) fn make_public(file: &Path) {
    set_mode(file, PUBLIC_FILE);
}

/// Sets a mode where it differs. File systems without modes, and files of other owners, stay as they are.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    let set = fs::metadata(path).and_then(|metadata| match metadata.permissions().mode() & 0o777 {
        there if there == mode => Ok(()),
        _ => fs::set_permissions(path, fs::Permissions::from_mode(mode)),
    });
    if let Err(error) = set {
        tracing::warn!("{} cannot be given the mode {mode:o}: {error}", path.display());
    }
}

/// Makes a private file, empty and open for writing. Its folder must be there.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    open(OpenOptions::new().write(true).create(true).truncate(true), path)
}

/// The bytes of a file. What is no file is refused: a pipe would be waited for without end.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open_to_read(path)?;
    let mut bytes = Vec::with_capacity(file.metadata().map_or(0, |found| found.len() as usize));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The same of a file that is text.
pub(crate) fn read_to_string(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open_to_read(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// What something is that is no plain file, for people.
pub(crate) fn kind(of: fs::FileType) -> &'static str {
    match of {
        _ if of.is_symlink() => A_LINK,
        _ if of.is_dir() => A_FOLDER,
        _ if of.is_fifo() => "a pipe",
        _ if of.is_socket() => "a socket",
        _ => "a device",
    }
}

fn refuse_others(found: &fs::Metadata) -> io::Result<()> {
    let of = found.file_type();
    if of.is_file() {
        return Ok(());
    }
    Err(io::Error::other(format!("it is {}, and no file: move it away", kind(of))))
}

/// Opens a file for reading, and changes nothing. What is no file is refused: a pipe would be waited for without end.
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    open_plain(OpenOptions::new().read(true), path)
}

/// Opens a private file as `options` say; one that they make is private, and one that was not becomes it. What is no file is refused.
pub(crate) fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = open_plain(options.mode(FILE), path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        // A file of another owner, as in a shared folder, stays as it is.
        let _ = file.set_permissions(fs::Permissions::from_mode(FILE));
    }
    Ok(file)
}

/// Opens a file as `options` say, with the mode that they and the umask give. What is no file is refused, and never waited for or
/// written into.
#[allow(clippy::disallowed_methods, reason = "this is the one place that opens")]
pub(crate) fn open_plain(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // Opening a device may already do something, so that it is looked at first. One that is not there yet is made.
    if let Ok(found) = fs::metadata(path) {
        refuse_others(&found)?;
    }
    // A pipe that took its place meanwhile is not waited for. For files the flag means nothing.
    let opened = options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed()).open(path);
    let file = match opened {
        // What cannot be opened may still say what it is.
        Err(error) => {
            return Err(fs::metadata(path).ok().and_then(|found| refuse_others(&found).err()).unwrap_or(error));
        }
        Ok(file) => file,
    };
    refuse_others(&file.metadata()?)?;
    Ok(file)
}

/// Writes a file that is not private, in its place: a file that is there keeps its owner and mode. What is no file is refused.
pub(crate) fn write_plain(path: &Path, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    open_plain(OpenOptions::new().write(true).create(true).truncate(true), path)?.write_all(bytes.as_ref())
}

/// Replaces a private file by these bytes, whole or not at all; makes its folder.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = parent(path);
    create_dir_all(folder)?;
    let mut file = temporary_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Writes a private file that must not be there yet, whole or not at all; `false` if it is there.
pub(crate) fn write_new(path: &Path, mut bytes: &[u8]) -> io::Result<bool> {
    copy_new(path, &mut bytes)
}

/// Writes what can be read into a private file that must not be there yet, as [`write_new()`] does.
pub(crate) fn copy_new(path: &Path, from: &mut impl io::Read) -> io::Result<bool> {
    let folder = parent(path);
    create_dir_all(folder)?;
    let mut file = temporary_in(folder)?;
    io::copy(from, &mut file)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => sync_folder(folder).map(|()| true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// A new private file beside one that it is to replace; it is removed if it is not kept. What a process that was killed has left in
/// the folder is removed first.
pub(crate) fn temporary_in(folder: &Path) -> io::Result<NamedTempFile> {
    temporary(folder, ("", ""))
}

/// The same with a name that begins and ends so.
pub(crate) fn temporary(folder: &Path, (prefix, suffix): (&str, &str)) -> io::Result<NamedTempFile> {
    let prefix = if prefix.is_empty() { TEMPORARY } else { prefix };
    sweep(folder, (prefix, suffix));
    loop {
        // Made with mode 0600 by the library.
        let file = tempfile::Builder::new().prefix(prefix).suffix(suffix).tempfile_in(folder)?;
        // The lock tells others that it is in use. Where there are no locks they cannot lock it either, and leave it.
        let _ = file.as_file().lock();
        // One of them may have been faster.
        if file.as_file().metadata()?.nlink() > 0 {
            return Ok(file);
        }
    }
}

/// Removes the temporary files of processes that were killed: those that nobody has locked.
fn sweep(folder: &Path, (prefix, suffix): (&str, &str)) {
    let is_temporary = |name: &str| {
        let random = name.strip_prefix(prefix).and_then(|name| name.strip_suffix(suffix));
        random.is_some_and(|random| random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_name().to_str().is_some_and(is_temporary) {
            continue;
        }
        // What cannot be removed is only in the way of tidiness.
        if let Ok(file) = open_to_read(&entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Moves a private file to where it is to stand; the move is on the disk afterwards.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    create_dir_all(parent(to))?;
    fs::rename(from, to)?;
    sync_folder(parent(to))
}

/// Removes a file, which need not be there; the removal is on the disk afterwards.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder(parent(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Puts the names in a folder onto the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    #[allow(clippy::disallowed_methods, reason = "it is a folder")]
    File::open(folder)?.sync_all()
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folders_and_files_are_for_their_owner_only() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a/b/c.json");
        write(&file, b"1").unwrap();
        assert_eq!((mode(&file), mode(&root.path().join("a/b")), mode(&root.path().join("a"))), (0o600, 0o700, 0o700));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        create(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn a_pipe_or_folder_in_the_place_of_a_file_is_named_and_never_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let (pipe, folder) = (root.path().join("pipe"), root.path().join("folder"));
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        fs::create_dir(&folder).unwrap();
        let devices = [Path::new("/dev/null"), Path::new("/dev/zero")];
        let kinds = [(&*pipe, "a pipe"), (&folder, A_FOLDER), (devices[0], "a device"), (devices[1], "a device")];
        for (path, kind) in kinds {
            let refusals = [
                read(path).map(drop),
                read_to_string(path).map(drop),
                open_to_read(path).map(drop),
                create(path).map(drop),
                open(OpenOptions::new().append(true), path).map(drop),
                write_plain(path, "x"),
            ];
            for refused in refusals {
                assert_eq!(refused.unwrap_err().to_string(), format!("it is {kind}, and no file: move it away"));
            }
        }
    }

    #[test]
    fn what_a_killed_process_left_is_removed_by_the_next_write_and_what_a_living_one_uses_is_not() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        // Without a lock, as after a kill; and names that are no temporary files'.
        for name in [".tmpAbc123", ".tmp-restored", ".tmpAbc12", "tmpAbc123"] {
            fs::write(path(name), "half").unwrap();
        }
        let living = temporary_in(root.path()).unwrap();
        write(&path("a.json"), b"1").unwrap();
        assert!(write_new(&path("b.json"), b"1").unwrap());
        let mut names: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let mut expected = [".tmp-restored", ".tmpAbc12", "a.json", "b.json", "tmpAbc123"].map(Into::into).to_vec();
        expected.push(living.path().file_name().unwrap().to_owned());
        expected.sort();
        assert_eq!(names, expected);
        living.persist(path("c.json")).unwrap();
    }

    #[test]
    fn who_write_and_sweep_at_once_lose_nothing() {
        let root = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let file = root.path().join(format!("{writer}.json"));
                scope.spawn(move || (0..50).for_each(|_| write(&file, b"1").unwrap()));
            }
        });
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 8);
    }

    #[test]
    fn a_file_is_replaced_whole_and_a_new_one_never_replaces() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("x/a");
        assert!(write_new(&file, b"1").unwrap() && !write_new(&file, b"2").unwrap());
        write(&file, b"3").unwrap();
        rename(&file, &root.path().join("y/b")).unwrap();
        assert_eq!(fs::read(root.path().join("y/b")).unwrap(), b"3");
        remove_file(&root.path().join("y/b")).unwrap();
        remove_file(&root.path().join("y/b")).unwrap();
        assert_eq!(fs::read_dir(root.path().join("y")).unwrap().count(), 0);
    }
}
