//! What columns, names and options may say.

use std::path::Path;

use super::contract;
use crate::contract::Encoding;

#[test]
fn physical_types_and_encodings_that_a_column_cannot_have_are_mistakes() {
    let of = |column: &str| {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
             properties:\n      - {{name: a, {column}}}\n"
        );
        match contract(Path::new("t.odcs.yaml"), &text) {
            Ok(contract) => Ok((contract.columns[0].release_type(), contract.columns[0].encoding)),
            Err(problems) => Err(problems[0].to_string()),
        }
    };
    let property = |name: &str, value: &str| format!("customProperties: [{{property: {name}, value: {value}}}]");
    use arrow_schema::DataType;
    assert_eq!(of("logicalType: number, physicalType: float"), Ok((DataType::Float32, None)));
    assert_eq!(of("logicalType: number, physicalType: double"), Ok((DataType::Float64, None)));
    assert_eq!(of("logicalType: number"), Ok((DataType::Float64, None)));
    assert!(of("logicalType: number, physicalType: flaot").unwrap_err().contains("float"));
    assert!(of("logicalType: string, physicalType: float").unwrap_err().contains("holds none"));
    assert!(of("logicalType: integer, physicalType: float").unwrap_err().contains("no physicalType"));
    let latitude = format!("logicalType: number, physicalType: float, {}", property("gtfsType", "Latitude"));
    assert!(of(&latitude).unwrap_err().contains("more digits"));
    let plain = format!("logicalType: number, {}", property("encoding", "plain"));
    assert_eq!(of(&plain), Ok((DataType::Float64, Some(Encoding::Plain))));
    for (kind, encoding) in [
        ("logicalType: number", "delta"),
        ("logicalType: string", "byteStreamSplit"),
        ("logicalType: boolean", "dictionary"),
        ("logicalType: string, unique: true", "dictionary"),
        ("logicalType: string", "zigzag"),
    ] {
        let found = of(&format!("{kind}, {}", property("encoding", encoding))).unwrap_err();
        assert!(found.contains(&format!("'{encoding}' is no encoding")), "{found}");
    }
}

/// What is told of one column: its mistakes, or the checks that it makes.
fn checks(column: &str) -> Result<Vec<String>, String> {
    let text = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.10\nstatus: active\nschema:\n  - name: t\n    \
         properties:\n      - {{name: a, {column}}}\n"
    );
    let contract = contract(Path::new("t.odcs.yaml"), &text).map_err(|problems| {
        assert!(problems.iter().all(|problem| problem.line == 9 && problem.remedy.len() > 8), "{problems:?}");
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    })?;
    assert_eq!(contract.version, "1.10");
    let specs = crate::check::rules::specs(&contract);
    let of_column = specs.into_iter().filter(|spec| spec.id.0.starts_with("t.a.") && spec.id.0 != "t.a.type");
    Ok(of_column.map(|spec| spec.message).collect())
}

#[test]
fn checks_that_never_fire_or_always_are_mistakes() {
    let values = |kind: &str, values: &str| {
        format!("logicalType: {kind}, customProperties: [{{property: values, value: {values}}}]")
    };
    let options = |kind: &str, options: &str| format!("logicalType: {kind}, logicalTypeOptions: {{{options}}}");
    for (column, expected) in [
        (values("number", "[1, 2]"), "'values' is for texts and whole numbers, and the column holds numbers"),
        (values("boolean", "[true]"), "holds true and false"),
        (values("date", "['2026-01-01']"), "holds dates"),
        (values("time", "['08:00:00']"), "holds times"),
        (values("timestamp", "['2026-01-01T00:00:00Z']"), "holds timestamps"),
        (values("integer", "[one]"), "'one' is no value of the column"),
        (values("integer", "[3000000000]"), "'3000000000' is no value of the column"),
        (options("date", "minimum: 5"), "'minimum' is no date"),
        (options("date", "minimum: 2026-11-24 10:00"), "'minimum' is no date"),
        (options("date", "maximum: 2026-11-24T10:00:00Z"), "'maximum' is no date"),
        (options("timestamp", "minimum: '2026-11-24T10:00[America/New_York]'"), "'minimum' is no instant"),
        (options("date", "multipleOf: 5"), "'multipleOf' is about numbers, and 'a' holds dates"),
        (options("timestamp", "exclusiveMaximum: soon"), "'exclusiveMaximum' is no instant"),
        (options("time", "maximum: late"), "'maximum' is no time"),
        (options("boolean", "minimum: 0"), "'minimum' is about what has an order"),
        (options("string", "maximum: 9"), "'maximum' is about what has an order"),
        (options("integer", "pattern: '[0-9]+'"), "'pattern' is about texts, and 'a' holds whole numbers"),
        (options("date", "pattern: '2026.*'"), "'pattern' is about texts"),
        (options("integer", "minLength: 3"), "'minLength' is about texts"),
        (options("number", "maxLength: 3"), "'maxLength' is about texts"),
        (options("string", "minLength: 0"), "at least 0 characters"),
        (options("string", "minLength: 4, maxLength: 3"), "'minLength' is greater than 'maxLength'"),
        (options("string", "pattern: '(?x) [0-9]+ # digits'"), "has the flag x"),
        (options("string", "pattern: '(?ix: [0-9]+ )'"), "has the flag x"),
        (options("string", "pattern: '(?i-x)a(?x)b'"), "has the flag x"),
        (options("number", "minimum: .inf"), "'minimum' is no finite number"),
        (options("number", "minimum: many"), "'minimum' is text, expected a number"),
        (options("number", "minimum: 5, exclusiveMaximum: 5"), "nothing lies between"),
        (options("integer", "multipleOf: 1"), "every whole number is a multiple of 1"),
    ] {
        let told = checks(&column).expect_err(&column);
        assert!(told.contains(expected) && told.lines().count() == 1, "{column}: {told}");
    }
    for (column, expected) in [
        (values("string", "[01, 1.10, True]"), "a is one of 01, 1.10, True"),
        (values("integer", "[0, 1]"), "a is one of 0, 1"),
        (options("date", "minimum: 2020-01-01"), "a is at least 2020-01-01"),
        (
            options("timestamp", "minimum: '2020-01-01', exclusiveMaximum: '2030-01-01T01:00:00+01:00'"),
            "a is at least 2020-01-01T00:00:00Z and less than 2030-01-01T00:00:00Z",
        ),
        (options("time", "maximum: '30:00:00'"), "a is at most 30:00:00"),
        (options("string", "pattern: '(?i)[a-f]+ #x'"), "a matches (?i)[a-f]+ #x"),
        (options("string", "pattern: '(?:x|y)(?P<x>z)'"), "a matches (?:x|y)(?P<x>z)"),
    ] {
        assert_eq!(checks(&column), Ok(vec![expected.to_owned()]), "{column}");
    }
}

