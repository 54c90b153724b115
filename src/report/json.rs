//! `quality.json`: the results for programs. A rule is one line, so that people can read and compare the file, too.

use serde_json::Value;

use super::quality::{FORMAT, Quality};
use crate::internal;

/// The file's text.
pub(crate) fn write(quality: &Quality) -> String {
    // Results have only texts, finite numbers, lists and maps with text keys, which always serialise.
    let fields = match serde_json::to_value(quality) {
        Ok(Value::Object(fields)) => fields,
        Ok(other) => internal::impossible("writing results", format!("they became {other}")),
        Err(error) => internal::impossible("writing results", error),
    };
    let mut out = String::from("{");
    for (place, (name, value)) in fields.iter().enumerate() {
        out += if place == 0 { "\n" } else { ",\n" };
        match value {
            Value::Array(items) if !items.is_empty() => {
                let lines: Vec<String> = items.iter().map(|item| format!("    {item}")).collect();
                out += &format!("  \"{name}\": [\n{}\n  ]", lines.join(",\n"));
            }
            value => out += &format!("  \"{name}\": {value}"),
        }
    }
    out + "\n}\n"
}

/// Reads what [`write`] made.
pub(crate) fn read(bytes: &[u8]) -> Result<Quality, String> {
    let quality: Quality = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    match quality.format == FORMAT {
        true => Ok(quality),
        false => Err(format!("it has the form '{}' instead of '{FORMAT}'", quality.format.escape_debug())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::quality::tests::quality;

    #[test]
    fn results_have_one_line_for_each_rule_and_come_back_as_they_were() {
        let text = write(&quality());
        insta::assert_snapshot!(text);
        assert_eq!(read(text.as_bytes()).unwrap(), quality());
        let other = text.replace("fahrtenbuch-quality/1", "fahrtenbuch-quality/2");
        assert!(read(other.as_bytes()).unwrap_err().contains("quality/2"));
    }
}
