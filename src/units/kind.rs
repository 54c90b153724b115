//! The kinds of units, and what files each has.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::units::place::Place;
use crate::units::template::{filled, json, shell, systemd, systemd_command};

/// Memory that a run needs beside what it may hold, MiB.
const BESIDE: usize = 256;

/// Who starts the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Systemd,
    Kubernetes,
    Container,
    Airflow,
    Prometheus,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Systemd, Self::Kubernetes, Self::Container, Self::Airflow, Self::Prometheus];

    /// Its name, which is that of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Kubernetes => "kubernetes",
            Self::Container => "container",
            Self::Airflow => "airflow",
            Self::Prometheus => "prometheus",
        }
    }

    fn templates(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Systemd => &[
                ("fahrtenbuch.service", include_str!("templates/systemd/fahrtenbuch.service")),
                ("fahrtenbuch-collect.service", include_str!("templates/systemd/fahrtenbuch-collect.service")),
                ("fahrtenbuch-schedule.service", include_str!("templates/systemd/fahrtenbuch-schedule.service")),
                ("fahrtenbuch-schedule.timer", include_str!("templates/systemd/fahrtenbuch-schedule.timer")),
                ("fahrtenbuch-watch.service", include_str!("templates/systemd/fahrtenbuch-watch.service")),
            ],
            Self::Kubernetes => &[
                ("store.yaml", include_str!("templates/kubernetes/store.yaml")),
                ("up.yaml", include_str!("templates/kubernetes/up.yaml")),
                ("schedule.yaml", include_str!("templates/kubernetes/schedule.yaml")),
                ("backfill.yaml", include_str!("templates/kubernetes/backfill.yaml")),
            ],
            Self::Container => &[
                ("Containerfile", include_str!("templates/container/Containerfile")),
                ("compose.yaml", include_str!("templates/container/compose.yaml")),
            ],
            Self::Airflow => &[("fahrtenbuch_dag.py", include_str!("templates/airflow/fahrtenbuch_dag.py"))],
            Self::Prometheus => &[("fahrtenbuch.rules.yml", RULES)],
        }
    }
}

/// The alert rules, which name nothing of a workspace.
const RULES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus/fahrtenbuch.rules.yml"));

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFile {
    /// Below the folder of all units: `systemd/fahrtenbuch.service`.
    pub path: PathBuf,
    pub text: String,
}

/// The files of a kind.
pub fn files(kind: Kind, place: &Place) -> Vec<UnitFile> {
    if kind == Kind::Prometheus {
        let file = |(name, text): &(&str, &str)| UnitFile {
            path: PathBuf::from(kind.name()).join(name),
            text: (*text).to_owned(),
        };
        return kind.templates().iter().map(file).collect();
    }
    let values = match kind {
        Kind::Systemd => of_systemd(place),
        Kind::Kubernetes => of_kubernetes(place),
        Kind::Container => of_container(place),
        Kind::Airflow => vec![
            ("PROGRAM_PY", json(&place.program.to_string_lossy())),
            ("WORKSPACE_PY", json(&place.workspace.to_string_lossy())),
        ],
        Kind::Prometheus => Vec::new(),
    };
    let file = |(name, template): &(&str, &str)| UnitFile {
        path: PathBuf::from(kind.name()).join(name),
        text: filled(template, &values),
    };
    kind.templates().iter().map(file).collect()
}

fn of_systemd(place: &Place) -> Vec<(&'static str, String)> {
    let workspace = place.workspace.to_string_lossy();
    let textfile = place.textfile.iter();
    let writable: Vec<String> =
        // A folder that is not there is told by the program, in clearer words than systemd has.
        place.stores().chain(textfile).map(|folder| format!("ReadWritePaths={}", systemd(&format!("-{}", folder.display())))).collect();
    let in_home = |path: &PathBuf| ["/home", "/root", "/run/user"].iter().any(|home| path.starts_with(home));
    let is_in_home = [&place.workspace, &place.program].into_iter().chain(place.stores()).any(in_home);
    let sandbox = |writable: String| {
        let values = [
            ("USER", place.user.clone()),
            ("WORKSPACE_RAW", workspace.replace('%', "%%")),
            ("WORKSPACE_ENV", systemd(&format!("FAHRTENBUCH_WORKSPACE={workspace}"))),
            ("WRITABLE", writable),
            ("PROTECT_HOME", if is_in_home { "read-only" } else { "yes" }.to_owned()),
        ];
        filled(include_str!("templates/systemd/sandbox.conf"), &values)
    };
    let unseen = format!("InaccessiblePaths={}", systemd(&format!("-{}", place.private.display())));
    let make_others: Vec<String> = (place.others.iter())
        .map(|folder| format!("\n#   sudo install -d -o {0} -g {0} -m 0755 {1}", place.user, shell(folder)))
        .collect();
    vec![
        ("SANDBOX", sandbox(writable.join("\n"))),
        ("WATCH_SANDBOX", sandbox(unseen)),
        ("PROGRAM", systemd_command(&place.program)),
        ("USER", place.user.clone()),
        ("WORKSPACE_SHELL", shell(&place.workspace)),
        ("PRIVATE_SHELL", shell(&place.private)),
        ("MAKE_OTHERS", make_others.concat()),
        ("STORES_SHELL", place.stores().map(|folder| shell(folder)).collect::<Vec<_>>().join(" ")),
        ("VARIABLES", of_variables(&place.variables)),
        ("TO", place.to_shown()),
    ]
}

