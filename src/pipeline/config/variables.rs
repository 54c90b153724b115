//! Environment variables in texts of a pipeline's file.

use crate::yaml::Problems;

/// A text in which `${NAME}` stands for an environment variable, so that keys need not stand in the file, and what the
/// variables gave. `None` if one is not set, which is told.
pub(super) fn with_variables(text: &str, line: u32, problems: &mut Problems) -> Option<(String, Vec<String>)> {
    let (mut out, mut values, mut rest) = (String::new(), Vec::new(), text);
    let mut is_whole = true;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((variable, behind)) = after.split_once('}') else {
            problems.add(line, "a '${' has no '}' behind it", "Write '${NAME}' for an environment variable.");
            return None;
        };
        out.push_str(before);
        rest = behind;
        match std::env::var(variable) {
            Ok(value) => {
                out.push_str(&value);
                values.push(value);
            }
            Err(_) => {
                let message = format!("the environment variable '{variable}' is not set");
                problems.add(line, message, "Set it where the program runs.");
                is_whole = false;
            }
        }
    }
    out.push_str(rest);
    is_whole.then_some((out, values))
}
