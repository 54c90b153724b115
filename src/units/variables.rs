//! The environment variables that the files of a workspace name: a service needs their values.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What the library of S3 reads where a file names no keys.
const OF_S3: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

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
        if line.contains("s3://") && !text.contains("access_key_id:") {
            found.extend(OF_S3.map(str::to_owned));
        }
    }
    found
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
        assert_eq!(names("location: s3://a/b\naccess_key_id: '${KEY}'\n"), "KEY");
        assert_eq!((names("a: ${1}\nb: ${a b}\n"), names("")), (String::new(), String::new()));
    }
}
