//! The environment variables that the files of a workspace name: a service needs their values.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::yaml::{self, Node, Value};

/// What the library of S3 reads where a file names no keys.
const OF_S3: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// The option by which a section names keys of its own.
const KEY_ID: &str = "access_key_id";

/// The variables of `${NAME}` in a workspace's `fahrtenbuch.yaml` and in the files of its folder of pipelines, and those of S3 where
/// a store lies there.
pub fn variables(configuration: &Path, pipelines: &Path) -> BTreeSet<String> {
    let pipelines = fs::read_dir(pipelines).into_iter().flatten().flatten().map(|entry| entry.path());
    let pipelines = pipelines.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let files = std::iter::once(configuration.to_owned()).chain(pipelines);
    files.filter_map(|file| crate::durable::read_to_string(&file).ok()).flat_map(|text| of_text(&text)).collect()
}

fn of_text(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let lines = text.lines().map(|line| match line.trim_start().starts_with('#') {
        true => "",
        false => line.split_once(" #").map_or(line, |(line, _)| line),
    });
    for line in lines {
        let names = line.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
        found.extend(names.filter(|name| is_name(name)).map(str::to_owned));
    }
    let node = yaml::parse(Path::new(""), text).ok();
    if node.is_some_and(|node| names_s3_without_keys(&node)) {
        found.extend(OF_S3.map(str::to_owned));
    }
    found
}

/// Whether a store or a source lies in S3, and neither its section nor one in it names its keys.
fn names_s3_without_keys(node: &Node) -> bool {
    match &node.value {
        Value::List(items) => items.iter().any(names_s3_without_keys),
        Value::Map(entries) => {
            let is_in_s3 = entries.iter().any(|(_, value)| value.text().is_some_and(|text| text.starts_with("s3://")));
            (is_in_s3 && !has_keys(node)) || entries.iter().any(|(_, value)| names_s3_without_keys(value))
        }
        _ => false,
    }
}

fn has_keys(node: &Node) -> bool {
    match &node.value {
        Value::Map(entries) => entries.iter().any(|(key, value)| key.text() == Some(KEY_ID) || has_keys(value)),
        _ => false,
    }
}

fn is_name(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    name.starts_with(|letter: char| !letter.is_ascii_digit()) && name.chars().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_those_of_the_files_and_not_of_their_comments() {
        let names = |text: &str| of_text(text).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(names("a: '${B}/${A_1}' # ${C}\n  # x: '${D}'\n#${E}\nb: 'x#${F}' ${}\n"), "A_1 B F");
        assert_eq!(names("bucket:\n  location: s3://a/b\n"), "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY");
        assert_eq!(names("location: s3://a/b\noptions: {access_key_id: '${KEY}'}\n"), "KEY");
        // One store names its keys, and the other one does not.
        let backup = "backup:\n  location: s3://c/d\n";
        let bucket = "bucket:\n  location: s3://a/b\n  options: {access_key_id: '${KEY}'}\n";
        assert_eq!(names(&format!("{bucket}{backup}")), "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY KEY");
        assert_eq!(names("sources:\n  - {name: a, url: s3://a/b}\n"), "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY");
        assert_eq!(names("# s3://a/b\na: a text of s3://\n"), "");
        assert_eq!((names("a: ${1}\nb: ${a b}\n"), names("")), (String::new(), String::new()));
    }
}