/// How the file of the variables is made, as lines of a comment.
fn of_variables(variables: &BTreeSet<String>) -> String {
    if variables.is_empty() {
        return "# The workspace's files name no variable ('${NAME}'), so /etc/fahrtenbuch.env is not needed."
            .to_owned();
    }
    let lines = variables.iter().map(|name| format!("\n#   {name}='…'"));
    let head = "# Now /etc/fahrtenbuch.env, which is root's (mode 0600) and read by systemd before it becomes the user,\n\
                # with the variables that the workspace's files name, a line each:\n#\n\
                #   sudo touch /etc/fahrtenbuch.env\n\
                #   sudo chown root:root /etc/fahrtenbuch.env && sudo chmod 0600 /etc/fahrtenbuch.env\n\
                #   sudoedit /etc/fahrtenbuch.env\n#";
    head.to_owned() + &lines.collect::<String>()
}

fn of_kubernetes(place: &Place) -> Vec<(&'static str, String)> {
    let (from, to) = place.dates;
    let memory = (place.memory >> 20).saturating_add(BESIDE);
    let container = filled(include_str!("templates/kubernetes/container.yaml"), &[("MEMORY", memory.to_string())]);
    vec![
        ("POD", include_str!("templates/kubernetes/pod.yaml").to_owned()),
        ("CONTAINER", container),
        ("FROM", from.to_string()),
        ("TO", to.to_string()),
        ("COUNT", (to.days_since_epoch() - from.days_since_epoch() + 1).to_string()),
        ("FOLDER", place.to_shown()),
    ]
}

fn of_container(place: &Place) -> Vec<(&'static str, String)> {
    let folder = place.to.join(Kind::Container.name());
    // Of a folder in the workspace, the way back to it.
    let (context, containerfile) = match folder.strip_prefix(&place.workspace) {
        Ok(inside) => (vec![".."; inside.components().count()].join("/"), inside.join("Containerfile")),
        Err(_) => (place.workspace.to_string_lossy().into_owned(), folder.join("Containerfile")),
    };
    let has_mappings = place.workspace.join("mappings").is_dir();
    let copy = format!(
        "COPY fahrtenbuch.yaml /workspace/\nCOPY pipelines /workspace/pipelines\nCOPY schemas /workspace/schemas\n\
         # What else these files name, as mappings or the service area; never the data.\n{}COPY mappings /workspace/mappings\n",
        if has_mappings { "" } else { "# " }
    );
    vec![
        ("COPY_WORKSPACE", copy),
        ("CONTEXT", json(&context)),
        ("CONTAINERFILE", json(&containerfile.to_string_lossy())),
        ("TO", place.to_shown()),
    ]
}

/// The commands with which a person goes on after the files of a kind were written.
pub fn next_steps(kind: Kind, place: &Place) -> String {
    let folder = shell(&place.to.join(kind.name()));
    match kind {
        Kind::Systemd => format!("read the first lines of {folder}/fahrtenbuch.service, which say how to install it"),
        Kind::Kubernetes => format!("kubectl apply -f {folder}/store.yaml -f {folder}/up.yaml"),
        Kind::Container => format!("docker compose -f {folder}/compose.yaml up -d"),
        Kind::Airflow => format!("cp {folder}/fahrtenbuch_dag.py \"$AIRFLOW_HOME/dags/\""),
        Kind::Prometheus => format!("promtool check rules {folder}/fahrtenbuch.rules.yml"),
    }
}
