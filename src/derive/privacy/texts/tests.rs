use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};

use super::patterns::{FORMS, HEX_WORD, PATTERNS};
use super::*;
use crate::contract::odcs;

#[test]
fn plates_addresses_and_numbers_are_known_by_their_looks() {
    assert_eq!((FORMS.len(), FORMS[0].len(), HEX_WORD.captures_len()), (2, PATTERNS.len(), 2));
    for (text, expected) in [
        ("OG-FB 101", Looks::Plate),
        ("B-MW 1234E", Looks::Plate),
        ("OG FB 101", Looks::Plate),
        ("OG-FB101", Looks::Plate),
        ("FÜ-A 1234", Looks::Plate),
        ("AB-123-CD", Looks::Plate),
        ("AB12 CDE", Looks::Plate),
        ("W-12345 A", Looks::Plate),
        ("00:1b:63:84:45:e6", Looks::MacAddress),
        ("00-1B-63-84-45-E6", Looks::MacAddress),
        ("001b.6384.45e6", Looks::MacAddress),
        ("unit 00:1b:63:84:45:e6 lost", Looks::MacAddress),
        ("+49 781 12345", Looks::Telephone),
        ("+4978112345", Looks::Telephone),
        ("0781 12345", Looks::Telephone),
        ("0781/12345-0", Looks::Telephone),
        ("(0781) 12345", Looks::Telephone),
        ("0171-1234567", Looks::Telephone),
        ("(212) 555-0134", Looks::Telephone),
        ("0781 / 1234567", Looks::Telephone),
        ("(0781)123456", Looks::Telephone),
        ("Tel. 0781 123456", Looks::Telephone),
        ("0049 781 123456", Looks::Telephone),
        ("0049 (0)781 123456", Looks::Telephone),
        ("0049781123456", Looks::Telephone),
        ("01711234567", Looks::Telephone),
        ("03 88 12 34 56", Looks::Telephone),
        ("0781\u{a0}1234567", Looks::Telephone),
        ("0781\u{2011}12345", Looks::Telephone),
        ("\u{ff10}781 12345", Looks::Telephone),
        ("OG\u{200b}-FB 101", Looks::Plate),
        ("OG-FB  101", Looks::Plate),
        ("og-fb 101", Looks::Plate),
        ("001b-6384-45e6", Looks::MacAddress),
        ("00 1b 63 84 45 e6", Looks::MacAddress),
        ("ab:cd:ef:ab:cd:ef", Looks::MacAddress),
        ("MAC 001122334455", Looks::MacAddress),
        ("0\u{200b}0:1b:63:84:45:e6", Looks::MacAddress),
        ("anna.b\u{ad}@example.org", Looks::Email),
        ("anna.b@example.org", Looks::Email),
    ] {
        assert_eq!(looks(text, Holds::Text), Some(expected), "{text}");
    }
    for text in ["0781 1234567", "0171-1234567", "(0781) 123456", "0781/123456", "0049 781 1234567", "0049-171-1234567"]
    {
        assert_eq!(looks(text, Holds::Ids), Some(Looks::Telephone), "{text}");
    }
}

