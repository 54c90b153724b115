//! Where output goes: a reader that is gone, a disk that is full, and files that a user named.

use std::fs::File;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::attempts::ends;
use crate::schedule::City;
use crate::world::{World, files};

const LOG: &str = "data/private/schedule/log.jsonl";
const RUN: [&str; 4] = ["run", "stadtbus-telemetrie", "--date", "2026-11-24"];

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The end of a pipe whose reader is gone.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// What never has room.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// The same command, whose standard error is closed.
fn without_errors(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$@\" 2>&-", "sh"]).arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

/// Attempts that begun, and those that ended, by the log.
fn attempts(world: &World) -> (usize, usize) {
    let log = std::fs::read_to_string(world.path(LOG)).unwrap();
    (log.matches("\"begun\"").count(), log.matches("\"outcome\"").count())
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_run_ends_by_what_became_of_it_whoever_reads_what_it_says() {
    let world = World::new();
    let run = |more: &[&str]| {
        let mut command = world.command();
        command.args(RUN).args(more);
        command
    };
    assert_eq!(run(&[]).stdout(closed()).output().unwrap().status.code(), Some(0));
    let published = world.tables();
    assert!(published.keys().any(|name| name.ends_with(".parquet")), "{:?}", published.keys());
    let output = run(&["--json"]).stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("warning: the output could not be written: No space left"), "{}", told(&output));
    // The log of the program, too, which is long with -vvv.
    assert_eq!(run(&["-vvv"]).stdout(full()).stderr(full()).status().unwrap().code(), Some(0));
    assert_eq!(run(&["-vvv", "--log-format", "json"]).stderr(closed()).output().unwrap().status.code(), Some(0));
    assert_eq!(without_errors(&run(&["-vvv"])).output().unwrap().status.code(), Some(0));
    assert_eq!(world.tables(), published);
    // An error is told by the exit code alone then.
    let absent = |errors: Stdio| {
        let mut command = world.command();
        command.args(["run", "stadtbus-telemetrie", "--date", "2025-01-01"]).stderr(errors);
        command.output().unwrap().status.code()
    };
    assert_eq!([absent(full()), absent(closed())], [Some(42), Some(42)]);
    // An attempt has its end.
    assert_eq!(run(&["--attempt"]).stdout(closed()).stderr(full()).status().unwrap().code(), Some(0));
    assert_eq!(attempts(&world), (1, 1));
}

#[test]
fn what_a_scheduler_begins_has_its_end_in_the_log_whoever_reads_what_it_says() {
    let city = City::new(2, "2026-11-22", 1);
    let mut command = city.at("2026-11-23T12:00:00Z");
    let output = command.args(["schedule", "--once"]).stdout(closed()).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    city.is_released_once();
    assert_eq!(attempts(&city.world), (2, 2));
}

