//! What reading the files tells: files and columns that are missing, unknown or not readable.

use super::prelude::*;
use crate::contract::Presence;
use crate::decode::gtfs::{FailureKind, HeaderFlaw, Status};

pub static MISSING_REQUIRED_FILE: Notice = Notice {
    code: "missing_required_file",
    severity: Severity::Error,
    files: &[],
    fields: &["filename"],
    en: Words {
        what: "A file is missing without which the feed cannot be used.",
        mend: "Add the file to the top of the archive.",
    },
    de: Words {
        what: "Eine Datei fehlt, ohne die der Datensatz nicht nutzbar ist.",
        mend: "Datei auf oberster Ebene des Archivs ergänzen.",
    },
};
pub static UNKNOWN_FILE: Notice = Notice {
    code: "unknown_file",
    severity: Severity::Info,
    files: &[],
    fields: &["filename"],
    en: Words {
        what: "The GTFS reference does not know the file; readers ignore it.",
        mend: "Check the spelling, or leave it if it is meant for others.",
    },
    de: Words {
        what: "Die GTFS-Referenz kennt die Datei nicht; sie wird ignoriert.",
        mend: "Schreibweise prüfen, oder belassen, falls für andere gedacht.",
    },
};
pub static EMPTY_FILE: Notice = Notice {
    code: "empty_file",
    severity: Severity::Error,
    files: &[],
    fields: &["filename"],
    en: Words {
        what: "The file is empty: not even the header is there.",
        mend: "Export it again, or leave an optional file out.",
    },
    de: Words {
        what: "Die Datei ist leer, auch die Kopfzeile fehlt.",
        mend: "Neu exportieren oder eine optionale Datei weglassen.",
    },
};
pub static SUBFOLDER: Notice = Notice {
    code: "invalid_input_files_in_subfolder",
    severity: Severity::Error,
    files: &[],
    fields: &[],
    en: Words {
        what: "GTFS files stand in a folder inside the archive, where readers do not look.",
        mend: "Zip the files and not their folder.",
    },
    de: Words {
        what: "GTFS-Dateien liegen in einem Ordner des Archivs, wo sie nicht gesucht werden.",
        mend: "Die Dateien zippen, nicht ihren Ordner.",
    },
};
pub static CSV_PARSING_FAILED: Notice = Notice {
    code: "csv_parsing_failed",
    severity: Severity::Error,
    files: &[],
    fields: &["charIndex", "columnIndex", "filename", "lineIndex", "message", "parsedContent"],
    en: Words {
        what: "The file is not readable as comma-separated text.",
        mend: "Look at the line that the message names: an open quote, or not UTF-8.",
    },
    de: Words {
        what: "Die Datei ist nicht als kommagetrennter Text lesbar.",
        mend: "Die genannte Zeile ansehen: offenes Anführungszeichen oder kein UTF-8.",
    },
};
pub static I_O_ERROR: Notice = Notice {
    code: "i_o_error",
    severity: Severity::Error,
    files: &[],
    fields: &["exception", "message"],
    en: Words {
        what: "A file of the archive cannot be unpacked.",
        mend: "Make the archive again, deflated and without a password.",
    },
    de: Words {
        what: "Eine Datei des Archivs lässt sich nicht entpacken.",
        mend: "Archiv neu erstellen, mit Deflate und ohne Passwort.",
    },
};
pub static URI_SYNTAX: Notice = Notice {
    code: "u_r_i_syntax_error",
    severity: Severity::Error,
    files: &[],
    fields: &["exception", "message"],
    en: Words { what: "The address of the feed is not a URL.", mend: "Write the full address with https://." },
    de: Words { what: "Die Adresse des Datensatzes ist keine URL.", mend: "Volle Adresse mit https:// schreiben." },
};
pub static LOADER_FAILED: Notice = Notice {
    code: "runtime_exception_in_loader_error",
    severity: Severity::Error,
    files: &[],
    fields: &["exception", "filename", "message"],
    en: Words { what: "The program failed while it read the file.", mend: "Please report this with the feed." },
    de: Words { what: "Das Programm ist beim Lesen der Datei gescheitert.", mend: "Bitte mit dem Datensatz melden." },
};
pub static RULE_FAILED: Notice = Notice {
    code: "runtime_exception_in_validator_error",
    severity: Severity::Error,
    files: &[],
    fields: &["exception", "message", "validator"],
    en: Words { what: "A rule failed and its result is unknown.", mend: "Please report this with the feed." },
    de: Words {
        what: "Eine Regel ist gescheitert, ihr Ergebnis ist unbekannt.",
        mend: "Bitte mit dem Datensatz melden.",
    },
};
pub static THREAD_FAILED: Notice = Notice {
    code: "thread_execution_error",
    severity: Severity::Error,
    files: &[],
    fields: &["exception", "message"],
    en: Words {
        what: "A part of the program stopped, so the report is not complete.",
        mend: "Please report this with the feed.",
    },
    de: Words {
        what: "Ein Teil des Programms brach ab, der Bericht ist unvollständig.",
        mend: "Bitte mit dem Datensatz melden.",
    },
};
pub static TOO_MANY_ROWS: Notice = Notice {
    code: "too_many_rows",
    severity: Severity::Error,
    files: &[],
    fields: &["filename", "rowNumber"],
    en: Words {
        what: "The file has more rows than the memory for it can hold.",
        mend: "Raise 'limits: memory' of the workspace or --memory, or split the feed.",
    },
    de: Words {
        what: "Die Datei hat mehr Zeilen, als der Speicher dafür fasst.",
        mend: "'limits: memory' des Arbeitsbereichs oder --memory erhöhen oder den Datensatz aufteilen.",
    },
};
pub static DUPLICATED_COLUMN: Notice = Notice {
    code: "duplicated_column",
    severity: Severity::Error,
    files: &[],
    fields: &["fieldName", "filename", "firstIndex", "secondIndex"],
    en: Words {
        what: "A column stands in the header twice, so it is not clear which one counts.",
        mend: "Remove one of the two.",
    },
    de: Words {
        what: "Eine Spalte steht zweimal in der Kopfzeile; unklar ist, welche gilt.",
        mend: "Eine der beiden entfernen.",
    },
};
pub static EMPTY_COLUMN_NAME: Notice = Notice {
    code: "empty_column_name",
    severity: Severity::Error,
    files: &[],
    fields: &["filename", "index"],
    en: Words { what: "A column has no name.", mend: "Name it, or remove the surplus comma in the header." },
    de: Words {
        what: "Eine Spalte hat keinen Namen.",
        mend: "Benennen oder überzähliges Komma der Kopfzeile entfernen.",
    },
};
pub static UNKNOWN_COLUMN: Notice = Notice {
    code: "unknown_column",
    severity: Severity::Info,
    files: &[],
    fields: &["fieldName", "filename", "index"],
    en: Words {
        what: "The GTFS reference does not know the column; readers ignore it.",
        mend: "Check the spelling, or leave it if it is meant for others.",
    },
    de: Words {
        what: "Die GTFS-Referenz kennt die Spalte nicht; sie wird ignoriert.",
        mend: "Schreibweise prüfen, oder belassen, falls für andere gedacht.",
    },
};
pub static MISSING_REQUIRED_COLUMN: Notice = Notice {
    code: "missing_required_column",
    severity: Severity::Error,
    files: &[],
    fields: &["fieldName", "filename"],
    en: Words { what: "A column is missing without which the file cannot be used.", mend: "Add the column." },
    de: Words { what: "Eine Spalte fehlt, ohne die die Datei nicht nutzbar ist.", mend: "Spalte ergänzen." },
};
pub static MORE_THAN_ONE_ENTITY: Notice = Notice {
    code: "more_than_one_entity",
    severity: Severity::Warning,
    files: &[],
    fields: &["entityCount", "filename"],
    en: Words { what: "The file should have one row; readers take the first.", mend: "Delete the others." },
    de: Words { what: "Die Datei sollte eine Zeile haben; gelesen wird die erste.", mend: "Die übrigen löschen." },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[
        &MISSING_REQUIRED_FILE,
        &UNKNOWN_FILE,
        &EMPTY_FILE,
        &SUBFOLDER,
        &CSV_PARSING_FAILED,
        &I_O_ERROR,
        &URI_SYNTAX,
        &LOADER_FAILED,
        &RULE_FAILED,
        &THREAD_FAILED,
        &TOO_MANY_ROWS,
        &DUPLICATED_COLUMN,
        &EMPTY_COLUMN_NAME,
        &UNKNOWN_COLUMN,
        &MISSING_REQUIRED_COLUMN,
        &MORE_THAN_ONE_ENTITY,
    ],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails("missing_required_file", 1, &[("agency.txt", "")]),
        passes("missing_required_file", &[]),
        fails("unknown_file", 1, &[("notes.txt", "hello\n")]),
        passes("unknown_file", &[("Levels.txt", "level_id,level_index\na,1\n")]),
        fails("empty_file", 1, &[("levels.txt", "\n")]),
        passes("empty_file", &[("levels.txt", "level_id,level_index\n")]),
        fails("invalid_input_files_in_subfolder", 1, &[("feed/stops.txt", "stop_id\n")]),
        passes("invalid_input_files_in_subfolder", &[("feed/readme.md", "hello\n")]),
        fails("csv_parsing_failed", 1, &[("levels.txt", "level_id,level_index\n\"a,1\n")]),
        passes("csv_parsing_failed", &[("levels.txt", "level_id,level_index\n\"a\",1\n")]),
        fails("duplicated_column", 1, &[("levels.txt", "level_id,level_index,level_id\na,1,a\n")]),
        passes("duplicated_column", &[]),
        fails("empty_column_name", 1, &[("levels.txt", "level_id,level_index,\na,1,\n")]),
        passes("empty_column_name", &[]),
        fails("unknown_column", 1, &[("levels.txt", "level_id,level_index,level_colour\na,1,\n")]),
        passes("unknown_column", &[("levels.txt", "level_name,level_id,level_index\nEins,a,1\n")]),
        fails("missing_required_column", 1, &[("levels.txt", "level_id\na\n")]),
        passes(
            "missing_required_column",
            &[("agency.txt", "agency_name,agency_url,agency_timezone\nStadtbus,https://example.com,Europe/Berlin\n")],
        ),
        fails(
            "more_than_one_entity",
            1,
            &[(
                "feed_info.txt",
                "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,\
                 feed_version,feed_contact_email\n\
                 X,https://example.com,de,20260101,20271231,1,a@example.com\n\
                 X,https://example.com,de,20260101,20271231,1,a@example.com\n",
            )],
        ),
        passes("more_than_one_entity", &[]),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let timetable = &feed.timetable;
    if timetable.nested {
        out.add(&SUBFOLDER, || []);
    }
    for file in &timetable.unknown {
        out.add(&UNKNOWN_FILE, || [file.as_str().into()]);
    }
    for failure in &timetable.failures {
        let (file, message) = (failure.file.as_str(), failure.message.as_str());
        match failure.kind {
            FailureKind::Csv => out.add(&CSV_PARSING_FAILED, || {
                [0.into(), 0.into(), file.into(), failure.line.into(), message.into(), "".into()]
            }),
            FailureKind::Io => out.add(&I_O_ERROR, || [file.into(), message.into()]),
            FailureKind::Thread => out.add(&THREAD_FAILED, || ["panic".into(), message.into()]),
            FailureKind::Program => out.add(&LOADER_FAILED, || ["panic".into(), file.into(), message.into()]),
        }
    }
    for table in &timetable.tables {
        let file = || serde_json::Value::from(table.file.as_str());
        match table.status {
            Status::Missing if table.contract.presence == Presence::Required => {
                out.add(&MISSING_REQUIRED_FILE, || [file()]);
            }
            Status::Empty => out.add(&EMPTY_FILE, || [file()]),
            _ => {}
        }
        for flaw in &table.header_flaws {
            match flaw {
                HeaderFlaw::EmptyName(place) => out.add(&EMPTY_COLUMN_NAME, || [file(), (*place).into()]),
                HeaderFlaw::Duplicated { name, first, second } => {
                    out.add(&DUPLICATED_COLUMN, || [name.as_str().into(), file(), (*first).into(), (*second).into()])
                }
                HeaderFlaw::Unknown { name, place } => {
                    out.add(&UNKNOWN_COLUMN, || [name.as_str().into(), file(), (*place).into()]);
                }
                HeaderFlaw::Missing(name) => {
                    out.add(&MISSING_REQUIRED_COLUMN, || [name.as_str().into(), file()]);
                }
            }
        }
        if table.is_cut {
            out.add(&TOO_MANY_ROWS, || [file(), table.rows.into()]);
        }
        if table.contract.table == "feed_info" && table.status == Status::Good && table.rows > 1 {
            out.add(&MORE_THAN_ONE_ENTITY, || [table.rows.into(), file()]);
        }
    }
}
