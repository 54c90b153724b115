use std::path::Path;

use super::super::columns::{columns, geometries};
use super::super::table_index::ContractRef;
use super::super::testing::{file, first_version};
use super::*;
use crate::contract::odcs;

/// A contract of lines, each `name: type` with more keys, and what stands at the table.
fn read(lines: &[&str], removed: &str) -> Result<Contract, Vec<String>> {
    let properties: String = lines
        .iter()
        .map(|line| {
            let (name, rest) = line.split_once(' ').unwrap();
            let class = if rest.contains("classification") { "" } else { ", classification: public" };
            format!("      - {{name: {name}, logicalType: {rest}{class}}}\n")
        })
        .collect();
    let at_table = match removed {
        "" => String::new(),
        removed => format!("    customProperties: [{{property: removedColumns, value: [{removed}]}}]\n"),
    };
    let text = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n{at_table}    \
         properties:\n{properties}"
    );
    odcs::contract(Path::new("t.odcs.yaml"), &text)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn contract(lines: &[&str], removed: &str) -> Contract {
    read(lines, removed).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// What a change is said to be: `was` the old name or type.
fn changed(kind: &str, properties: &[(&str, &str)]) -> String {
    let said = properties.iter().map(|(property, value)| format!("{{property: {property}, value: {value}}}"));
    format!("{kind}, customProperties: [{}]", said.collect::<Vec<_>>().join(", "))
}

fn index(columns: Vec<IndexColumn>, dates: &[&str], contract: &Contract) -> TableIndex {
    let files = dates.iter().map(|date| file("bus", "t", date, "1")).collect();
    TableIndex { contract: ContractRef::from(contract), columns, ..first_version("bus", "t", files) }
}

const DATES: &[&str] = &["2026-01-01", "2026-02-28"];
const BEFORE: &[&str] = &["a string", "b integer", "c number"];

/// The table as contracts have made it one after the other, each with what is removed.
fn after(contracts: &[(&[&str], &str)]) -> TableIndex {
    let mut known = Vec::new();
    let mut last = None;
    for (lines, removed) in contracts {
        let contract = contract(lines, removed);
        known = columns(&known, known.is_empty(), &contract);
        last = Some(contract);
    }
    index(known, DATES, &last.unwrap())
}

fn told(index: &TableIndex, lines: &[&str], removed: &str) -> (Vec<String>, Vec<String>) {
    let Evolution { refused, notes, made_private } = evolution(index, &contract(lines, removed));
    let texts = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut refused = texts(refused);
    refused.extend(made_private.iter().map(|column| format!("private {}:{}", column.line, column.names.join(","))));
    (refused, texts(notes))
}

fn since(kind: &str, date: &str, more: &[(&str, &str)]) -> String {
    changed(kind, &[&[("since", date)], more].concat())
}

#[test]
fn what_a_contract_may_change_is_told_and_not_refused() {
    let index = after(&[(BEFORE, "")]);
    let alias = format!("x {}", since("string", "2026-03-01", &[("alias", "a")]));
    let wider = format!("b {}", since("integer, physicalType: int64", "2026-03-01", &[("wasType", "int32")]));
    let both =
        format!("y {}", since("integer, physicalType: int64", "2026-03-01", &[("wasType", "int32"), ("alias", "b")]));
    for (lines, removed, expected) in [
        (&["c number", "b integer", "a string"][..], "", ""),
        (
            &["a string", "b integer", "c number", "d date"],
            "",
            "t.odcs.yaml:12: the column 'd' of bus/t is new. The dates",
        ),
        (
            &["a string", "b integer", "c number", "d date, required: true"],
            "",
            "It is 'required', and the dates that are out",
        ),
        (&[&alias, "b integer", "c number"], "", "the column 'a' of bus/t is called 'x' from now on"),
        (&["a string", &wider, "c number"], "", "'b' of bus/t grows from int into long"),
        (&["a string", &both, "c number"], "", "'y' of bus/t grows from int into long"),
        (&["a string", "b integer"], "{name: c, until: 2026-02-28}", "'c' of bus/t is not published any more"),
    ] {
        let (refused, notes) = told(&index, lines, removed);
        assert_eq!(refused, [""; 0]);
        assert_eq!(notes.is_empty(), expected.is_empty(), "{notes:?}");
        assert!(expected.is_empty() || notes.iter().any(|note| note.contains(expected)), "{notes:?}");
    }
}

/// What contracts have made of the table, the columns of the new one, what it removes, and what is told.
type Case<'a> = (&'a [(&'a [&'a str], &'a str)], &'a [&'a str], &'a str, &'a str);

#[test]
fn what_would_lose_or_mix_what_is_published_is_refused_with_a_remedy() {
    let first: (&[&str], &str) = (BEFORE, "");
    let alias =
        |name: &str, kind: &str, date: &str, of: &str| format!("{name} {}", since(kind, date, &[("alias", of)]));
    let [x_of_a, y_of_x, y_of_a, c_of_x] =
        [("x", "a"), ("y", "x"), ("y", "a"), ("q", "x")].map(|(name, of)| alias(name, "string", "2026-03-01", of));
    let early = alias("x", "string", "2026-02-28", "a");
    let never = alias("x", "string", "2026-03-01", "tripname");
    let late = alias("x", "string", "2026-04-01", "a");
    let back = alias("z", "string", "2026-03-01", "c");
    let renamed: (&[&str], &str) = (&[&x_of_a, "b integer", "c number"], "");
    let own: (&[&str], &str) = (&["a string", "b integer", "c number", "x string"], "");
    let gone: (&[&str], &str) = (&["a string", "b integer"], "{name: c, until: 2026-02-28}");
    let early_roof = format!("d {}", since("date", "2026-02-28", &[]));
    let early_wide = format!("b {}", since("integer, physicalType: int64", "2026-01-01", &[("wasType", "int32")]));
    let cases: [Case<'_>; 19] = [
        (
            &[first],
            &["b integer", "c number"],
            "",
            "t.odcs.yaml:7: 'a' of bus/t is published, and is no column of the contract any more. If it is gone",
        ),
        (
            &[first],
            &["a integer", "b integer", "c number"],
            "",
            "'a' of bus/t is published as string, and 'a' is int: no reader has both as one column. Give the new values a column of a name that was never published",
        ),
        (
            &[first],
            &["a string", "b string", "c number"],
            "",
            "'b' of bus/t is published as int, and 'b' is string: no reader",
        ),
        (
            &[first],
            &["a string", "b number", "c number"],
            "",
            "'b' of bus/t is published as int, and 'b' is double: no reader",
        ),
        (
            &[first],
            &["a string", "b integer, physicalType: int64", "c number"],
            "",
            "'b' of bus/t is published as int, and is long now. Write at the column 'customProperties: [{property: wasType, value: int32}, {property: since, value: 2026-03-01}]'",
        ),
        (
            &[first],
            &["a string", "b integer", "c number, physicalType: float"],
            "",
            "'c' of bus/t is published as double, and float has not all of its values. Write 'physicalType: double'",
        ),
        (
            &[first],
            &[&early, "b integer", "c number"],
            "",
            "'since' of 'x' is 2026-02-28, and bus/t is published up to 2026-02-28 as it was before. Write 'since' with 2026-03-01 or a later date",
        ),
        (
            &[first],
            &["a string", &early_wide, "c number"],
            "",
            "'since' of 'b' is 2026-01-01, and bus/t is published up to 2026-02-28",
        ),
        (&[first], &["a string", "b integer", "c number", &early_roof], "", "'since' of 'd' is 2026-02-28"),
        (
            &[first],
            &["a string", &never, "b integer", "c number"],
            "",
            "'tripname', the alias of 'x', was never published in bus/t. Known are: a, b, c.",
        ),
        (
            &[first],
            &["a string", "b integer"],
            "{name: c, until: 2026-02-27}",
            "'c' of bus/t ends with 2026-02-27, and is published up to 2026-02-28. Write 2026-02-28 or a later date",
        ),
        // Renamed already.
        (
            &[first, renamed],
            &[&late, "b integer", "c number"],
            "",
            "'since' of 'x' is 2026-04-01, and bus/t was published with 2026-03-01. Write 'since' with 2026-03-01",
        ),
        (
            &[first, renamed],
            &[&y_of_a, "b integer", "c number"],
            "",
            "'a' of bus/t, the alias of 'y', is called 'x' already. Write 'alias' with the last name: 'x'",
        ),
        (
            &[first, renamed],
            &["x string", "a integer", "b integer", "c number"],
            "",
            "'a' of bus/t is what 'x' was called before, in files that are out. Give the column another name",
        ),
        (
            &[first, renamed],
            &["x string", "a string", "b integer", "c number"],
            "",
            "'a' of bus/t is what 'x' was called before",
        ),
        (
            &[first, own],
            &[&x_of_a, "b integer", "c number"],
            "",
            "'x' of bus/t is published already as a column of its own, so that 'a' cannot become it",
        ),
        // Gone already.
        (
            &[first, gone],
            &["a string", "b integer", &back],
            "",
            "'c' of bus/t, the alias of 'z', is gone already. Remove the alias",
        ),
        (
            &[first, gone],
            &["a string", "b integer", "c date"],
            "",
            "'c' of bus/t was the name of another column, which is gone and was double",
        ),
        (
            &[first, gone],
            &["a string", "b integer"],
            "{name: c, until: 2026-03-05}",
            "'until' of 'c' is 2026-03-05, and bus/t was published with 2026-02-28",
        ),
    ];
    for (before, lines, removed, expected) in cases {
        let (refused, _) = told(&after(before), lines, removed);
        assert!(refused.iter().any(|problem| problem.contains(expected)), "{expected}:\n{refused:#?}");
    }
    // A second name after the first one is fine, and the way back, too; each says the last name.
    let twice = after(&[first, renamed, (&[&y_of_x, "b integer", "c number"], "")]);
    let said: Vec<&str> = twice.columns[0].earlier_names().collect();
    assert_eq!((twice.columns[0].name.as_str(), said), ("y", vec!["x", "a"]));
    let home = alias("a", "string", "2026-03-01", "y");
    assert_eq!(told(&twice, &[&home, "b integer", "c number"], "").0, [""; 0]);
    assert_eq!(told(&twice, &[&c_of_x, "b integer", "c number"], "").0.len(), 2);
    // The columns of a table without files are free.
    let empty = index(twice.columns.clone(), &[], &contract(BEFORE, ""));
    assert_eq!(told(&empty, &["a date"], "").0, [""; 0]);
}

#[test]
fn a_public_column_that_is_made_private_is_named_with_all_of_its_names() {
    let x = format!("x {}", since("string", "2026-03-01", &[("alias", "a")]));
    let index = after(&[(BEFORE, ""), (&[&x, "b integer", "c number"], "")]);
    let (refused, _) = told(&index, &["x string, classification: private", "b integer", "c number"], "");
    assert_eq!(refused, ["private 9:x,a"]);
    let stays = "x string, classification: private, customProperties: [{property: publicUntil, value: {date: 2026-02-28, reason: \
                 names of lines}}]";
    let (refused, notes) = told(&index, &[stays, "b integer", "c number"], "");
    assert_eq!((refused, notes.len()), (Vec::<String>::new(), 1));
    let early = stays.replace("02-28", "02-27");
    let (refused, _) = told(&index, &[&early, "b integer", "c number"], "");
    assert!(refused[0].contains("'x' of bus/t ends with 2026-02-27, and is published up to 2026-02-28"), "{refused:?}");
}

#[test]
fn what_contradicts_itself_in_a_contract_is_a_mistake() {
    let of = |name: &str, properties: &[(&str, &str)]| format!("{name} {}", changed("string", properties));
    let since = ("since", "2026-03-01");
    let a = |properties: &[(&str, &str)]| of("a", properties);
    let private = |text: String| format!("{text}, classification: private");
    for (lines, removed, expected) in [
        (vec![a(&[("alias", "b")])], "", "'a' has another name or type than before, and nothing says since when"),
        (vec![a(&[("alias", "b"), ("since", "March")])], "", "'since' is 'March', which is no date"),
        (vec![a(&[("alias", "a"), since])], "", "'a' is the alias of itself"),
        (
            vec![a(&[("alias", "b"), since]), "b string".to_owned()],
            "",
            "'b' is the alias of 'a', and is a column itself",
        ),
        (
            vec![a(&[("alias", "b"), since]), of("b", &[("alias", "a"), since])],
            "",
            "'a' and 'b' are each the alias of the other. Columns cannot swap their names",
        ),
        (
            vec![a(&[("alias", "b"), since]), of("c", &[("alias", "b"), since])],
            "",
            "'a' and 'c' both have the alias 'b'",
        ),
        (vec![a(&[("alias", "b"), since])], "{name: b, until: 2026-02-28}", "'b' is removed, and is the alias of 'a'"),
        (vec![a(&[])], "{name: a, until: 2026-02-28}", "'a' is removed, and is a column of the contract"),
        (
            vec![a(&[])],
            "{name: b, until: 2026-02-28}, {name: b, until: 2026-02-28}",
            "'b' stands twice under 'removedColumns'",
        ),
        (vec![a(&[])], "{name: b}", "'until' is missing"),
        (vec![a(&[])], "{name: b, until: soon}", "'until' is 'soon', which is no date"),
        (vec![a(&[("wasType", "int32"), since])], "", "a column of the type 'int32' cannot become what this one is"),
        (
            vec![private(a(&[("alias", "b"), since]))],
            "",
            "'a' is not published, and says how its published values have changed",
        ),
        (
            vec![a(&[("publicUntil", "{date: 2026-02-28, reason: why}")])],
            "",
            "'a' is public, and 'publicUntil' says that it is no more",
        ),
        (
            vec![private(a(&[("publicUntil", "{date: 2026-02-28}")]))],
            "",
            "'publicUntil' of 'a' does not say until when it was published, and why",
        ),
        (vec![a(&[("sinse", "2026-03-01")])], "", "Did you mean 'since'?"),
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let found = read(&lines, removed).unwrap_err();
        assert!(found.iter().any(|problem| problem.contains(expected)), "{expected}: {found:#?}");
        assert!(found.iter().all(|problem| problem.starts_with("t.odcs.yaml:")), "{found:?}");
    }
}

/// The lines of a table of places: whatever is said of its own columns, and a geometry with a name.
fn places(own: &[&str], geometry: &str) -> Contract {
    let geometry = format!("{geometry} string, customProperties: [{{property: geometryOf, value: [lat, lon]}}]");
    contract(&[&["lat number", "lon number"], own, &[geometry.as_str()]].concat(), "")
}

#[test]
fn no_column_takes_the_name_of_a_geometry_that_files_have_and_no_geometry_that_of_a_column() {
    let first = places(&["place string"], "geometry");
    let mut index = index(columns(&[], true, &first), DATES, &first);
    index.geometries = geometries(&[], &first);
    assert_eq!(index.geometries, ["geometry"]);
    let refused = |contract: &Contract| -> Vec<String> {
        evolution(&index, contract).refused.iter().map(ToString::to_string).collect()
    };
    assert_eq!(refused(&first), [""; 0]);
    // Another name for the geometry is free; files of both times have each its own.
    let renamed = places(&["place string"], "shape");
    assert_eq!(refused(&renamed), [""; 0]);
    assert_eq!(geometries(&index.geometries, &renamed), ["geometry", "shape"]);
    let column = refused(&contract(&["lat number", "lon number", "place string", "geometry string"], ""));
    assert!(column.len() == 1 && column[0].contains("is a geometry or its bounds in files that are out"), "{column:?}");
    let geometry = refused(&places(&[], "place"));
    assert!(geometry.iter().any(|told| told.contains("take the name of 'place'")), "{geometry:?}");
}
