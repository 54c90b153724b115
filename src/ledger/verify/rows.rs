//! `index.csv` of an earlier version of this program, which had fewer columns.

use std::collections::BTreeMap;

/// Columns that every version of this program has written.
const ALWAYS: [&str; 7] = ["path", "partition_date", "rows", "bytes", "sha256", "record", "provisional"];

/// Whether a list says in its columns what is expected in those: it has the same rows in the same order, lacks none of the columns that
/// there always were and has none that are not expected.
pub(super) fn agree(found: &[u8], expected: &[u8]) -> bool {
    let (Some(found), Some(expected)) = (table(found), table(expected)) else { return false };
    let places: BTreeMap<&str, usize> = expected[0].iter().map(String::as_str).zip(0..).collect();
    let Some(columns) = found[0].iter().map(|name| places.get(name.as_str()).copied()).collect::<Option<Vec<usize>>>()
    else {
        return false;
    };
    let has_all = ALWAYS.iter().all(|name| found[0].iter().filter(|of| of == name).count() == 1);
    let says = |(found, expected): (&Vec<String>, &Vec<String>)| {
        found.len() == columns.len()
            && found.iter().zip(&columns).all(|(cell, place)| expected.get(*place) == Some(cell))
    };
    has_all && found.len() == expected.len() && found.iter().zip(&expected).skip(1).all(says)
}

/// The rows of a CSV with a header; nothing where it is none that this program writes.
fn table(text: &[u8]) -> Option<Vec<Vec<String>>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut rows = Vec::new();
    let (mut row, mut cell) = (Vec::new(), String::new());
    let mut letters = text.chars().peekable();
    let mut is_quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if is_quoted || cell.is_empty() => is_quoted = !is_quoted,
            '"' => return None,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            letter => cell.push(letter),
        }
    }
    (!is_quoted && cell.is_empty() && row.is_empty() && !rows.is_empty()).then_some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "path,partition_date,rows,bytes,sha256,record,provisional";

    #[test]
    fn fewer_columns_of_the_same_rows_agree_and_nothing_else() {
        let expected =
            format!("{HEADER},timetable_dataset\na,2026-11-24,1,2,x,r,false,t\n\"b,\"\"c\",2026-11-25,1,2,y,r,true,\n");
        let agrees = |found: &str| agree(found.as_bytes(), expected.as_bytes());
        let earlier = format!("{HEADER}\na,2026-11-24,1,2,x,r,false\n\"b,\"\"c\",2026-11-25,1,2,y,r,true\n");
        assert!(agrees(&expected) && agrees(&earlier));
        let changes = [
            ("rows,", "rows,rows,"),
            (",bytes", ""),
            ("provisional", "provisional,other"),
            ("a,2026-11-24,1", "a,2026-11-24,9"),
            ("x,r,false", "x,r,false,t"),
            ("a,2026-11-24,1,2,x,r,false\n", ""),
            ("true\n", "true\na,2026-11-24,1,2,x,r,false\n"),
            ("true\n", "true"),
            ("true\n", "true\n\n"),
            ("a,2026", "https://evil.example/a,2026"),
            ("a,2026", "\"a,2026"),
            ("a,2026", "a\"\",2026"),
        ];
        for (from, to) in changes {
            assert_ne!(earlier.replacen(from, to, 1), earlier, "{from}");
            assert!(!agrees(&earlier.replacen(from, to, 1)), "{from} {to}");
        }
        let swapped: Vec<&str> = earlier.lines().collect();
        assert!(!agrees(&format!("{}\n{}\n{}\n", swapped[0], swapped[2], swapped[1])) && !agrees(""));
    }
}
