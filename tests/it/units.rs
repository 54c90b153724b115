//! The files that `fahrtenbuch units` writes, as those who read them see them.

use std::path::Path;
use std::process::{Command, Output};

use crate::world::{World, files, python};

/// All units of a world, below `deploy`, for a program that is there.
fn written() -> World {
    let world = World::new();
    // A folder of data that units can name is one whose parents are there.
    std::fs::create_dir_all(world.path("data/private")).unwrap();
    let said = world.program(&["units", "--program", "/bin/true"]);
    assert!(said.status.success(), "{said:?}");
    world
}

fn text(world: &World, name: &str) -> String {
    std::fs::read_to_string(world.path(name)).unwrap()
}

#[test]
fn units_are_written_once_and_left_alone_unless_forced() {
    let world = written();
    let names: Vec<String> = files(&world.path("deploy")).into_keys().collect();
    assert_eq!(
        names,
        [
            "airflow/fahrtenbuch_dag.py",
            "container/Containerfile",
            "container/compose.yaml",
            "kubernetes/backfill.yaml",
            "kubernetes/schedule.yaml",
            "kubernetes/store.yaml",
            "kubernetes/up.yaml",
            "prometheus/fahrtenbuch.rules.yml",
            "systemd/fahrtenbuch-collect.service",
            "systemd/fahrtenbuch-schedule.service",
            "systemd/fahrtenbuch-schedule.timer",
            "systemd/fahrtenbuch-watch.service",
            "systemd/fahrtenbuch.service",
        ]
    );
    world.write("deploy/systemd/fahrtenbuch.service", "mine\n");
    let said = world.program(&["units", "systemd", "--program", "/bin/true"]);
    let output = String::from_utf8(said.stdout).unwrap();
    assert!(output.contains("fahrtenbuch.service alone\n") && output.contains("'--force'"), "{output}");
    assert!(output.contains("fahrtenbuch-watch.service is as it would be made\n"), "{output}");
    assert!(!output.contains("kubernetes"), "{output}");
    assert_eq!(text(&world, "deploy/systemd/fahrtenbuch.service"), "mine\n");
    let said = world.program(&["units", "systemd", "--program", "/bin/true", "--force"]);
    assert!(String::from_utf8(said.stdout).unwrap().contains("replaced "));
    assert!(text(&world, "deploy/systemd/fahrtenbuch.service").contains("ExecStart=/bin/true up "));
    let said = world.program(&["units", "sytemd"]);
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8(said.stderr).unwrap().contains("systemd, kubernetes, container, airflow, prometheus"));
}

