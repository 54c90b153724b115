//! What reading the cells tells: values that are missing, that do not fit the type their contract gives them, or that
//! hold what text in a table must not hold.

use serde_json::Value;

use super::prelude::*;
use crate::decode::gtfs::{CellFlaw, Kind, Status, Table};

pub static MISSING_REQUIRED_FIELD: Notice = Notice {
    code: "missing_required_field",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "filename"],
    en: Words {
        what: "A required value is empty. Readers drop such a row or guess.",
        mend: "Fill in the value or delete the row.",
    },
    de: Words {
        what: "Ein Pflichtwert ist leer. Programme verwerfen die Zeile oder raten.",
        mend: "Wert ergänzen oder Zeile löschen.",
    },
};
pub static MISSING_RECOMMENDED_FIELD: Notice = Notice {
    code: "missing_recommended_field",
    severity: Severity::Warning,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "filename"],
    en: Words {
        what: "A recommended value is empty. The feed works, but says less than it should.",
        mend: "Fill in the value.",
    },
    de: Words {
        what: "Ein empfohlener Wert ist leer. Der Datensatz ist nutzbar, sagt aber weniger als er sollte.",
        mend: "Wert ergänzen.",
    },
};
pub static INVALID_CHARACTER: Notice = Notice {
    code: "invalid_character",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words {
        what: "The text was not UTF-8 when it was written, so letters are lost.",
        mend: "Export the file as UTF-8.",
    },
    de: Words {
        what: "Der Text ist nicht als UTF-8 gespeichert, Buchstaben gingen verloren.",
        mend: "Datei als UTF-8 exportieren.",
    },
};
pub static NEW_LINE_IN_VALUE: Notice = Notice {
    code: "new_line_in_value",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words {
        what: "A value contains a line break, on which many readers cut the row in two.",
        mend: "Replace the line break by a space.",
    },
    de: Words {
        what: "Ein Wert enthält einen Zeilenumbruch, an dem viele Programme die Zeile zerteilen.",
        mend: "Umbruch durch Leerzeichen ersetzen.",
    },
};
pub static WHITESPACE: Notice = Notice {
    code: "leading_or_trailing_whitespaces",
    severity: Severity::Warning,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words {
        what: "A quoted value begins or ends with white space, so it may not be found when compared.",
        mend: "Remove the white space.",
    },
    de: Words {
        what: "Ein Wert in Anführungszeichen beginnt oder endet mit Leerraum und wird beim Vergleich womöglich nicht \
               gefunden.",
        mend: "Leerraum entfernen.",
    },
};
pub static INVALID_INTEGER: Notice = Notice {
    code: "invalid_integer",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words { what: "The value is not a whole number.", mend: "Write digits only." },
    de: Words { what: "Der Wert ist keine ganze Zahl.", mend: "Nur Ziffern schreiben." },
};
pub static INVALID_FLOAT: Notice = Notice {
    code: "invalid_float",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words { what: "The value is not a number.", mend: "Write a number with a point, such as 48.47." },
    de: Words { what: "Der Wert ist keine Zahl.", mend: "Eine Zahl mit Punkt schreiben, etwa 48.47." },
};
pub static INVALID_TIME: Notice = Notice {
    code: "invalid_time",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words {
        what: "The value is not a time, so the trip cannot be shown at its hour.",
        mend: "Write HH:MM:SS; after midnight go on counting, 25:10:00.",
    },
    de: Words {
        what: "Der Wert ist keine Uhrzeit, die Fahrt kann nicht zu ihrer Zeit gezeigt werden.",
        mend: "HH:MM:SS schreiben; nach Mitternacht weiterzählen, 25:10:00.",
    },
};
pub static INVALID_DATE: Notice = Notice {
    code: "invalid_date",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words { what: "The value is not a day of the calendar.", mend: "Write YYYYMMDD, such as 20261124." },
    de: Words { what: "Der Wert ist kein Kalendertag.", mend: "JJJJMMTT schreiben, etwa 20261124." },
};
pub static UNEXPECTED_ENUM_VALUE: Notice = Notice {
    code: "unexpected_enum_value",
    severity: Severity::Warning,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words {
        what: "The number has no meaning in the GTFS reference, so readers ignore it.",
        mend: "Use one of the numbers that the reference lists.",
    },
    de: Words {
        what: "Die Zahl hat in der GTFS-Referenz keine Bedeutung und wird ignoriert.",
        mend: "Eine der Zahlen der Referenz verwenden.",
    },
};
pub static NUMBER_OUT_OF_RANGE: Notice = Notice {
    code: "number_out_of_range",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldType", "fieldValue", "filename"],
    en: Words { what: "The number is outside what the column allows.", mend: "Check sign, unit and decimal point." },
    de: Words {
        what: "Die Zahl liegt außerhalb des Erlaubten.", mend: "Vorzeichen, Einheit und Dezimalpunkt prüfen."
    },
};
pub static INVALID_ROW_LENGTH: Notice = Notice {
    code: "invalid_row_length",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "filename", "headerCount", "rowLength"],
    en: Words {
        what: "The row has more or fewer values than the header has columns, so it is not clear which value belongs \
               where.",
        mend: "Look for a missing comma, or quote the text that contains one.",
    },
    de: Words {
        what: "Die Zeile hat mehr oder weniger Werte als die Kopfzeile Spalten; die Zuordnung ist unklar.",
        mend: "Fehlendes Komma suchen oder Text mit Komma in Anführungszeichen setzen.",
    },
};
pub static EMPTY_ROW: Notice = Notice {
    code: "empty_row",
    severity: Severity::Warning,
    files: &[],
    fields: &["csvRowNumber", "filename"],
    en: Words { what: "The row holds white space only.", mend: "Delete the row." },
    de: Words { what: "Die Zeile enthält nur Leerraum.", mend: "Zeile löschen." },
};
pub static INVALID_COLOR: Notice = Notice {
    code: "invalid_color",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words {
        what: "The value is not a colour of six hexadecimal digits, so the route is shown in none.",
        mend: "Write RRGGBB without '#'.",
    },
    de: Words {
        what: "Der Wert ist keine Farbe aus sechs Hexadezimalziffern; die Linie wird farblos gezeigt.",
        mend: "RRGGBB ohne '#' schreiben.",
    },
};
pub static INVALID_URL: Notice = Notice {
    code: "invalid_url",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words {
        what: "The value is not a web address that can be opened.",
        mend: "Write the full address with https://.",
    },
    de: Words {
        what: "Der Wert ist keine Webadresse, die sich öffnen lässt.",
        mend: "Volle Adresse mit https:// schreiben.",
    },
};
pub static INVALID_EMAIL: Notice = Notice {
    code: "invalid_email",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words { what: "The value is not an e-mail address.", mend: "Write name@domain." },
    de: Words { what: "Der Wert ist keine E-Mail-Adresse.", mend: "name@domain schreiben." },
};
pub static INVALID_PHONE_NUMBER: Notice = Notice {
    code: "invalid_phone_number",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words {
        what: "The value cannot be a telephone number of the country.",
        mend: "Write the number with its country code, +49 781 ...",
    },
    de: Words {
        what: "Der Wert kann keine Telefonnummer des Landes sein.",
        mend: "Nummer mit Landesvorwahl schreiben, +49 781 ...",
    },
};
pub static INVALID_LANGUAGE_CODE: Notice = Notice {
    code: "invalid_language_code",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words { what: "The value is not a language tag of BCP 47.", mend: "Write 'de' or 'de-DE'." },
    de: Words { what: "Der Wert ist kein Sprachkürzel nach BCP 47.", mend: "'de' oder 'de-DE' schreiben." },
};
pub static INVALID_TIMEZONE: Notice = Notice {
    code: "invalid_timezone",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words {
        what: "The value is not a zone of the IANA database, so no time of the feed has a meaning.",
        mend: "Write 'Europe/Berlin'.",
    },
    de: Words {
        what: "Der Wert ist keine Zeitzone der IANA-Datenbank; keine Zeit des Datensatzes ist deutbar.",
        mend: "'Europe/Berlin' schreiben.",
    },
};
pub static INVALID_CURRENCY: Notice = Notice {
    code: "invalid_currency",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "fieldName", "fieldValue", "filename"],
    en: Words { what: "The value is not a currency of ISO 4217.", mend: "Write 'EUR'." },
    de: Words { what: "Der Wert ist keine Währung nach ISO 4217.", mend: "'EUR' schreiben." },
};
pub static NON_ASCII: Notice = Notice {
    code: "non_ascii_or_non_printable_char",
    severity: Severity::Warning,
    files: &[],
    fields: &["columnName", "csvRowNumber", "fieldValue", "filename"],
    en: Words {
        what: "An id contains letters beyond ASCII, which some readers spoil on the way.",
        mend: "Use letters A to Z, digits and '-_.:' in ids.",
    },
    de: Words {
        what: "Eine Kennung enthält Zeichen außerhalb von ASCII, die manche Programme verfälschen.",
        mend: "In Kennungen nur A bis Z, Ziffern und '-_.:' verwenden.",
    },
};

