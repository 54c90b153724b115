//! `fahrtenbuch units`

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::exit::Exit;
use crate::cli::opened::read_outline;
use crate::publish::bucket;
use crate::time::ServiceDate;
use crate::units::{Kind, Place, Written, files, next_steps, variables, write};
use crate::workspace::outline::Needs;
use crate::workspace::{self, Workspace};

/// Dates of the example of a backfill.
const BACKFILL: i32 = 30;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch units                          all of them, into deploy/
  fahrtenbuch units systemd --to /tmp/units
  fahrtenbuch units kubernetes container --force

Writes what starts this program elsewhere: services and a timer for systemd, manifests for Kubernetes (a
Deployment, a CronJob, an Indexed Job for many dates), a Containerfile and a compose file, a DAG for
Airflow 3, and alert rules for Prometheus. They hold the paths of this workspace, and no secret.
Existing files are left alone.")]
pub(super) struct Arguments {
    /// What to write; all if none is given
    #[arg(value_name = "KIND", value_parser = kind)]
    kinds: Vec<Kind>,
    /// The folder to write into [default: deploy/ in the workspace]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
    /// The program that the services start [default: this one]
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// The user that services of systemd run as
    #[arg(long, value_name = "NAME", default_value = "fahrtenbuch", value_parser = user)]
    user: String,
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.into_iter().map(Kind::name).collect();
        format!("there are {}", names.join(", "))
    })
}

/// The name of a user as `useradd` takes it.
fn user(text: &str) -> Result<String, String> {
    let is_name = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.len() <= 31
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c));
    if is_name { Ok(text.to_owned()) } else { Err("expected small letters, digits, '_' and '-'".to_owned()) }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    match units(root, arguments) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn units(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    let workspace = read_outline(root, Needs::Stores)?;
    let of_error = |error: &dyn std::fmt::Display| {
        eprintln!("error: {error}");
        Exit::Transient
    };
    let place = place(root, &workspace, arguments).map_err(|error| of_error(&error))?;
    let place = place.checked().map_err(|error| {
        eprintln!("error: {error}");
        Exit::Usage
    })?;
    let mut kinds = if arguments.kinds.is_empty() { Kind::ALL.to_vec() } else { arguments.kinds.clone() };
    kinds.sort();
    kinds.dedup();
    let mut left = 0;
    for kind in &kinds {
        for file in files(*kind, &place) {
            let shown = place.to.join(&file.path);
            match write(&place.to, &file, arguments.force).map_err(|error| of_error(&error))? {
                Written::New => println!("made {}", shown.display()),
                Written::Replaced => println!("replaced {}", shown.display()),
                Written::Same => println!("{} is as it would be made", shown.display()),
                Written::LeftAlone => {
                    left += 1;
                    println!("left {} alone", shown.display());
                }
            }
        }
    }
    if left > 0 {
        let (are, them) = if left == 1 { ("is another file", "it") } else { ("are other files", "them") };
        println!("{left} of them {are} than would be made; '--force' replaces {them}.");
    }
    warn(&kinds, &place);
    for kind in &kinds {
        println!("Next, for {}: {}", kind.name(), next_steps(*kind, &place));
    }
    Ok(Exit::Done)
}

/// Tells what of the workspace does not fit where it is to run.
fn warn(kinds: &[Kind], place: &Place) {
    let temporary = ["/tmp", "/var/tmp"];
    let is_temporary = |path: &Path| temporary.iter().any(|folder| path.starts_with(folder));
    if kinds.contains(&Kind::Systemd) {
        for path in [&place.workspace, &place.private, &place.program].into_iter().filter(|path| is_temporary(path)) {
            eprintln!(
                "warning: services of systemd have folders of their own in the place of /tmp and /var/tmp, so they do not see {}. Move it, \
                 as to /srv or /usr/local/bin, and write the units anew{}.",
                path.display(),
                if *path == place.program { " ('--program' names the program that the services start)" } else { "" }
            );
        }
    }
    if kinds.iter().any(|kind| matches!(kind, Kind::Kubernetes | Kind::Container)) {
        for folder in place.outside_data() {
            eprintln!(
                "warning: {} is not below data/ of the workspace, which is what containers keep. Mount it, too.",
                folder.display()
            );
        }
    }
}

/// The program by the path by which it was called: where that is a link, an upgrade changes the link.
fn called(name: Option<OsString>, path: Option<OsString>, program: PathBuf) -> PathBuf {
    let Some(name) = name.map(PathBuf::from) else { return program };
    let candidates: Vec<PathBuf> = match name.components().count() {
        0 => Vec::new(),
        1 => path.iter().flat_map(std::env::split_paths).map(|folder| folder.join(&name)).collect(),
        _ => vec![name],
    };
    let target = program.canonicalize().unwrap_or_else(|_| program.clone());
    let is_it = |candidate: &PathBuf| candidate.canonicalize().is_ok_and(|other| other == target);
    let found = candidates.into_iter().find(is_it).and_then(|candidate| std::path::absolute(candidate).ok());
    found.unwrap_or(program)
}

fn place(root: &Path, workspace: &Workspace, arguments: &Arguments) -> std::io::Result<Place> {
    let program = match &arguments.program {
        Some(program) => std::path::absolute(program)?,
        None => called(std::env::args_os().next(), std::env::var_os("PATH"), std::env::current_exe()?),
    };
    let base = root.canonicalize()?;
    // What lies below the workspace does so by the path without links, too.
    let absolute = |path: &Path| match path.strip_prefix(root) {
        Ok(inside) => Ok(base.join(inside)),
        Err(_) => std::path::absolute(path),
    };
    let local = |location: &str| bucket::local_folder(location).ok().flatten();
    let bucket = local(&workspace.bucket);
    let evidence = workspace.evidence.as_ref().and_then(|remote| local(remote.location()));
    let others: std::io::Result<Vec<PathBuf>> = bucket.iter().chain(&evidence).map(|folder| absolute(folder)).collect();
    let textfile = workspace.metrics.textfile.as_ref().and_then(|file| file.parent());
    let today = ServiceDate::local_date_of(crate::time::now(), &workspace.zone);
    Ok(Place {
        private: absolute(&workspace.private)?,
        others: others?,
        textfile: textfile.map(absolute).transpose()?,
        program,
        user: arguments.user.clone(),
        variables: variables(&root.join(workspace::FILE), &root.join("pipelines")),
        memory: workspace.memory,
        to: match &arguments.to {
            Some(to) => std::path::absolute(to)?,
            None => base.join("deploy"),
        },
        dates: (today.plus_days(-BACKFILL), today.plus_days(-1)),
        workspace: base,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_start_the_program_by_the_link_by_which_it_was_called() {
        let folder = tempfile::tempdir().unwrap();
        let (program, link) = (folder.path().join("fahrtenbuch-1.0"), folder.path().join("fahrtenbuch"));
        std::fs::write(&program, "").unwrap();
        std::os::unix::fs::symlink(&program, &link).unwrap();
        let other = folder.path().join("other");
        std::fs::write(&other, "").unwrap();
        let path = Some(folder.path().as_os_str().to_owned());
        let of = |name: &std::path::Path, path: Option<OsString>| called(Some(name.into()), path, program.clone());
        assert_eq!(of(&link, None), link);
        assert_eq!(of(Path::new("fahrtenbuch"), path.clone()), link);
        // Something else of that name is not it.
        assert_eq!(of(Path::new("other"), path), program);
        assert_eq!(of(&other, None), program);
    }
}
