//! Text for people that is all capitals or all small letters.

use super::prelude::*;
use super::values::is_not_mixed_case;
use crate::decode::gtfs::Status;

pub static MIXED_CASE: Notice = Notice {
    code: "mixed_case_recommended_field",
    severity: Severity::Warning,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words {
        what: "Text for people is written in capitals or small letters only, which is hard to read and which voices \
               spell out.",
        mend: "Write it as on a sign: 'Rathaus Nord'.",
    },
    de: Words {
        what: "Text für Menschen ist nur in Groß- oder Kleinbuchstaben geschrieben; er ist schwer lesbar und wird \
               buchstabiert.",
        mend: "Wie auf einem Schild schreiben: 'Rathaus Nord'.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&MIXED_CASE],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "mixed_case_recommended_field",
            2,
            &[("levels.txt", "level_id,level_index,level_name\na,0,ERSTES UNTERGESCHOSS\nb,1,oben\n")],
        ),
        passes(
            "mixed_case_recommended_field",
            &[("levels.txt", "level_id,level_index,level_name\na,0,Erstes UG\nb,1,OG\n")],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    for table in feed.timetable.tables.iter().filter(|table| table.status >= Status::BadRows) {
        for column in table.contract.columns.iter().filter(|column| column.mixed_case) {
            let cells = table.text(&column.name);
            let Some(words) = cells.words() else { continue };
            let told: Vec<bool> = words.iter().map(|(_, text)| is_not_mixed_case(text)).collect();
            if !told.contains(&true) {
                continue;
            }
            for row in table.good().filter(|row| cells.code(*row).is_some_and(|code| told[code as usize])) {
                out.add(&MIXED_CASE, || {
                    let (name, file) = (column.name.as_str(), table.file.as_str());
                    [table.at(row), name.into(), cells.value(row), file.into()]
                });
            }
        }
    }
}
