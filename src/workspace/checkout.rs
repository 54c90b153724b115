//! The git checkout that a workspace is: its commit, and whether the configuration is that of the commit.
//!
//! The commit is read from the files of `.git`. What it has is told by `git ls-tree`, where git is installed, and the files are
//! digested here: so neither the index with its time stamps nor what a repository's configuration may start (filters, hooks,
//! monitors, transports) has a say.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::workspace::{FILE, Workspace};

/// How long git may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of what git may say, and of a small file of `.git`.
const MOST: u64 = 64 << 20;
const SMALL: u64 = 4096;
/// As many names may stand for another name as git follows.
const LINKS: usize = 5;
/// What HEAD says where the names of commits are kept in tables, which git alone reads.
const IN_TABLES: &str = "refs/heads/.invalid";

/// A checkout whose commit has files of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// 40 or 64 hexadecimal digits.
    pub commit: String,
    /// Whether `fahrtenbuch.yaml`, the files of `pipelines/` and `schemas/`, mapping files and the service area are those of the
    /// commit, line ends aside, and none is beside them.
    pub is_clean: Result<bool, Unread>,
}

/// Why a checkout could not be read. Names no path: the message stands in a public record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    #[error("its '.git' cannot be read; 'git status' in the workspace says why")]
    Damaged,
    #[error("git is not installed, which alone can tell what the commit has")]
    NoGit,
    #[error("git did not answer within {} seconds", PATIENCE.as_secs())]
    Slow,
    #[error("git refuses to read it; 'git status' in the workspace, as the user of the run, says why")]
    Refused,
}

/// What the workspace's checkout is at; nothing where it is none, and where its commit has no file of the workspace.
pub fn look(workspace: &Workspace) -> Result<Option<Checkout>, Unread> {
    let mut files: BTreeSet<&Path> = BTreeSet::new();
    for pipeline in &workspace.pipelines {
        files.insert(&pipeline.file);
        files.extend(pipeline.all_contracts().map(|contract| contract.file.as_path()));
        files.extend(pipeline.mappings.values().map(|mapping| mapping.file.as_path()));
    }
    files.extend(workspace.area.as_ref().and_then(|area| area.file.as_deref()));
    look_at(&workspace.root, &files, OsStr::new("git"))
}