#[test]
fn units_name_the_folders_of_the_workspace_and_nothing_is_left_to_fill_in() {
    let world = World::new();
    world.replace("fahrtenbuch.yaml", "location: data/bucket", "location: data/x/../öffentlich");
    world
        .write("fahrtenbuch.yaml", &(text(&world, "fahrtenbuch.yaml") + "metrics: {textfile: '/var/lib/node 100%'}\n"));
    let said = world.program(&["units", "--program", "/opt/Fahrten buch/$x", "--user", "daten"]);
    assert!(said.status.success(), "{said:?}");
    let workspace = world.path(".").canonicalize().unwrap();
    let service = text(&world, "deploy/systemd/fahrtenbuch.service");
    let lines: Vec<&str> = service.lines().collect();
    for line in [
        "ExecStart=\"/opt/Fahrten buch/$$x\" up --listen 127.0.0.1:9117".to_owned(),
        "User=daten".to_owned(),
        format!("WorkingDirectory={}", workspace.display()),
        format!("ReadWritePaths=-{}/data/private", workspace.display()),
        // What somebody else made there before is the service's, too.
        format!("#   sudo chown -R daten: {0}/data/private {0}/data/öffentlich", workspace.display()),
        format!("ReadWritePaths=-{}/data/öffentlich", workspace.display()),
        "ReadWritePaths=\"-/var/lib/node 100%%\"".to_owned(),
    ] {
        assert!(lines.contains(&line.as_str()), "{line} is not in\n{service}");
    }
    // What the environment must have: the file's owner and mode, and each variable that this workspace names.
    assert!(service.contains("'${NAME}'), so /etc/fahrtenbuch.env is not needed"), "{service}");
    let more = "notify: {heartbeat: {url: 'https://hc.example/${PING_KEY}'}} # ${NONE}\n";
    world.write("fahrtenbuch.yaml", &(text(&world, "fahrtenbuch.yaml") + more));
    let out = world.path("env");
    assert!(world.program(&["units", "systemd", "--to", out.to_str().unwrap()]).status.success());
    let with = text(&world, "env/systemd/fahrtenbuch.service");
    for said in ["chown root:root /etc/fahrtenbuch.env && sudo chmod 0600", "\n#   PING_KEY='…'\n"] {
        assert!(with.contains(said) && !with.contains("NONE"), "{with}");
    }
    let watch = text(&world, "deploy/systemd/fahrtenbuch-watch.service");
    assert!(watch.contains("\nInaccessiblePaths=-") && !watch.contains("ReadWritePaths"), "{watch}");
    for (name, bytes) in files(&world.path("deploy")) {
        let text = String::from_utf8(bytes).unwrap();
        let places: Vec<&str> = text.split('@').skip(1).step_by(2).collect();
        let left =
            places.iter().any(|place| !place.is_empty() && place.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
        assert!(!left, "{name}:\n{text}");
        // Two empty lines stand where a value is empty, or between functions of Python.
        let is_whole = text.ends_with('\n') && (name.ends_with(".py") || !text.contains("\n\n\n"));
        assert!(is_whole && text.lines().all(|line| line == line.trim_end()), "{name}:\n{text}");
    }
    let dag = text(&world, "deploy/airflow/fahrtenbuch_dag.py");
    assert!(dag.contains("\"/opt/Fahrten buch/$x\")"), "{dag}");
    // Where the stores lie elsewhere, containers have to be told.
    world.replace("fahrtenbuch.yaml", "private: data/private", "private: elsewhere/private");
    let said = world.program(&["units", "container", "--to", "/dev/null/x"]);
    assert_eq!(said.status.code(), Some(1));
    let said = world.program(&["units", "container", "--to", &world.path("out").display().to_string()]);
    let told = String::from_utf8(said.stderr).unwrap();
    assert!(told.contains("elsewhere/private is not below data/"), "{told}");
}

/// The exit codes of which the table in `--help` says so.
fn codes(of: &[&str]) -> String {
    let help = String::from_utf8(World::new().program(&["--help"]).stdout).unwrap();
    let is_code = |line: &&str| of.iter().any(|what| line.contains(what));
    let table = help.split_once("Exit codes:").unwrap().1;
    let codes: Vec<&str> = table.lines().filter(is_code).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(codes.len(), of.len(), "{help}");
    codes.join(", ")
}

#[test]
fn units_go_by_the_one_table_of_exit_codes() {
    let world = written();
    let (usage, held, permanent) = ("wrong use", "held back", "will not succeed");
    let stop = codes(&[usage, held, permanent]);
    assert!(text(&world, "deploy/kubernetes/schedule.yaml").contains(&format!("values: [{stop}]")));
    let backfill = text(&world, "deploy/kubernetes/backfill.yaml");
    assert!(backfill.contains(&format!("values: [{}]", codes(&[usage]))), "{backfill}");
    assert!(backfill.contains(&format!("values: [{}]", codes(&[held, permanent]))), "{backfill}");
    for unit in ["fahrtenbuch", "fahrtenbuch-collect", "fahrtenbuch-watch"] {
        let service = text(&world, &format!("deploy/systemd/{unit}.service"));
        assert!(
            service.contains(&format!("\nRestartPreventExitStatus={}\n", codes(&[usage, permanent]).replace(',', "")))
        );
    }
    // The dates of the example are as many as it has indexes.
    assert!(backfill.contains("\"2026-10-28\", --to, \"2026-11-26\", --slice, $(INDEX)/30]"), "{backfill}");
    assert!(backfill.contains("completions: 30\n"), "{backfill}");
}

#[test]
fn a_slice_of_a_range_runs_its_dates_alone() {
    let world = World::new();
    let run = |slice: &str| {
        let range =
            ["run", "stadtbus-telemetrie", "--from", "2026-11-23", "--to", "2026-11-25", "--json", "--slice", slice];
        let said = world.program(&range);
        assert!(said.status.success(), "{said:?}");
        let results: Vec<serde_json::Value> = serde_json::from_slice(&said.stdout).unwrap();
        results.iter().map(|result| result["date"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(run("0/3"), ["2026-11-23"]);
    assert_eq!(run("4/5"), [""; 0]);
    assert_eq!(world.program(&["run", "--slice", "0/3"]).status.code(), Some(2));
    let said = world.program(&["run", "--from", "2026-11-23", "--to", "2026-11-25", "--slice", "3/3"]);
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8(said.stderr).unwrap().contains("INDEX/COUNT"));
}

fn analyze(arguments: &[&str], files: &[&Path]) -> Output {
    Command::new("systemd-analyze").args(arguments).args(files).env("LC_ALL", "C").output().unwrap()
}

#[test]
#[cfg_attr(not(systemd), ignore = "needs systemd-analyze, which ./test sets up")]
fn systemd_finds_no_fault_in_the_units_and_little_exposure() {
    let world = written();
    let mut units: Vec<_> =
        files(&world.path("deploy/systemd")).into_keys().map(|name| world.path("deploy/systemd").join(name)).collect();
    let paths: Vec<&Path> = units.iter().map(std::path::PathBuf::as_path).collect();
    let said = analyze(&["verify", "--man=no", "--recursive-errors=no"], &paths);
    assert!(said.status.success() && said.stderr.is_empty(), "{}", String::from_utf8_lossy(&said.stderr));
    units.retain(|path| path.extension().is_some_and(|extension| extension == "service"));
    assert_eq!(units.len(), 4);
    for unit in &units {
        let said = analyze(&["security", "--offline=true", "--threshold=30", "--no-pager"], &[unit]);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    }
    // It would find one.
    world.replace("deploy/systemd/fahrtenbuch.service", "ExecStart=/bin/true", "ExecStart=/bin/absent");
    assert!(!analyze(&["verify", "--man=no"], &[&world.path("deploy/systemd/fahrtenbuch.service")]).status.success());
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn kubernetes_and_compose_files_are_valid_and_pods_are_confined() {
    let world = written();
    let said = python("validate_units.py", &[&world.path("deploy").display().to_string()]);
    assert!(
        said.status.success(),
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn the_dag_of_airflow_runs_what_is_due_and_tries_again_only_where_that_helps() {
    let world = written();
    let said = python("airflow_dag.py", &[&world.path("deploy/airflow/fahrtenbuch_dag.py").display().to_string()]);
    assert!(
        said.status.success(),
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
}