/// Columns, and how many of their texts look private.
#[test]
fn what_has_no_separators_is_told_from_ids_by_the_column_it_stands_in() {
    let scheme = ["A1", "B2", "C3", "D4", "E5"];
    let many = |more: &[&'static str]| [&scheme[..], more].concat();
    for (column, texts, expected) in [
        ("note", vec!["001b638445e6"], 1),
        ("note", vec!["001B638445E6"], 1),
        ("note", vec!["AbCdEfAbCdEf"], 1),
        ("note", vec!["001122334455"], 0),
        ("note", vec!["unit 001b638445e6 lost"], 1),
        ("note", vec!["see https://example.org/001b638445e6 for more", "abcdefabcdef is a word of a sentence"], 0),
        ("note", vec!["OGAB123", "BMW1234", "BUS101", "RE4711", "SIM15"], 2),
        ("stop_id", many(&["001b638445e6"]), 1),
        ("stop_id", many(&["OGAB123"]), 1),
        ("stop_id", many(&["GXY1234", "og-fb101", "123e4567-e89b-12d3-a456-426614174000"]), 0),
        ("stop_id", vec!["001b638445e6", "001b638445e7", "9f1b638445e6", "A1"], 0),
        ("stop_id", vec!["g01b6384zzz6", "q01b6384zzz7", "9f1b638445e6"], 0),
        ("route_short_name", vec!["OGAB123", "HVLX12", "XQAB123", "QMX632", "X12"], 0),
        ("route_short_name", many(&["OGAB123", "1 Nord", "2 Nord", "3 Nord", "4 Nord", "5 Nord", "6 Nord"]), 1),
        ("route_color", vec!["EE352E", "FFD100", "0039A6"], 0),
        ("stop_url", vec!["001b638445e6"], 0),
    ] {
        let release = contract(&[(column, ", classification: public")]);
        let mut published = PublishedTexts::new(&release, false, Budget::new(1 << 20));
        published.push(&rows(&[(column, &texts)])).unwrap();
        let found = published.found(&PrivateTexts::new(Budget::new(1 << 20)));
        assert_eq!(found.get(column).map_or(0, |(_, looks)| *looks), expected, "{column}: {texts:?}");
    }
}

#[test]
fn private_texts_are_found_however_they_are_written_and_within_others() {
    let feed =
        contract(&[("label", ""), ("vehicle_id", ""), ("entity_id", ""), ("trip_id", ", classification: public")]);
    let mut alerts = contract(&[("entity_id", "")]);
    alerts.table = "alerts".into();
    let release = contract(&[("note", ", classification: public"), ("stop_id", ", classification: public")]);
    let budget = Budget::new(1 << 20);
    let mut private = PrivateTexts::new(budget.clone());
    let labels = ["Anna Müßig", "WGN-4711", "12345678", "4711-001", "short", "A + B ***"];
    let ids = ["message 7", "trip 9 of 10", "2.77.1234", "message 8", "alert 1", "message 10"];
    let trips = ["trip 9 of 10", "x", "x", "x", "x", "x"];
    let vehicles = ["bus 00001", "bus 00001", "", "", "", ""];
    private
        .push(&feed, &rows(&[("label", &labels), ("vehicle_id", &vehicles), ("entity_id", &ids), ("trip_id", &trips)]))
        .unwrap();
    private.push(&alerts, &rows(&[("entity_id", &["alert 1"])])).unwrap();
    for (text, in_text, in_id) in [
        ("Anna Müßig", true, true),
        ("ANNA  MÜSSIG", true, true),
        ("A\u{200b}nna\u{a0}Mu\u{308}ßig", true, true),
        ("\u{ff21}nna_Müßig", true, true),
        ("Heute fährt Anna Müßig.", true, true),
        ("line:1:wgn4711:x", true, true),
        ("WGN-47111", false, false),
        ("XWGN-4711", false, false),
        ("Wagen wgn 4711 steht", true, true),
        ("12345678", true, false),
        ("Bus 12345678 steht", true, false),
        ("12.34.56.78", false, false),
        ("1234 5678", true, false),
        ("4711-001", true, true),
        ("4711001", true, false),
        ("at 4711-001", true, false),
        ("short", false, false),
        ("Anna", false, false),
        ("a+b***", true, true),
        ("message 7", true, true),
        ("see message-8", true, true),
        ("trip 9 of 10", false, false),
        ("alert 1", false, false),
        ("BUS-00001", true, true),
    ] {
        for (column, expected) in [("note", in_text), ("stop_id", in_id)] {
            let mut published = PublishedTexts::new(&release, true, budget.clone());
            let cells = ("", text);
            let (note, stop) = if column == "note" { (cells.1, cells.0) } else { cells };
            published.push(&rows(&[("note", &[note]), ("stop_id", &[stop])])).unwrap();
            let found = published.found(&private).get(column).map_or(0, |(equal, _)| *equal);
            assert_eq!(found > 0, expected, "{text} in {column}");
        }
        assert_eq!(private.is_private(text), in_text, "{text}");
    }
}

#[test]
fn a_long_text_is_looked_through_word_by_word() {
    let (feed, release) = (contract(&[("label", "")]), contract(&[("note", ", classification: public")]));
    let budget = Budget::new(64 << 20);
    let mut private = PrivateTexts::new(budget.clone());
    let label = (0..40).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    private.push(&feed, &rows(&[("label", &[&label, "Anna Berta"])])).unwrap();
    assert_eq!(private.longest, WORDS);
    let long = "und so weiter, ".repeat(20_000);
    for (text, expected) in [(long.clone(), 0), (format!("{long} Anna Berta"), 1), (label, 1)] {
        let mut published = PublishedTexts::new(&release, true, budget.clone());
        published.push(&rows(&[("note", &[&text])])).unwrap();
        assert_eq!(published.found(&private).get("note").map_or(0, |(equal, _)| *equal), expected);
    }
}

#[test]
fn what_timetables_and_alerts_have_in_them_does_not() {
    for text in [
        "S1",
        "Linie 101",
        "de:08317:14500",
        "8000290",
        "Bahnhof/ZOB 1",
        "0123456789",
        "2026-11-24",
        "24.11.2026",
        "08:15-09:30",
        "Rathaus 12",
        "#E2001A",
        "https://example.org/a@b",
        "Ruf Sie uns an: 0781 12345",
        "1.12345.2",
        "STRS_12",
        "SEV RE 12 a",
        "NYCT-101",
        "12:34:56",
        "A@B",
        "RE 4711",
        "ICE 101",
    ] {
        assert_eq!(looks(text, Holds::Text), None, "{text}");
    }
    for text in ["BUS-A101", "0781-12345", "0123-456789", "212-555-0134"] {
        assert_eq!(looks(text, Holds::Ids), None, "{text}");
    }
}

fn contract(columns: &[(&str, &str)]) -> Contract {
    let columns: String =
        columns.iter().map(|(name, rest)| format!("      - {{name: {name}, logicalType: string{rest}}}\n")).collect();
    let text = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
             properties:\n{columns}"
    );
    odcs::contract(Path::new("t.odcs.yaml"), &text).unwrap()
}