/// The same of a folder and the files that its configuration names. `program` is git.
fn look_at(root: &Path, named: &BTreeSet<&Path>, program: &OsStr) -> Result<Option<Checkout>, Unread> {
    let Ok(root) = root.canonicalize() else { return Ok(None) };
    let Some((top, folder)) = git_folder(&root)? else { return Ok(None) };
    let commit = match head(&folder)? {
        Head::Commit(commit) => commit,
        Head::InTables => {
            let said = git(program, &top, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"].map(OsStr::new))?;
            let said = String::from_utf8_lossy(&said).trim().to_owned();
            if !is_commit(&said) {
                return Err(Unread::Damaged);
            }
            said
        }
        Head::WithoutCommit => return Ok(None),
    };
    let configuration = Configuration::find(&root, &top, named);
    let is_clean = match configuration.committed(program, &commit) {
        Ok(committed) if committed.is_empty() => return Ok(None),
        Ok(committed) => Ok(configuration.is_that(&committed)),
        Err(unread) => Err(unread),
    };
    Ok(Some(Checkout { commit, is_clean }))
}

/// The folder of the checkout in which a folder lies, and that of its repository.
fn git_folder(root: &Path) -> Result<Option<(PathBuf, PathBuf)>, Unread> {
    for top in root.ancestors() {
        let path = top.join(".git");
        let Ok(metadata) = path.metadata() else { continue };
        if metadata.is_dir() && path.join("HEAD").symlink_metadata().is_ok() {
            return Ok(Some((top.to_owned(), path)));
        }
        if metadata.is_file() {
            // Of a worktree or a submodule.
            let text = small(&path)?.ok_or(Unread::Damaged)?;
            let folder = top.join(text.strip_prefix("gitdir:").ok_or(Unread::Damaged)?.trim());
            return if folder.is_dir() { Ok(Some((top.to_owned(), folder))) } else { Err(Unread::Damaged) };
        }
    }
    Ok(None)
}

enum Head {
    Commit(String),
    /// A branch that has none yet.
    WithoutCommit,
    InTables,
}

/// The commit that is checked out, by the files of a repository.
fn head(folder: &Path) -> Result<Head, Unread> {
    let common = small(&folder.join("commondir"))?.map_or_else(|| folder.to_owned(), |path| folder.join(path.trim()));
    let mut text = small(&folder.join("HEAD"))?.ok_or(Unread::Damaged)?;
    for _ in 0..LINKS {
        let Some(name) = text.strip_prefix("ref:").map(|name| name.trim().to_owned()) else {
            let commit = text.trim().to_owned();
            return if is_commit(&commit) { Ok(Head::Commit(commit)) } else { Err(Unread::Damaged) };
        };
        if name == IN_TABLES {
            return Ok(Head::InTables);
        }
        if !name.starts_with("refs/") || name.split('/').any(|part| part == ".." || part.is_empty()) {
            return Err(Unread::Damaged);
        }
        let own = match small(&folder.join(&name))? {
            None => small(&common.join(&name))?,
            found => found,
        };
        match own.map_or_else(|| packed(&common.join("packed-refs"), &name), |text| Ok(Some(text)))? {
            Some(next) => text = next,
            None => return Ok(Head::WithoutCommit),
        }
    }
    Err(Unread::Damaged)
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A file of a line; nothing where there is no file.
fn small(path: &Path) -> Result<Option<String>, Unread> {
    match path.metadata() {
        Ok(metadata) if metadata.is_file() && metadata.len() <= SMALL => {
            crate::durable::read_to_string(path).map(Some).map_err(|_| Unread::Damaged)
        }
        Ok(metadata) if metadata.is_dir() => Ok(None),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        _ => Err(Unread::Damaged),
    }
}

/// What the file of packed names says of one.
fn packed(path: &Path, name: &str) -> Result<Option<String>, Unread> {
    let Ok(metadata) = path.metadata() else { return Ok(None) };
    if !metadata.is_file() {
        return Err(Unread::Damaged);
    }
    let file = crate::durable::open_to_read(path).map_err(|_| Unread::Damaged)?;
    for line in BufReader::new(file.take(MOST)).split(b'\n') {
        let line = line.map_err(|_| Unread::Damaged)?;
        if let Some((commit, _)) =
            std::str::from_utf8(&line).ok().and_then(|line| line.split_once(' ')).filter(|(_, of)| *of == name)
        {
            return Ok(Some(commit.to_owned()));
        }
    }
    Ok(None)
}

/// The files of a workspace that describe it, by their paths below the checkout's folder.
struct Configuration {
    top: PathBuf,
    /// What git is asked for: `fahrtenbuch.yaml`, `pipelines`, `schemas`, and what lies elsewhere.
    places: BTreeSet<PathBuf>,
    files: BTreeSet<PathBuf>,
    /// Whether a file lies outside the checkout.
    is_elsewhere: bool,
}

impl Configuration {
    fn find(root: &Path, top: &Path, named: &BTreeSet<&Path>) -> Self {
        let folders = ["pipelines", "schemas"].map(|name| root.join(name));
        let mut found: BTreeSet<PathBuf> = BTreeSet::from([root.join(FILE)]);
        folders.iter().for_each(|folder| yaml_files(folder, &mut found));
        found.extend(named.iter().map(|path| path.to_path_buf()));
        let below = |path: &Path| path.strip_prefix(top).ok().map(Path::to_owned);
        let mut places: BTreeSet<PathBuf> = folders.iter().filter_map(|folder| below(folder)).collect();
        let (mut files, mut is_elsewhere) = (BTreeSet::new(), false);
        for path in found {
            // The file itself, where a link leads to it.
            match path.canonicalize().ok().and_then(|path| below(&path)) {
                Some(file) => {
                    if !places.iter().any(|place| file.starts_with(place)) {
                        places.insert(file.clone());
                    }
                    files.insert(file);
                }
                None => is_elsewhere = true,
            }
        }
        Self { top: top.to_owned(), places, files, is_elsewhere }
    }

    /// The mode and the id of what a commit has in these places, by path.
    fn committed(&self, program: &OsStr, commit: &str) -> Result<BTreeMap<PathBuf, (String, String)>, Unread> {
        let fixed = ["ls-tree", "-r", "-z", "--full-tree", commit, "--"].map(OsStr::new);
        let said = git(program, &self.top, fixed.into_iter().chain(self.places.iter().map(|place| place.as_os_str())))?;
        let mut committed = BTreeMap::new();
        // `<mode> <type> <id>\t<path>`
        for entry in said.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let (about, path) = entry.split_at(entry.iter().position(|byte| *byte == b'\t').ok_or(Unread::Refused)?);
            let about = String::from_utf8_lossy(about);
            let mut words = about.split(' ');
            let (Some(mode), Some(_), Some(id)) = (words.next(), words.next(), words.next()) else {
                return Err(Unread::Refused);
            };
            committed.insert(PathBuf::from(OsStr::from_bytes(&path[1..])), (mode.to_owned(), id.to_owned()));
        }
        Ok(committed)
    }

    /// Whether all files are those of the commit, and all those of the commit are there.
    fn is_that(&self, committed: &BTreeMap<PathBuf, (String, String)>) -> bool {
        let is_same = |(path, (mode, id)): (&PathBuf, &(String, String))| {
            let path = self.top.join(path);
            let bytes = match mode.as_str() {
                "120000" => std::fs::read_link(&path).map(|link| link.into_os_string().as_bytes().to_vec()),
                "100644" | "100755" | "100664" => crate::durable::read(&path),
                // What another repository has there is not looked at.
                _ => return false,
            };
            // Where git writes the line ends of Windows, the commit has those of others.
            let same = |bytes: &[u8]| blob_id(bytes, id.len()) == *id;
            bytes.is_ok_and(|bytes| same(&bytes) || same(&without_returns(&bytes)))
        };
        !self.is_elsewhere
            && self.files.iter().all(|file| committed.contains_key(file))
            && committed.iter().all(is_same)
    }
}

/// Files of a folder that the program reads, and links, which may lead to such.
fn yaml_files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => yaml_files(&path, found),
            Ok(_) if is_yaml => _ = found.insert(path),
            _ => {}
        }
    }
}