#[test]
fn names_that_lead_out_of_the_workspace_are_mistakes_with_their_lines() {
    let of = |table: &str, column: &str, file: &str| {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: {table}\n    \
             customProperties: [{{property: gtfsFile, value: {file}}}]\n    \
             properties:\n      - {{name: {column}, logicalType: string}}\n"
        );
        let problems = contract(Path::new("t.odcs.yaml"), &text).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for table in ["/etc/x", "../x", "sub/dir", "'x,y'", "a b", "previous", "timetable_stops", "\"a\\e]52\""] {
        let told = of(table, "a", "a.txt");
        assert!(told.len() == 1 && told[0].starts_with("t.odcs.yaml:7: "), "{told:?}");
        assert!(!told[0].chars().any(char::is_control), "{told:?}");
    }
    for column in ["_index", "a/b", "a b", "_row"] {
        let told = of("t", column, "a.txt");
        assert!(told.len() == 1 && told[0].starts_with("t.odcs.yaml:10: "), "{told:?}");
    }
    assert_eq!(
        of("t", "a", "../a.txt"),
        ["t.odcs.yaml:8: 'gtfsFile' is no name of a file. Write the name alone, such as 'stops.txt'."]
    );
}

#[test]
fn a_geometry_is_made_of_public_columns_and_is_no_column_of_rows() {
    let of = |columns: &str| {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    properties:\n\
             {columns}"
        );
        super::contract(Path::new("t.odcs.yaml"), &text).map_err(|problems| format!("{problems:?}"))
    };
    let places = "      - {name: lat, logicalType: number, classification: public}\n      - {name: lon, logicalType: number, \
                  classification: public}\n      - {name: text, logicalType: string, classification: public}\n      - {name: \
                  secret, logicalType: number}\n";
    let geometry = |name: &str, of: &str| {
        format!(
            "      - {{name: {name}, logicalType: string, physicalType: binary, classification: public, customProperties: \
             [{{property: geometryOf, value: {of}}}]}}\n"
        )
    };
    let contract = of(&format!("{places}{}", geometry("place", "[lat, lon]"))).unwrap();
    let point = crate::contract::GeometryOf::Point { latitude: 0, longitude: 1 };
    assert_eq!((contract.columns.len(), contract.geometry.as_ref().map(|geometry| geometry.of)), (4, Some(point)));
    let schema = contract.release_schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["lat", "lon", "text", "place", "bbox"]);
    let without = of(places).unwrap();
    assert!(without.content_digest() != contract.content_digest() && without.geometry.is_none());
    for (columns, said) in [
        (geometry("place", "[lat, secret]"), "cannot be made of this"),
        (geometry("place", "[text, lon]"), "cannot be made of this"),
        (geometry("place", "[lat]"), "cannot be made of this"),
        (geometry("place", "[lat, length]"), "'length' is no column"),
        (geometry("lat", "[lat, lon]"), "stands here twice"),
        (geometry("bbox", "[lat, lon]"), "'bbox' is the column of the geometry's bounds"),
        (geometry("place", "[lat, lon]") + &geometry("zone", "[text]"), "a table has one geometry"),
        (geometry("place", "[lat, lon]").replace("classification: public", "required: true"), "is not public"),
        (geometry("place", "[lat, lon]").replace("physicalType", "unique: true, physicalType"), "'unique'"),
    ] {
        let found = of(&format!("{places}{columns}")).unwrap_err();
        assert!(found.contains(said), "{columns}: {found}");
    }
}

#[test]
fn a_bloom_filter_is_for_public_ids() {
    for (kind, value, is_good) in [
        ("string, classification: public", "true", true),
        ("integer, classification: public", "false", true),
        ("string", "true", false),
        ("number, classification: public", "true", false),
        ("string, classification: public", "often", false),
    ] {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    properties:\n      \
             - {{name: a, logicalType: {kind}, customProperties: [{{property: bloomFilter, value: {value}}}]}}\n"
        );
        let read = super::contract(Path::new("t.odcs.yaml"), &text);
        assert_eq!(
            read.as_ref().map(|contract| contract.columns[0].bloom_filter).ok(),
            is_good.then(|| value == "true")
        );
    }
}
