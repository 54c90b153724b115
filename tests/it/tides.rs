//! The contracts of TIDES say what its specification says, column by column.

use std::collections::BTreeMap;

use fahrtenbuch::contract::library::Library;
use fahrtenbuch::contract::{Classification, Column, Contract, Kind};

use crate::world::root;

/// A row of the specification: what it says of one column.
type Row = BTreeMap<String, String>;

/// The columns of each table, in the order of the specification.
fn specification() -> BTreeMap<String, Vec<Row>> {
    let text = std::fs::read_to_string(root().join("tests/facts/tides_tables.tsv")).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let mut tables: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for line in lines {
        let cells = header.iter().zip(line.split('\t'));
        let row: Row = cells.map(|(name, cell)| ((*name).to_owned(), cell.to_owned())).collect();
        tables.entry(row["table"].clone()).or_default().push(row);
    }
    tables
}

fn contracts() -> Library {
    Library::read(&root().join("schemas/tides")).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

fn kind(name: &str) -> Kind {
    match name {
        "string" => Kind::Text,
        "integer" => Kind::Int32,
        "number" => Kind::Float,
        "boolean" => Kind::Boolean,
        "date" => Kind::Date,
        "datetime" => Kind::Instant,
        other => panic!("{other}"),
    }
}

/// Lists in the specification are written with bars; the missing values end with the empty text.
fn list(cell: &str) -> Vec<&str> {
    if cell.is_empty() { Vec::new() } else { cell.split('|').collect() }
}

#[test]
fn every_column_of_the_specification_is_in_the_contracts_as_it_says() {
    let (tables, library) = (specification(), contracts());
    assert_eq!(tables.keys().collect::<Vec<_>>(), library.contracts.keys().collect::<Vec<_>>());
    let mut columns = 0;
    for (table, rows) in &tables {
        let contract = library.get(table).unwrap();
        assert_eq!(contract.id, format!("tides-{}", table.replace('_', "-")));
        let file = root().join(format!("schemas/tides/{table}.odcs.yaml"));
        assert_eq!(contract.file, file);
        assert_eq!(contract.columns.len(), rows.len(), "{table}");
        for (place, (row, column)) in rows.iter().zip(&contract.columns).enumerate() {
            let name = format!("{table}.{}", row["column"]);
            assert_eq!((&column.name, row["column_no"].as_str()), (&row["column"], (place + 1).to_string().as_str()));
            assert_eq!(column.kind, kind(&row["type"]), "{name}");
            assert_eq!(column.required, row["required"] == "True", "{name}");
            assert_eq!(column.unique, row["unique"] == "True", "{name}");
            assert_eq!((column.minimum, column.maximum), (row["minimum"].parse().ok(), row["maximum"].parse().ok()));
            let values: Vec<&str> = column.values.iter().map(|value| value.value.as_str()).collect();
            assert_eq!(values, list(&row["pattern_or_enum"]), "{name}");
            assert_eq!(column.pattern, None, "{name}");
            assert_eq!(contract.primary_key.contains(&place), row["primary_key"] == "PK", "{name}");
            assert_eq!(contract.missing_values, list(&row["missing_values"]), "{name}");
            assert!(column.description.is_some() && column.description_de.is_some(), "{name}");
            assert_ne!(column.description.as_deref(), Some(row["description"].as_str()), "{name}: in our own words");
            columns += 1;
        }
        assert!(contract.primary_key.is_sorted(), "{table}: keys are in the order of the columns");
        assert!(contract.description.is_some() && contract.description_de.is_some(), "{table}");
    }
    assert_eq!(columns, 157);
}

/// What the specification says that a column refers to, `table.column`, with its slips mended: two tables misspelt,
/// performed trips looked for in the timetable, and scheduled trips in a table where they are no key.
fn references(row: &Row) -> Vec<(String, String)> {
    let titled = row["title_or_other"]
        .split('"')
        .filter(|text| text.contains("referenc"))
        .filter_map(|text| text.rsplit(' ').next().filter(|name| name.contains('.')));
    let mut found = Vec::new();
    for name in row["foreign_reference_nonstandard"].split_whitespace().chain(titled) {
        let (table, column) = name.split_once('.').unwrap();
        let table = match (table, column) {
            ("train_car", _) => "train_cars",
            ("operator", _) => "operators",
            ("stop_times", "service_date" | "trip_id_performed") => "stop_visits",
            ("trips_performed", "trip_id_scheduled") => "trips",
            (table, _) => table,
        };
        let column = if column == "trip_id_scheduled" { "trip_id" } else { column };
        found.push((table.to_owned(), column.to_owned()));
    }
    found
}

#[test]
fn every_reference_of_the_specification_is_a_foreign_key() {
    let library = contracts();
    let mut lost = Vec::new();
    let mut elsewhere = 0;
    for (table, rows) in &specification() {
        let contract = library.get(table).unwrap();
        for (place, row) in rows.iter().enumerate() {
            for (to, column) in references(row) {
                let key = contract.foreign_keys.iter().find(|key| {
                    let own = key.columns.iter().position(|&own| own == place);
                    own.is_some_and(|own| key.targets[0].table == to && key.targets[0].columns[own] == column)
                });
                let Some(key) = key else {
                    lost.push(format!("{table}.{} -> {to}.{column}", row["column"]));
                    continue;
                };
                elsewhere += usize::from(key.targets[0].file.is_some());
            }
        }
        // A date is the key of nothing, nor is the place of a stop without its trip.
        let alone = |key: &[usize]| matches!(key, [own] if contract.columns[*own].kind != Kind::Text);
        assert!(!contract.foreign_keys.iter().any(|key| alone(&key.columns)), "{table}");
    }
    // Which trip of the timetable a visit belongs to stands in trips_performed only.
    assert_eq!(lost, ["stop_visits.scheduled_stop_sequence -> stop_times.stop_sequence"]);
    assert!(elsewhere >= 15, "{elsewhere}");
    let order: Vec<String> = library.in_reference_order().iter().map(|contract| contract.table.clone()).collect();
    let place = |table: &str| order.iter().position(|other| other == table).unwrap();
    assert!(place("trips_performed") < place("stop_visits") && place("stop_visits") < place("passenger_events"));
}

#[test]
fn what_lasts_longer_than_a_day_or_names_a_person_is_not_public() {
    let private = |contract: &Contract| -> Vec<String> {
        let private = |column: &&Column| column.classification == Classification::Private;
        contract.columns.iter().filter(private).map(|column| column.name.clone()).collect()
    };
    for contract in contracts().contracts.values() {
        let expected: &[&str] = match contract.table.as_str() {
            "devices" => &["device_id", "vehicle_id", "train_car_id"],
            "fare_transactions" => &["transaction_id", "device_id", "token_id", "balance"],
            "operators" => &["operator_id"],
            "passenger_events" => &["device_id", "train_car_id"],
            "train_cars" => &["train_car_id"],
            "trips_performed" => &["operator_id"],
            "vehicle_locations" => &["device_id", "odometer"],
            "vehicle_train_cars" => &["vehicle_id", "train_car_id", "operator_id"],
            "vehicles" => &["vehicle_id"],
            _ => &[],
        };
        assert_eq!(private(contract), expected, "{}", contract.table);
    }
}
