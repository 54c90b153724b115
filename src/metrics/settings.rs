//! `metrics:` of `fahrtenbuch.yaml`.

use std::path::{Path, PathBuf};

use crate::yaml::{Node, Problems};

const KEYS: &[&str] = &["textfile"];
/// The file in the folder that is configured.
const FILE: &str = "fahrtenbuch.prom";

/// Where metrics go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The file that the node exporter reads; it ends with `.prom`, as that program wants it.
    pub textfile: Option<PathBuf>,
}

impl Settings {
    /// Reads `metrics:` of the configuration, whose root is `node`, of a workspace at `root`.
    pub(crate) fn read(root: &Path, node: &Node, problems: &mut Problems) -> Self {
        let Some(map) = node.get("metrics") else { return Self::default() };
        let remedy = "Write the folder that the node exporter reads: 'textfile: /var/lib/prometheus/node-exporter'.";
        if map.pairs().is_empty() {
            problems.add(map.line, format!("'metrics' is {}, expected a map", map.kind()), remedy);
            return Self::default();
        }
        map.only_keys(KEYS, problems);
        let Some(textfile) = map.get("textfile") else { return Self::default() };
        let path = textfile.text().map(str::trim).filter(|text| !text.is_empty() && !text.contains(char::is_control));
        let Some(path) = path.filter(|path| !path.contains("://")) else {
            problems.add(textfile.line, "'textfile' is no path of this machine", remedy);
            return Self::default();
        };
        let path = root.join(path);
        let is_file = path.extension().is_some_and(|extension| extension == "prom");
        Self { textfile: Some(if is_file { path } else { path.join(FILE) }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Settings, Vec<String>) {
        let file = Path::new("fahrtenbuch.yaml");
        let mut problems = Problems::new(file);
        let settings = Settings::read(Path::new("/city"), &crate::yaml::parse(file, text).unwrap(), &mut problems);
        (settings, problems.found.iter().map(|problem| format!("{} {}", problem.line, problem.message)).collect())
    }

    #[test]
    fn a_folder_or_a_file_of_it_is_configured() {
        let textfile = |text: &str| read(text).0.textfile.map(|path| path.display().to_string());
        assert_eq!(textfile("title: T\n"), None);
        let file = textfile("metrics: {textfile: /var/lib/node}\n");
        assert_eq!(file.as_deref(), Some("/var/lib/node/fahrtenbuch.prom"));
        assert_eq!(textfile("metrics: {textfile: out/city.prom}\n").as_deref(), Some("/city/out/city.prom"));
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        assert_eq!(read("title: T\nmetrics:\n").1, ["2 'metrics' is nothing, expected a map"]);
        assert_eq!(read("metrics:\n  textfile: s3://a/b\n").1, ["2 'textfile' is no path of this machine"]);
        assert_eq!(read("metrics:\n  textfile: []\n").1, ["2 'textfile' is no path of this machine"]);
        assert!(read("metrics:\n  textfil: /a\n").1[0].starts_with("2 "));
    }
}
