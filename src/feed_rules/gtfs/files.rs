//! What reading the files tells: files and columns that are missing, unknown or not readable.

use super::prelude::*;
use crate::contract::Presence;
use crate::decode::timetable::{FailureKind, HeaderFlaw, Status};

notice!(MISSING_REQUIRED_FILE = "missing_required_file", Error, [], ["filename"],
    "A file is missing without which the feed cannot be used.", "Add the file to the top of the archive.",
    "Eine Datei fehlt, ohne die der Datensatz nicht nutzbar ist.", "Datei auf oberster Ebene des Archivs ergänzen.");
notice!(UNKNOWN_FILE = "unknown_file", Info, [], ["filename"],
    "The GTFS reference does not know the file; readers ignore it.", "Check the spelling, or leave it if it is meant for others.",
    "Die GTFS-Referenz kennt die Datei nicht; sie wird ignoriert.", "Schreibweise prüfen, oder belassen, falls für andere gedacht.");
notice!(EMPTY_FILE = "empty_file", Error, [], ["filename"],
    "The file is empty: not even the header is there.", "Export it again, or leave an optional file out.",
    "Die Datei ist leer, auch die Kopfzeile fehlt.", "Neu exportieren oder eine optionale Datei weglassen.");
notice!(SUBFOLDER = "invalid_input_files_in_subfolder", Error, [], [],
    "GTFS files stand in a folder inside the archive, where readers do not look.", "Zip the files and not their folder.",
    "GTFS-Dateien liegen in einem Ordner des Archivs, wo sie nicht gesucht werden.", "Die Dateien zippen, nicht ihren Ordner.");
notice!(CSV_PARSING_FAILED = "csv_parsing_failed", Error, [], ["charIndex", "columnIndex", "filename", "lineIndex", "message", "parsedContent"],
    "The file is not readable as comma-separated text.", "Look at the line that the message names: an open quote, or not UTF-8.",
    "Die Datei ist nicht als kommagetrennter Text lesbar.", "Die genannte Zeile ansehen: offenes Anführungszeichen oder kein UTF-8.");
notice!(I_O_ERROR = "i_o_error", Error, [], ["exception", "message"],
    "A file of the archive cannot be unpacked.", "Make the archive again, deflated and without a password.",
    "Eine Datei des Archivs lässt sich nicht entpacken.", "Archiv neu erstellen, mit Deflate und ohne Passwort.");
notice!(URI_SYNTAX = "u_r_i_syntax_error", Error, [], ["exception", "message"],
    "The address of the feed is not a URL.", "Write the full address with https://.",
    "Die Adresse des Datensatzes ist keine URL.", "Volle Adresse mit https:// schreiben.");
notice!(LOADER_FAILED = "runtime_exception_in_loader_error", Error, [], ["exception", "filename", "message"],
    "The program failed while it read the file.", "Please report this with the feed.",
    "Das Programm ist beim Lesen der Datei gescheitert.", "Bitte mit dem Datensatz melden.");
notice!(RULE_FAILED = "runtime_exception_in_validator_error", Error, [], ["exception", "message", "validator"],
    "A rule failed and its result is unknown.", "Please report this with the feed.",
    "Eine Regel ist gescheitert, ihr Ergebnis ist unbekannt.", "Bitte mit dem Datensatz melden.");
notice!(THREAD_FAILED = "thread_execution_error", Error, [], ["exception", "message"],
    "A part of the program stopped, so the report is not complete.", "Please report this with the feed.",
    "Ein Teil des Programms brach ab, der Bericht ist unvollständig.", "Bitte mit dem Datensatz melden.");
notice!(TOO_MANY_ROWS = "too_many_rows", Error, [], ["filename", "rowNumber"],
    "The file has more rows than are read.", "Split the feed.",
    "Die Datei hat mehr Zeilen, als gelesen werden.", "Datensatz aufteilen.");
notice!(DUPLICATED_COLUMN = "duplicated_column", Error, [], ["fieldName", "filename", "firstIndex", "secondIndex"],
    "A column stands in the header twice, so it is not clear which one counts.", "Remove one of the two.",
    "Eine Spalte steht zweimal in der Kopfzeile; unklar ist, welche gilt.", "Eine der beiden entfernen.");
notice!(EMPTY_COLUMN_NAME = "empty_column_name", Error, [], ["filename", "index"],
    "A column has no name.", "Name it, or remove the surplus comma in the header.",
    "Eine Spalte hat keinen Namen.", "Benennen oder überzähliges Komma der Kopfzeile entfernen.");
notice!(UNKNOWN_COLUMN = "unknown_column", Info, [], ["fieldName", "filename", "index"],
    "The GTFS reference does not know the column; readers ignore it.", "Check the spelling, or leave it if it is meant for others.",
    "Die GTFS-Referenz kennt die Spalte nicht; sie wird ignoriert.", "Schreibweise prüfen, oder belassen, falls für andere gedacht.");
notice!(MISSING_REQUIRED_COLUMN = "missing_required_column", Error, [], ["fieldName", "filename"],
    "A column is missing without which the file cannot be used.", "Add the column.",
    "Eine Spalte fehlt, ohne die die Datei nicht nutzbar ist.", "Spalte ergänzen.");
notice!(MORE_THAN_ONE_ENTITY = "more_than_one_entity", Warning, [], ["entityCount", "filename"],
    "The file should have one row; readers take the first.", "Delete the others.",
    "Die Datei sollte eine Zeile haben; gelesen wird die erste.", "Die übrigen löschen.");

rule!([MISSING_REQUIRED_FILE, UNKNOWN_FILE, EMPTY_FILE, SUBFOLDER, CSV_PARSING_FAILED, I_O_ERROR, URI_SYNTAX, LOADER_FAILED,
    RULE_FAILED, THREAD_FAILED, TOO_MANY_ROWS, DUPLICATED_COLUMN, EMPTY_COLUMN_NAME, UNKNOWN_COLUMN,
    MISSING_REQUIRED_COLUMN, MORE_THAN_ONE_ENTITY], needs: [], check, &[
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
    passes("missing_required_column", &[("agency.txt", "agency_name,agency_url,agency_timezone\nStadtbus,https://example.com,Europe/Berlin\n")]),
    fails("more_than_one_entity", 1, &[("feed_info.txt", "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version,feed_contact_email\nX,https://example.com,de,20260101,20271231,1,a@example.com\nX,https://example.com,de,20260101,20271231,1,a@example.com\n")]),
    passes("more_than_one_entity", &[]),
]);

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
                HeaderFlaw::Duplicated { name, first, second } => out.add(&DUPLICATED_COLUMN, || {
                    [name.as_str().into(), file(), (*first).into(), (*second).into()]
                }),
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