fn rows(columns: &[(&str, &[&str])]) -> RecordBatch {
    let columns = columns.iter().map(|(name, cells)| (*name, Arc::new(StringArray::from(cells.to_vec())) as ArrayRef));
    RecordBatch::try_from_iter(columns).unwrap()
}

#[test]
fn private_texts_are_found_in_published_cells_whatever_came_first() {
    let feed = contract(&[("label", ""), ("entity_id", "")]);
    let allowed = ", classification: public, customProperties: [{property: allowsPrivateText, value: asked for}]";
    let release = contract(&[
        ("note", ", classification: public"),
        ("stop_id", ", classification: public"),
        ("contact", allowed),
    ]);
    let private = rows(&[
        ("label", &["Fahrer Müller", "4711001", "short", "Fahrer Müller"]),
        ("entity_id", &["message 1", "message 2", "message 3", "message 4"]),
    ]);
    let budget = Budget::new(1 << 20);
    for published_first in [false, true] {
        let mut texts = PrivateTexts::new(budget.clone());
        let mut published = PublishedTexts::new(&release, true, budget.clone());
        let public = rows(&[
            ("note", &["FAHRER  MÜLLER", "message 1", "short", "4711001"]),
            ("stop_id", &["4711001", "fahrermüller", "x", "de:1"]),
            ("contact", &["Fahrer Müller", "+49 781 12345", "x", "y"]),
        ]);
        if published_first {
            published.push(&public).unwrap();
            texts.push(&feed, &private).unwrap();
        } else {
            texts.push(&feed, &private).unwrap();
            published.push(&public).unwrap();
        }
        assert_eq!(published.found(&texts), [("note", (2, 0)), ("stop_id", (1, 0))].into());
    }
    budget.take("all that was booked was given back", 1 << 20).unwrap();
}