/// Which flaw gives which notice.
static NOTICES: &[(Kind, &Notice)] = &[
    (Kind::Required, &MISSING_REQUIRED_FIELD),
    (Kind::Recommended, &MISSING_RECOMMENDED_FIELD),
    (Kind::Character, &INVALID_CHARACTER),
    (Kind::NewLine, &NEW_LINE_IN_VALUE),
    (Kind::WhiteSpace, &WHITESPACE),
    (Kind::Integer, &INVALID_INTEGER),
    (Kind::Float, &INVALID_FLOAT),
    (Kind::Time, &INVALID_TIME),
    (Kind::Date, &INVALID_DATE),
    (Kind::Enum, &UNEXPECTED_ENUM_VALUE),
    (Kind::Range, &NUMBER_OUT_OF_RANGE),
    (Kind::RowLength, &INVALID_ROW_LENGTH),
    (Kind::EmptyRow, &EMPTY_ROW),
    (Kind::Color, &INVALID_COLOR),
    (Kind::Url, &INVALID_URL),
    (Kind::Email, &INVALID_EMAIL),
    (Kind::Phone, &INVALID_PHONE_NUMBER),
    (Kind::Language, &INVALID_LANGUAGE_CODE),
    (Kind::Timezone, &INVALID_TIMEZONE),
    (Kind::Currency, &INVALID_CURRENCY),
    (Kind::NonAscii, &NON_ASCII),
];

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[
        &MISSING_REQUIRED_FIELD,
        &MISSING_RECOMMENDED_FIELD,
        &INVALID_CHARACTER,
        &NEW_LINE_IN_VALUE,
        &WHITESPACE,
        &INVALID_INTEGER,
        &INVALID_FLOAT,
        &INVALID_TIME,
        &INVALID_DATE,
        &UNEXPECTED_ENUM_VALUE,
        &NUMBER_OUT_OF_RANGE,
        &INVALID_ROW_LENGTH,
        &EMPTY_ROW,
        &INVALID_COLOR,
        &INVALID_URL,
        &INVALID_EMAIL,
        &INVALID_PHONE_NUMBER,
        &INVALID_LANGUAGE_CODE,
        &INVALID_TIMEZONE,
        &INVALID_CURRENCY,
        &NON_ASCII,
    ],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "missing_required_field",
            2,
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\n,A,48.47,7.94\n,B,48.47,7.94\n")],
        ),
        passes(
            "missing_required_field",
            &[("rider_categories.txt", "rider_category_id,rider_category_name,is_default_fare_category\na,All,\n")],
        ),
        fails(
            "missing_recommended_field",
            2,
            &[(
                "feed_info.txt",
                "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,\
                 feed_contact_email\n\
                 X,https://example.com,de,20260101,,a@example.com\n",
            )],
        ),
        passes("missing_recommended_field", &[]),
        fails(
            "invalid_character",
            1,
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,Rat\u{fffd}haus,48.47,7.94\n")],
        ),
        passes(
            "invalid_character",
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,R\u{e4}thaus,48.47,7.94\n")],
        ),
        fails(
            "new_line_in_value",
            1,
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,\"Rat\nhaus\",48.47,7.94\n")],
        ),
        passes(
            "new_line_in_value",
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\r\na,\"Rathaus\",48.47,7.94\r\n")],
        ),
        fails(
            "leading_or_trailing_whitespaces",
            1,
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,\" Rathaus\",48.47,7.94\n")],
        ),
        passes(
            "leading_or_trailing_whitespaces",
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na, Rathaus ,48.47,7.94\n")],
        ),
        fails(
            "invalid_integer",
            1,
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type\na,Rathaus,48.47,7.94,0.0\n")],
        ),
        passes(
            "invalid_integer",
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type\na,Rathaus,48.47,7.94,00\n")],
        ),
        fails("invalid_float", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,Rathaus,\"48,47\",7.94\n")]),
        passes("invalid_float", &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,Rathaus,4.847e1,7.94\n")]),
        fails(
            "invalid_time",
            2,
            &[("stop_times.txt", "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,8:00,8:60:00,a,1\n")],
        ),
        passes(
            "invalid_time",
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,8:00:00,124:00:00,a,1\n",
            )],
        ),
        fails("invalid_date", 1, &[("calendar_dates.txt", "service_id,date,exception_type\ns,20260230,1\n")]),
        passes("invalid_date", &[("calendar_dates.txt", "service_id,date,exception_type\ns,20280229,1\n")]),
        fails(
            "unexpected_enum_value",
            1,
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type\na,Rathaus,48.47,7.94,5\n")],
        ),
        passes(
            "unexpected_enum_value",
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type\na,Rathaus,48.47,7.94,4\n")],
        ),
        fails("number_out_of_range", 2, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,Rathaus,91,-180.5\n")]),
        passes("number_out_of_range", &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,Rathaus,90,-180\n")]),
        fails(
            "invalid_row_length",
            2,
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,Rathaus\nb,Markt, Nord,48,7\n")],
        ),
        passes(
            "invalid_row_length",
            &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,\"Rathaus, Nord\",48.47,7.94\n\n")],
        ),
        fails("empty_row", 1, &[("levels.txt", "level_id,level_index\na,1\n\"\"\nb,2\n")]),
        fails("empty_row", 1, &[("levels.txt", "level_id,level_index\na,1\nb,2\n  ")]),
        passes("empty_row", &[("levels.txt", "level_id,level_index\na,1\n\n  \nb,2\n")]),
        fails(
            "invalid_color",
            2,
            &[(
                "routes.txt",
                "route_id,agency_id,route_short_name,route_type,route_color,route_text_color\n\
                 r,1,S1,3,#FF00,GGGGGG\n",
            )],
        ),
        passes(
            "invalid_color",
            &[(
                "routes.txt",
                "route_id,agency_id,route_short_name,route_type,route_color,route_text_color\n\
                 r,1,S1,3,ff0000,\n",
            )],
        ),
        fails(
            "invalid_url",
            1,
            &[(
                "agency.txt",
                "agency_id,agency_name,agency_url,agency_timezone\n\
                 1,Stadtbus,www.example.com,Europe/Berlin\n",
            )],
        ),
        passes("invalid_url", &[]),
        fails(
            "invalid_email",
            1,
            &[(
                "agency.txt",
                "agency_id,agency_name,agency_url,agency_timezone,agency_email\n\
                 1,Stadtbus,https://example.com,Europe/Berlin,bus at example.com\n",
            )],
        ),
        passes(
            "invalid_email",
            &[(
                "agency.txt",
                "agency_id,agency_name,agency_url,agency_timezone,agency_email\n\
                 1,Stadtbus,https://example.com,Europe/Berlin,bus@example.com\n",
            )],
        ),
        fails(
            "invalid_phone_number",
            1,
            &[(
                "agency.txt",
                "agency_id,agency_name,agency_url,agency_timezone,agency_phone\n\
                 1,Stadtbus,https://example.com,Europe/Berlin,see website\n",
            )],
        ),
        passes(
            "invalid_phone_number",
            &[(
                "agency.txt",
                "agency_id,agency_name,agency_url,agency_timezone,agency_phone\n\
                 1,Stadtbus,https://example.com,Europe/Berlin,+49 781 80 40\n",
            )],
        ),
        fails(
            "invalid_language_code",
            1,
            &[(
                "agency.txt",
                "agency_id,agency_name,agency_url,agency_timezone,agency_lang\n\
                 1,Stadtbus,https://example.com,Europe/Berlin,de_DE\n",
            )],
        ),
        passes("invalid_language_code", &[]),
        fails(
            "invalid_timezone",
            1,
            &[(
                "agency.txt",
                "agency_id,agency_name,agency_url,agency_timezone\n\
                 1,Stadtbus,https://example.com,Berlin\n",
            )],
        ),
        passes("invalid_timezone", &[]),
        fails(
            "invalid_currency",
            1,
            &[("fare_attributes.txt", "fare_id,price,currency_type,payment_method,agency_id\nf,1.00,Euro,0,1\n")],
        ),
        passes(
            "invalid_currency",
            &[("fare_attributes.txt", "fare_id,price,currency_type,payment_method,agency_id\nf,1.00,EUR,0,1\n")],
        ),
        fails("non_ascii_or_non_printable_char", 1, &[("levels.txt", "level_id,level_index\n\u{e4},1\n")]),
        passes(
            "non_ascii_or_non_printable_char",
            &[("levels.txt", "level_id,level_index,level_name\na,1,\u{c4}bene\n")],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    for table in feed.timetable.tables.iter().filter(|table| table.status >= Status::BadRows) {
        for (kind, notice) in NOTICES {
            let total = table.flaws.count(*kind);
            if total == 0 {
                continue;
            }
            let mut kept = 0;
            for flaw in table.flaws.first.iter().filter(|flaw| flaw.kind == *kind) {
                kept += 1;
                // Each sample has as many values as its notice has fields; the counts are what must add up.
                sample(table, flaw, notice, out);
            }
            out.count(notice, total - kept);
        }
    }
}

