//! Environment variables in texts of the workspace's files.

use crate::yaml::Problems;

/// Why a text cannot be made of its variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unexpanded {
    /// A `${` has no `}` behind it.
    Unclosed,
    /// These variables are not set.
    Unset(Vec<String>),
}

/// A text in which `${NAME}` stands for an environment variable, and what the variables gave.
pub fn expand(text: &str) -> Result<(String, Vec<String>), Unexpanded> {
    let (mut out, mut values, mut unset, mut rest) = (String::new(), Vec::new(), Vec::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let (variable, behind) = after.split_once('}').ok_or(Unexpanded::Unclosed)?;
        out.push_str(before);
        rest = behind;
        match std::env::var(variable) {
            Ok(value) => {
                out.push_str(&value);
                values.push(value);
            }
            Err(_) => unset.push(variable.to_owned()),
        }
    }
    out.push_str(rest);
    if unset.is_empty() { Ok((out, values)) } else { Err(Unexpanded::Unset(unset)) }
}

/// A text in which `${NAME}` stands for an environment variable, so that keys need not stand in the file, and what the
/// variables gave. `None` if one is not set, which is told.
pub fn with_variables(text: &str, line: u32, problems: &mut Problems) -> Option<(String, Vec<String>)> {
    let unexpanded = match expand(text) {
        Ok(expanded) => return Some(expanded),
        Err(unexpanded) => unexpanded,
    };
    tell(&unexpanded, line, problems);
    None
}

/// Tells why a text cannot be made of its variables.
pub fn tell(unexpanded: &Unexpanded, line: u32, problems: &mut Problems) {
    match unexpanded {
        Unexpanded::Unclosed => {
            problems.add(line, "a '${' has no '}' behind it", "Write '${NAME}' for an environment variable.");
        }
        Unexpanded::Unset(variables) => {
            for variable in variables {
                let message = format!("the environment variable '{variable}' is not set");
                problems.add(line, message, "Set it where the program runs.");
            }
        }
    }
}