#[test]
fn a_command_that_only_prints_fails_where_the_disk_is_full_and_ends_quietly_where_the_reader_is_gone() {
    let world = World::new();
    world.run();
    let feed = world.path("data/sample/stadtbus-gtfs.zip").to_string_lossy().into_owned();
    for arguments in [
        &["plan", "--json"][..],
        &["plan"],
        &["status"],
        &["status", "--json"],
        &["check"],
        &["check", "--json"],
        &["rules", "list"],
        &["rules", "explain", "E018"],
        &["quality", "report"],
        &["quality", "report", "--format", "html"],
        &["quality", "results", "stadtbus-telemetrie", "--format", "junit"],
        &["quarantine", "list"],
        &["decisions", "list"],
        &["evidence", "list"],
        &["notify", "list"],
        &["publish", "--rebuild", "--dry-run"],
        &["get", "data/bucket"],
        &["validate", &feed, "--date", "2026-11-24", "--format", "json"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        let run = |out: Stdio| {
            let mut command = world.command();
            command.current_dir(world.path("")).args(arguments).stdout(out).output().unwrap()
        };
        let usual = run(Stdio::piped());
        assert!(!usual.stdout.is_empty(), "{arguments:?}: {}", told(&usual));
        let gone = run(closed());
        assert_eq!(
            (gone.status.code(), told(&gone)),
            (usual.status.code(), String::from_utf8_lossy(&usual.stderr).into_owned()),
            "{arguments:?}"
        );
        let lost = run(full());
        let expected = usual.status.code().unwrap().max(1);
        assert_eq!(lost.status.code(), Some(expected), "{arguments:?}: {}", told(&lost));
        let said = "error: the output could not be written: No space left";
        assert!(told(&lost).contains(said), "{arguments:?}: {}", told(&lost));
    }
}

#[test]
fn a_file_that_is_named_replaces_a_file_and_nothing_else() {
    let world = World::new();
    world.run();
    let at = |name: &str| world.path("named").join(name);
    world.write("named/file", "old");
    std::fs::create_dir(at("folder")).unwrap();
    pipe(&at("pipe"));
    symlink(at("nothing"), at("dangling")).unwrap();
    // What /dev/stdout is.
    symlink("/proc/self/fd/1", at("stdout")).unwrap();
    let page = |arguments: &[&str], name: &str| {
        let mut command = world.command();
        command.args(arguments).arg(at(name));
        command
    };
    for arguments in [&["status", "--html"][..], &["quality", "report", "--format", "html", "--output"]] {
        std::fs::write(at("file"), "old").unwrap();
        let _ = std::fs::remove_file(at("link"));
        symlink(at("file"), at("link")).unwrap();
        for (name, said) in
            [("folder", "it is a folder"), ("pipe", "it is a pipe that nobody reads"), ("dangling", "leads to nothing")]
        {
            let output = ends(page(arguments, name));
            assert_eq!(output.status.code(), Some(2), "{arguments:?} {name}: {}", told(&output));
            let path = at(name).display().to_string();
            assert!(told(&output).contains(&path) && told(&output).contains(said), "{name}: {}", told(&output));
        }
        let output = page(arguments, "stdout").output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && out.contains("<!DOCTYPE html>") && out.contains("</html>"), "{out}");
        assert!(page(arguments, "link").output().unwrap().status.success());
        assert!(at("link").is_symlink() && at("stdout").is_symlink() && at("dangling").is_symlink());
        assert!(std::fs::read_to_string(at("file")).unwrap().starts_with("<!DOCTYPE html>"));
        assert!(std::fs::symlink_metadata(at("pipe")).unwrap().file_type().is_fifo());
    }
    // A file that the shell has opened for standard output is not replaced while it is written.
    let mut command = world.command();
    command.args(["status", "--html"]).arg(at("stdout")).stdout(File::create(at("both")).unwrap());
    assert!(command.status().unwrap().success());
    let both = std::fs::read_to_string(at("both")).unwrap();
    assert!(both.starts_with("<!DOCTYPE html>") && both.contains("Collector: "), "{both}");
    assert!(!files(&at("")).keys().any(|name| name.ends_with(".tmp")));
}

#[test]
fn an_export_a_capture_and_units_are_written_into_no_pipe() {
    let world = World::new();
    world.replace("pipelines/stadtbus-telemetrie.yaml", "data/sample/evidence", "data/private/evidence");
    std::fs::create_dir_all(world.path("data/private")).unwrap();
    std::fs::rename(world.path("data/sample/evidence"), world.path("data/private/evidence")).unwrap();
    std::fs::create_dir(world.path("named")).unwrap();
    let path = world.path("named/pipe");
    pipe(&path);
    let path = path.to_str().unwrap();
    for arguments in [
        &["evidence", "export", "stadtbus-vehicle-positions", "--output", path][..],
        &["evidence", "show", "stadtbus-vehicle-positions", "2026-11-24T10:00:00Z", "--output", path],
    ] {
        let mut command = world.command();
        command.args(arguments);
        let output = ends(command);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", told(&output));
        assert!(told(&output).contains("is there already. Name a new file."), "{}", told(&output));
    }
    let folder = world.path("units").to_string_lossy().into_owned();
    let units = ["units", "systemd", "--to", &folder, "--force"];
    let written = world.program(&units);
    assert!(written.status.success(), "{}", told(&written));
    let name = files(&world.path("units")).into_keys().next().unwrap();
    let unit = world.path("units").join(name);
    std::fs::remove_file(&unit).unwrap();
    pipe(&unit);
    let mut command = world.command();
    command.args(units);
    let output = ends(command);
    assert!(!output.status.success() && told(&output).contains("it is a pipe, and no file"), "{}", told(&output));
    assert!(std::fs::symlink_metadata(&unit).unwrap().file_type().is_fifo());
}