fn sample(table: &Table, flaw: &CellFlaw, notice: &'static Notice, out: &mut Out) {
    let row = || Value::from(flaw.line);
    let file = || Value::from(table.file.as_str());
    let name = || {
        let column = flaw.column.and_then(|column| table.contract.columns.get(column as usize));
        column.map_or(Value::Null, |column| column.name.as_str().into())
    };
    let value = || match flaw.kind {
        Kind::Enum => flaw.value.parse::<i64>().map_or_else(|_| flaw.value.as_str().into(), Value::from),
        _ => Value::from(flaw.value.as_str()),
    };
    match flaw.kind {
        Kind::Required | Kind::Recommended => out.add(notice, || [row(), name(), file()]),
        Kind::EmptyRow => out.add(notice, || [row(), file()]),
        Kind::RowLength => out.add(notice, || {
            let length = flaw.value.parse::<u64>().unwrap_or_default();
            [row(), file(), table.header.len().into(), length.into()]
        }),
        Kind::Range => out.add(notice, || {
            let column = flaw.column.and_then(|column| table.contract.columns.get(column as usize));
            let gtfs_type = column.and_then(|column| column.gtfs_type.as_deref()).unwrap_or_default();
            [row(), name(), gtfs_type.to_lowercase().into(), value(), file()]
        }),
        Kind::NonAscii => out.add(notice, || [name(), row(), value(), file()]),
        _ => out.add(notice, || [row(), name(), value(), file()]),
    }
}