fn without_returns(bytes: &[u8]) -> Vec<u8> {
    let is_kept = |place: usize| bytes[place] != b'\r' || bytes.get(place + 1) != Some(&b'\n');
    (0..bytes.len()).filter(|place| is_kept(*place)).map(|place| bytes[place]).collect()
}

/// The name that git gives to a file's content, of so many digits: SHA-1, or SHA-256 in newer repositories.
fn blob_id(bytes: &[u8], digits: usize) -> String {
    let head = format!("blob {}\0", bytes.len());
    let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if digits == 64 {
        use sha2::Digest;
        return hex(&sha2::Sha256::new().chain_update(head).chain_update(bytes).finalize());
    }
    use sha1::Digest;
    hex(&sha1::Sha1::new().chain_update(head).chain_update(bytes).finalize())
}

/// What git says. It reads objects that are there, and starts nothing.
fn git<'a>(program: &OsStr, top: &Path, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<Vec<u8>, Unread> {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"GIT_")) {
        command.env_remove(name);
    }
    command
        .envs([("GIT_ALLOW_PROTOCOL", "none"), ("GIT_NO_LAZY_FETCH", "1"), ("GIT_NO_REPLACE_OBJECTS", "1")])
        .envs([("GIT_OPTIONAL_LOCKS", "0"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_LITERAL_PATHSPECS", "1")])
        .args(["--no-pager", "-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "-C"])
        .arg(top)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(|_| Unread::NoGit)?;
    let said = answer(&mut child);
    if said.is_err() {
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
    said
}

/// What a program writes until it ends, in time and well.
fn answer(child: &mut Child) -> Result<Vec<u8>, Unread> {
    let until = Instant::now() + PATIENCE;
    let output = child.stdout.take().ok_or(Unread::Refused)?;
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let read = output.take(MOST).read_to_end(&mut said);
        // Nobody may be waiting any more.
        let _ = send.send(read.map(|_| said));
    });
    let said = receive.recv_timeout(PATIENCE).map_err(|_| Unread::Slow)?.map_err(|_| Unread::Refused)?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() && (said.len() as u64) < MOST => return Ok(said),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
            Ok(None) => return Err(Unread::Slow),
            _ => return Err(Unread::Refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "89abcdef0123456789abcdef0123456789abcdef";

    fn write(folder: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    fn without_git(root: &Path) -> Result<Option<Checkout>, Unread> {
        look_at(root, &BTreeSet::new(), OsStr::new("/no/such/git"))
    }

    fn look_with_git(root: &Path) -> Result<Option<Checkout>, Unread> {
        look_at(root, &BTreeSet::new(), OsStr::new("git"))
    }

    #[test]
    fn the_commit_is_read_wherever_a_repository_may_keep_it() {
        let line = format!("{COMMIT}\n");
        let packed = format!(
            "# pack-refs with: peeled\n{} refs/heads/other\n{COMMIT} refs/heads/main\n^{COMMIT}\n",
            "0".repeat(40)
        );
        let sha256 = "7".repeat(64);
        let cases: [(&[(&str, &str)], &str); 6] = [
            (&[(".git/HEAD", &line)], COMMIT),
            (&[(".git/HEAD", &sha256)], &sha256),
            (&[(".git/HEAD", "ref: refs/heads/main\n"), (".git/refs/heads/main", &line)], COMMIT),
            (&[(".git/HEAD", "ref: refs/heads/main\n"), (".git/packed-refs", &packed)], COMMIT),
            (
                &[
                    (".git/HEAD", "ref: refs/heads/a\n"),
                    (".git/refs/heads/a", "ref: refs/heads/main"),
                    (".git/packed-refs", &packed),
                ],
                COMMIT,
            ),
            // A worktree: its HEAD is its own, branches are those of the repository.
            (
                &[
                    (".git", "gitdir: of/worktrees/w\n"),
                    ("of/worktrees/w/HEAD", "ref: refs/heads/main\n"),
                    ("of/worktrees/w/commondir", "../..\n"),
                    ("of/refs/heads/main", &line),
                ],
                COMMIT,
            ),
        ];
        for (files, commit) in cases {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), files);
            let found = without_git(folder.path()).unwrap().unwrap();
            assert_eq!(found, Checkout { commit: commit.to_owned(), is_clean: Err(Unread::NoGit) }, "{files:?}");
            // From a folder of it, too.
            write(folder.path(), &[("city/fahrtenbuch.yaml", "")]);
            assert_eq!(without_git(&folder.path().join("city")).unwrap().unwrap().commit, commit);
        }
    }

    #[test]
    fn what_is_no_checkout_is_none_and_what_is_damaged_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(without_git(folder.path()), Ok(None));
        type Files<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Files<'_>, Result<Option<Checkout>, Unread>); 9] = [
            (&[(".git/config", "")], Ok(None)),
            (&[(".git/HEAD", "ref: refs/heads/main\n")], Ok(None)),
            (&[(".git/HEAD", "")], Err(Unread::Damaged)),
            (&[(".git/HEAD", "89abcdef")], Err(Unread::Damaged)),
            (&[(".git/HEAD", "ref: refs/../../secret")], Err(Unread::Damaged)),
            (&[(".git/HEAD", "ref: HEAD")], Err(Unread::Damaged)),
            (&[(".git/HEAD", "ref: refs/heads/a"), (".git/refs/heads/a", "ref: refs/heads/a")], Err(Unread::Damaged)),
            (&[(".git", "gitdir: elsewhere")], Err(Unread::Damaged)),
            (&[(".git/HEAD", "ref: refs/heads/.invalid")], Err(Unread::NoGit)),
        ];
        for (files, expected) in cases {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), files);
            assert_eq!(without_git(folder.path()), expected, "{files:?}");
        }
    }

    fn run_git(root: &Path, arguments: &[&str]) {
        let set = ["-c", "user.name=M. Muster", "-c", "user.email=m@example.de", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").arg("-C").arg(root).args(set).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A repository with a workspace in a folder of it; all is committed.
    fn repository() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("stadt");
        let files = [
            ("fahrtenbuch.yaml", "a: 1\n"),
            ("pipelines/bus.yaml", "b: 1\n"),
            ("schemas/bus/a.odcs.yaml", "c: 1\n"),
            ("schemas/README.md", "d\n"),
            ("data/x.csv", "e\n"),
        ];
        write(&root, &files);
        write(folder.path(), &[(".gitignore", "*.ignored.yaml\n")]);
        run_git(folder.path(), &["init", "--quiet"]);
        run_git(folder.path(), &["add", "."]);
        run_git(folder.path(), &["commit", "--quiet", "-m", "all"]);
        (folder, root)
    }

    #[test]
    fn a_checkout_is_clean_if_its_configuration_is_that_of_the_commit() {
        let is_clean = |root: &Path| look_with_git(root).unwrap().unwrap().is_clean;
        let (_folder, root) = repository();
        assert_eq!(is_clean(&root), Ok(true));
        // What is no configuration may change.
        write(&root, &[("data/x.csv", "other\n"), ("data/new.yaml", ""), ("schemas/note.txt", ""), ("../src.rs", "")]);
        // So may the line ends, which git writes as the machine likes them.
        write(&root, &[("pipelines/bus.yaml", "b: 1\r\n")]);
        assert_eq!(is_clean(&root), Ok(true));
        let changes: [&dyn Fn(&Path); 8] = [
            &|root| write(root, &[("fahrtenbuch.yaml", "a: 2\n")]),
            &|root| write(root, &[("schemas/bus/new.odcs.yaml", "c: 1\n")]),
            &|root| write(root, &[("pipelines/new.ignored.yaml", "c: 1\n")]),
            &|root| std::fs::remove_file(root.join("schemas/bus/a.odcs.yaml")).unwrap(),
            &|root| {
                write(root, &[("pipelines/bus.yaml", "b: 2\n")]);
                run_git(root, &["add", "."]);
            },
            // What git itself would overlook.
            &|root| {
                run_git(root, &["update-index", "--assume-unchanged", "pipelines/bus.yaml"]);
                write(root, &[("pipelines/bus.yaml", "b: 2\n")]);
            },
            &|root| std::os::unix::fs::symlink("/etc", root.join("schemas/link.yaml")).unwrap(),
            &|root| run_git(root, &["rm", "--quiet", "--cached", "fahrtenbuch.yaml"]),
        ];
        for (place, change) in changes.into_iter().enumerate() {
            let (_folder, root) = repository();
            change(&root);
            // What is only taken out of the index is still what the commit has.
            assert_eq!(is_clean(&root), Ok(place == 7), "change {place}");
        }
    }

    #[test]
    fn files_that_the_configuration_names_count_wherever_they_lie() {
        let (folder, root) = repository();
        let (mapping, outside) = (root.join("data/x.csv"), tempfile::NamedTempFile::new().unwrap());
        let look = |path: &Path| look_at(&root, &BTreeSet::from([path]), OsStr::new("git")).unwrap().unwrap().is_clean;
        assert_eq!((look(&mapping), look(outside.path())), (Ok(true), Ok(false)));
        write(&root, &[("data/x.csv", "other\n")]);
        assert_eq!(look(&mapping), Ok(false));
        // A repository around a workspace that it does not have.
        write(folder.path(), &[("other/fahrtenbuch.yaml", "a: 1\n")]);
        assert_eq!(look_with_git(&folder.path().join("other")), Ok(None));
    }

    #[test]
    fn nothing_that_a_repository_wants_to_start_is_started() {
        let (folder, root) = repository();
        let mark = folder.path().join("started");
        let start = format!("touch {} #", mark.display());
        for key in [
            "filter.x.clean",
            "filter.x.smudge",
            "filter.x.process",
            "core.fsmonitor",
            "core.sshCommand",
            "core.pager",
            "diff.external",
        ] {
            run_git(&root, &["config", key, &start]);
        }
        run_git(&root, &["config", "alias.ls-tree", &format!("!{start}")]);
        run_git(&root, &["config", "core.hooksPath", "hooks"]);
        write(folder.path(), &[(".gitattributes", "* filter=x\n"), (".git/info/attributes", "* filter=x\n")]);
        write(&root, &[("pipelines/bus.yaml", "b: 2\n")]);
        assert_eq!(look_with_git(&root).unwrap().unwrap().is_clean, Ok(false));
        // Objects that would have to be fetched.
        run_git(&root, &["config", "core.repositoryFormatVersion", "1"]);
        run_git(&root, &["config", "extensions.partialClone", "origin"]);
        run_git(&root, &["config", "remote.origin.promisor", "true"]);
        run_git(&root, &["config", "remote.origin.url", &format!("ext::sh -c touch% {}", mark.display())]);
        run_git(&root, &["config", "protocol.ext.allow", "always"]);
        for entry in std::fs::read_dir(folder.path().join(".git/objects")).unwrap().flatten() {
            std::fs::remove_dir_all(entry.path()).unwrap();
        }
        assert_eq!(look_with_git(&root).unwrap().unwrap().is_clean, Err(Unread::Refused));
        assert!(!mark.exists());
    }

    #[test]
    fn a_git_that_hangs_is_left_alone_after_a_while() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, root) = repository();
        let program = folder.path().join("slow-git");
        std::fs::write(&program, "#!/bin/sh\nexec sleep 60\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let begin = Instant::now();
        let found = look_at(&root, &BTreeSet::new(), program.as_os_str()).unwrap().unwrap();
        assert_eq!(found.is_clean, Err(Unread::Slow));
        assert!(begin.elapsed() < PATIENCE + Duration::from_secs(5), "{:?}", begin.elapsed());
    }
}
