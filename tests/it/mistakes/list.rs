//! Mistakes, and what is told of each.

pub(super) const LOCATIONS: &str = "schemas/stadtbus/vehicle_locations.odcs.yaml";
pub(super) const STOPS: &str = "schemas/gtfs/stops.odcs.yaml";
const VISITS: &str = "schemas/tides/stop_visits.odcs.yaml";
const ALERTS: &str = "schemas/gtfs-realtime/alerts.odcs.yaml";
pub(super) const TEST: &str = "schemas/stadtbus/tests/vehicle_locations.speed_possible.yaml";
pub(super) const TELEMETRY: &str = "pipelines/stadtbus-telemetrie.yaml";

const SPEED: &str = "SELECT _index FROM vehicle_locations WHERE speed > 35";
const COUNTED: &str = "SELECT CAST(COUNT(occupancy_quality) AS DOUBLE) * 100 / COUNT(*) AS counted FROM {object}";

/// A change to a file of the workspace; the text whose line must be told, in that file; and what is told of it.
pub(super) struct Mistake(
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
);

pub(super) const MISTAKES: &[Mistake] = &[
    // Queries.
    Mistake(
        LOCATIONS,
        "WHERE speed > 35",
        "WHERE spede > 35",
        "WHERE spede",
        "the rule 'vehicle_locations.speed_possible' cannot run: there is no column 'spede'. Did you mean 'speed'?",
    ),
    Mistake(
        LOCATIONS,
        "WHERE event_timestamp < received_at - INTERVAL '24 hours'",
        "WHERE event_timestamp < received - INTERVAL '24 hours'",
        "< received -",
        "the rule 'vehicle_locations.report_of_the_day' cannot run: there is no column 'received'. Did you mean 'received_at'?",
    ),
    Mistake(
        LOCATIONS,
        "WHERE l.trip_start_time <> t.starts",
        "WHERE l.trip_start_time <> t.start",
        "<> t.start\n",
        "the rule 'vehicle_locations.start_time_of_the_trip' cannot run: 't' has no column 'start'. Did you mean 'starts'?",
    ),
    Mistake(
        LOCATIONS,
        "WHERE l.trip_start_time <> t.starts",
        "WHERE l.trip_start_time <> times.starts",
        "<> times.starts",
        "cannot run: no table of the query has the name 'times'. Name a table as FROM or JOIN does",
    ),
    Mistake(
        LOCATIONS,
        "INTERVAL '24 hours' OR event_timestamp",
        "INTERVAL '24 hours' ORR event_timestamp",
        "ORR",
        "the query does not parse: Expected: end of statement, found: ORR. Mend the SQL.",
    ),
    Mistake(
        LOCATIONS,
        "WHERE trip_id NOT IN (SELECT trip_id FROM timetable_frequencies)",
        "WHERE trip_id NOT IN (SELECT trip_id FROM timetable_frequencies",
        "GROUP BY trip_id\n          - name: snapshots",
        "the query does not parse: Expected: ), found its end. Mend the SQL.",
    ),
    Mistake(
        LOCATIONS,
        "implementation: |\n          SELECT _index FROM vehicle_locations WHERE speed > 35",
        "implementation: SELECT _index FROM vehicle_locations WHERE speed > > 35",
        "speed > > 35",
        "the query does not parse: Expected: an expression, found: >. Mend the SQL.",
    ),
    Mistake(LOCATIONS, SPEED, "DELETE FROM vehicle_locations", "DELETE FROM", "it is no query. Mend the SQL."),
    Mistake(
        LOCATIONS,
        "speed > 35",
        "speed > 'fast'",
        "'fast'",
        "cannot run: it compares text with a number. Write numbers without quotes",
    ),
    Mistake(
        LOCATIONS,
        "JOIN timetable_trips AS t ON l.trip_id_scheduled = t.trip_id\n          WHERE t.trip_id IS NULL",
        "JOIN timetable_trip AS t ON l.trip_id_scheduled = t.trip_id\n          WHERE t.trip_id IS NULL",
        "JOIN timetable_trip AS",
        "the rule 'vehicle_locations.trip_in_timetable' reads from 'timetable_trip', which is not known here. \
         Did you mean 'timetable_trips'?",
    ),
    Mistake(
        LOCATIONS,
        "SELECT trip_id_scheduled FROM trip_updates",
        "SELECT trip_id_scheduled FROM trip_update",
        "FROM trip_update\n",
        "reads from 'trip_update', which is not known here. Did you mean 'trip_updates'?",
    ),
    Mistake(
        LOCATIONS,
        "WHERE NOT in_service_area(latitude, longitude)",
        "WHERE NOT in_service_area(latitude)",
        "in_service_area(latitude)",
        "cannot run: in_service_area takes 2 arguments, not 1. Write in_service_area(latitude, longitude).",
    ),
    Mistake(
        LOCATIONS,
        "WHERE NOT in_service_area(latitude, longitude)",
        "WHERE NOT in_servicearea(latitude, longitude)",
        "in_servicearea",
        "cannot run: there is no function 'in_servicearea'. Did you mean 'in_service_area'?",
    ),
    Mistake(
        LOCATIONS,
        SPEED,
        "SELECT vehicle_id FROM vehicle_locations WHERE speed > 35",
        "SELECT vehicle_id FROM vehicle_locations WHERE speed",
        "the rule 'vehicle_locations.speed_possible' does not return '_index', which says which rows it names. \
         Let it begin with 'SELECT _index FROM ...'.",
    ),
    Mistake(
        LOCATIONS,
        COUNTED,
        "SELECT occupancy_percentage FROM {object}",
        "SELECT occupancy_percentage FROM {object}",
        "the rule 'vehicle_locations.share_with_occupancy' must return one number, and returns rows. \
         Return one number, as 'SELECT COUNT(*) ...' does.",
    ),
    Mistake(
        LOCATIONS,
        COUNTED,
        "SELECT MAX(route_id) FROM {object}",
        "MAX(route_id)",
        "returns a text. Return one number",
    ),
    Mistake(
        LOCATIONS,
        COUNTED,
        "SELECT MAX(odometer) FROM {object}",
        "MAX(odometer)",
        "makes a number from 'odometer', which is not public, and numbers are published. Count rows with COUNT(odometer)",
    ),
    Mistake(
        STOPS,
        "muss zwei zusammenführen.'}\n          - {property: onFail, value: report}",
        "muss zwei zusammenführen.'}\n          - {property: onFail, value: quarantine}",
        "value: quarantine}\n      - name: stop_in_service_area",
        "compares with earlier partitions, which must not decide what is published of rows. Set onFail to 'report' or 'block'.",
    ),
    Mistake(
        ALERTS,
        "FROM alerts",
        "FROM alerts JOIN previous",
        "JOIN previous",
        "reads from 'previous', but the table is not published and has no partition before. \
         Write the rule for the table that is released.",
    ),
    Mistake(
        STOPS,
        "LEFT JOIN (SELECT DISTINCT stop_id FROM stop_times)",
        "LEFT JOIN (SELECT DISTINCT stop_id FROM timetable_stop_times)",
        "timetable_stop_times",
        "needs 'timetable_stop_times', and this is a timetable itself. Read from 'stop_times', which is the same here.",
    ),
    // What a rule may look at.
    Mistake(
        LOCATIONS,
        COUNTED,
        "SELECT MAX(m) FROM (SELECT * RENAME (odometer AS m) FROM {object}) AS t",
        "SELECT MAX(m)",
        "makes a number and uses * with EXCLUDE, REPLACE, RENAME or ILIKE, which hides whether columns that are not public \
         are in it. Name each column after SELECT",
    ),
    Mistake(
        LOCATIONS,
        COUNTED,
        "SELECT MAX(COLUMNS('odo.*')) FROM {object}",
        "COLUMNS('odo.*')",
        "makes a number and uses the function COLUMNS, which hides",
    ),
    Mistake(
        LOCATIONS,
        COUNTED,
        "SELECT COUNT(CASE WHEN odometer > 500000 THEN 1 END) FROM {object}",
        "odometer > 500000",
        "makes a number from 'odometer', which is not public, and numbers are published. Count rows with COUNT(odometer)",
    ),
    Mistake(
        LOCATIONS,
        COUNTED,
        "SELECT COUNT(*) FROM {object} WHERE odometer > 500000",
        "odometer > 500000",
        "makes a number from 'odometer', which is not public",
    ),
    Mistake(
        LOCATIONS,
        COUNTED,
        "SELECT COUNT(DISTINCT device_id) FROM {object}",
        "DISTINCT device_id",
        "makes a number from 'device_id', which is not public",
    ),
    Mistake(
        LOCATIONS,
        SPEED,
        "SELECT CAST(odometer AS BIGINT) AS _index FROM vehicle_locations WHERE speed > 35",
        "CAST(odometer",
        "makes '_index' from 'odometer', which is not public, and which rows it names is told. \
         Let it return the '_index' of the table's rows.",
    ),
    Mistake(
        LOCATIONS,
        "properties: [vehicle_id, event_timestamp]",
        "properties: [device_id, event_timestamp]",
        "metric: duplicateValues",
        "'duplicateValues' looks at values of 'device_id', which is not public, and its number is published. \
         Count with 'nullValues', or write a rule that flags rows.",
    ),
    Mistake(
        LOCATIONS,
        SPEED,
        "SELECT _index FROM vehicle_location WHERE speed > 35",
        "FROM vehicle_location WHERE",
        "Did you mean 'vehicle_locations'?",
    ),
    // What could never fire, or always.
    Mistake(
        LOCATIONS,
        "{pattern: '^[0-9a-f]{16}$'}",
        "{pattern: '(?x) [0-9a-f]{16} # digits'}",
        "{pattern: '(?x)",
        "has the flag x, with which blanks and comments are not part of it. Write it without '(?x)'",
    ),
    Mistake(
        LOCATIONS,
        "{pattern: '^[0-9a-f]{16}$'}",
        "{minimum: 5}",
        "{minimum: 5}",
        "'minimum' is about what has an order, and 'vehicle_id' holds texts. Remove it, or write 'values' or a SQL rule.",
    ),
    Mistake(
        LOCATIONS,
        "{pattern: '^[0-9a-f]{16}$'}",
        "{minLength: 17, maxLength: 16}",
        "{minLength: 17",
        "'minLength' is greater than 'maxLength'. Swap the two.",
    ),
    Mistake(
        LOCATIONS,
        "logicalTypeOptions: {minimum: 0}",
        "logicalTypeOptions: {minimum: 0, pattern: '[0-9]+'}",
        "pattern: '[0-9]+'",
        "'pattern' is about texts, and ",
    ),
    Mistake(
        LOCATIONS,
        "logicalTypeOptions: {minimum: 0}",
        "logicalTypeOptions: {minimum: .nan}",
        "{minimum: .nan}",
        "'minimum' is no finite number. Write a number.",
    ),
    // Names that become folders and files.
    Mistake(
        ALERTS,
        "  - name: alerts\n",
        "  - name: /srv/alerts\n",
        "- name: /srv/alerts",
        "'/srv/alerts' is no name for a table. Use a-z, 0-9, '-' and '_'.",
    ),
    Mistake(
        LOCATIONS,
        "- name: frozen_gps",
        "- name: ../frozen",
        "- name: ../frozen",
        "'../frozen' is no name for a rule. Use letters without accents, 0-9, '-', '_' and '.'.",
    ),
    // Views.
    Mistake(
        LOCATIONS,
        "WINDOW w AS (PARTITION BY vehicle_id ORDER",
        "WINDOW w AS (PARTITION BY vehicle ORDER",
        "PARTITION BY vehicle ORDER",
        "the view 'steps' cannot run: there is no column 'vehicle'. Did you mean 'vehicle_id'?",
    ),
    Mistake(
        LOCATIONS,
        "- name: trip_times",
        "- name: timetable_times",
        "- name: timetable_times",
        "the name 'timetable_times' of the view is taken. Give the view another name.",
    ),
    Mistake(
        LOCATIONS,
        "FROM timetable_stop_times\n",
        "FROM silences\n",
        "FROM silences\n              WHERE",
        "the view 'trip_times' reads from the view 'silences', which stands below it. Move 'silences' above it.",
    ),
    // What an entry says.
    Mistake(
        LOCATIONS,
        "- name: frozen_gps",
        "- name: speed_possible",
        "- name: speed_possible\n        type: custom\n        engine: fahrtenbuch\n        description: The position",
        "the rule 'vehicle_locations.speed_possible' stands here twice. Give each rule a name of its own.",
    ),
    Mistake(
        LOCATIONS,
        "- name: one_report_per_vehicle_and_time",
        "- name: primary_key",
        "- name: primary_key",
        "the rule 'vehicle_locations.primary_key' has the name of a check that the columns of the contract make. \
         Give it another name.",
    ),
    Mistake(
        LOCATIONS,
        "mustBeGreaterThan: 80",
        "mustBeGreaterThan: 80\n        mustBeLessThan: 100",
        "mustBeLessThan: 100\n",
        "'mustBeLessThan' is a second operator. Write one of mustBe, mustNotBe, mustBeGreaterThan",
    ),
    Mistake(
        LOCATIONS,
        "mustBeGreaterThan: 80",
        "mustBeBetween: [90, 80]",
        "mustBeBetween",
        "the first number is not below the second. Swap the two.",
    ),
    Mistake(
        LOCATIONS,
        "{property: returns, value: number}",
        "{property: returns, value: numbers}",
        "value: numbers}",
        "'returns: numbers' does not fit. Write 'rows', or 'number' and the operator that the number must meet.",
    ),
    Mistake(
        LOCATIONS,
        "{property: descriptionDe, value: Es gibt mehr als halb so viele Meldungen wie an den Tagen derselben Art davor.}",
        "{property: partitions, value: 0}",
        "{property: partitions, value: 0}",
        "'partitions' is no count of partitions. Write a whole number from 1.",
    ),
    Mistake(
        LOCATIONS,
        "{property: per, value: [trip_id_scheduled]}",
        "{property: per, value: [trip_id_schedule]}",
        // Two rules have it.
        "{property: per, value: [trip_id_schedule]}",
        "'trip_id_schedule' is no column of 'vehicle_locations'. Did you mean 'trip_id_scheduled'?",
    ),
    Mistake(
        LOCATIONS,
        "{property: invalidates, value: [speed]}",
        "{property: invalidates, value: [sped]}",
        "[sped]",
        "'sped' is no column of 'vehicle_locations'. Did you mean 'speed'?",
    ),
    Mistake(
        LOCATIONS,
        "{property: invalidates, value: [speed]}",
        "{property: invalidate, value: [speed]}",
        "invalidate,",
        "the custom property 'invalidate' is not known here. Did you mean 'invalidates'?",
    ),
    Mistake(
        LOCATIONS,
        "          - {property: onFail, value: quarantine}",
        "          - {property: onFail, value: invalidate}",
        "- {property: onFail, value: invalidate}\n      - name: position_in_service_area",
        "the rule 'vehicle_locations.report_of_the_day' does not say which columns it invalidates. \
         Add the custom property 'invalidates' with a list of columns.",
    ),
    Mistake(
        LOCATIONS,
        "{property: onFail, value: quarantine}",
        "{property: onFail, value: quarantaine}",
        "quarantaine",
        "'quarantaine' is no onFail. Did you mean 'quarantine'?",
    ),
    Mistake(
        LOCATIONS,
        "dimension: uniqueness",
        "dimension: unique",
        "dimension: unique\n",
        "'unique' is no dimension. Did you mean 'uniqueness'?",
    ),
    Mistake(
        LOCATIONS,
        "dimension: timeliness\n        severity: error",
        "dimension: timeliness\n        severity: fatal",
        "severity: fatal",
        "'fatal' is no severity. Known are: info, warning, error.",
    ),
    Mistake(
        LOCATIONS,
        "metric: duplicateValues",
        "metric: duplicates",
        "metric: duplicates",
        "'duplicates' is no metric. Known are: rowCount, nullValues, missingValues, invalidValues, duplicateValues.",
    ),
    Mistake(
        LOCATIONS,
        "unit: percentOfMedian",
        "unit: percentOfMean",
        "percentOfMean\n",
        "'percentOfMean' is no unit. Did you mean 'percentOfMedian'?",
    ),
    Mistake(LOCATIONS, "type: sql\n", "type: sqll\n", "type: sqll", "no type of quality rule. Did you mean 'sql'?"),
    Mistake(
        LOCATIONS,
        "properties: [vehicle_id, event_timestamp]",
        "properties: [vehicle_id, event_time]",
        "properties: [vehicle_id, event_time]",
        "'event_time' is no column of 'vehicle_locations'. Did you mean 'event_timestamp'?",
    ),
    Mistake(
        LOCATIONS,
        "{pattern: '^[0-9a-f]{16}$'}",
        "{patern: '^[0-9a-f]{16}$'}",
        "patern:",
        "'patern' is no option here. Did you mean 'pattern'?",
    ),
    Mistake(
        LOCATIONS,
        "value: 15\n    unit: minutes",
        "value: 15\n    unit: minuts",
        "unit: minuts",
        "'minuts' is no unit of time. Did you mean 'minute'?",
    ),
    Mistake(
        LOCATIONS,
        "element: vehicle_locations.received_at",
        "element: vehicle_locations.route_id",
        "element: vehicle_locations.route_id",
        "'route_id' is no timestamp. Name a column of the logicalType timestamp.",
    ),
    Mistake(
        LOCATIONS,
        "        dimension: uniqueness\n",
        "       dimension: uniqueness\n",
        "       dimension: uniqueness",
        "not readable as YAML: while parsing a block collection, did not find expected '-' indicator at column 8. \
         Mend the syntax there or just above; the indentation counts.",
    ),
    // Between contracts.
    Mistake(
        VISITS,
        "../gtfs/stops.odcs.yaml",
        "../gfts/stops.odcs.yaml",
        "../gfts/",
        "the foreign key leads into '../gfts/stops.odcs.yaml', which does not exist. \
         Write the path from this contract's folder, such as '../gtfs/stops.odcs.yaml'.",
    ),
    // Tests of rules.
    Mistake(
        TEST,
        "rule: vehicle_locations.speed_possible",
        "rule: vehicle_locations.speed_posible",
        "rule: ",
        "there is no rule 'vehicle_locations.speed_posible' in this folder. Did you mean 'vehicle_locations.speed_possible'?",
    ),
    Mistake(
        TEST,
        "- {speed: 36}",
        "- {sped: 36}",
        "sped:",
        "'sped' is no column of 'vehicle_locations'. Did you mean 'speed'?",
    ),
    Mistake(TEST, "- {speed: 36}", "- {speed: fast}", "fast}", "'fast' is no value of 'speed'. Write a number."),
    Mistake(
        TEST,
        "\n    named: [2]",
        "",
        "- name: faster",
        "the case does not say which of its rows are named. Write 'named: []', or the rows counted from 1: 'named: [2]'.",
    ),
    Mistake(
        TEST,
        "named: [2]",
        "named: [3]",
        "named: [3]",
        "the case names the row 3, and has 2. Write the rows that are named, counted from 1: 'named: [2]'.",
    ),
    // Pipelines.
    Mistake(
        TELEMETRY,
        "timetable: stadtbus-fahrplan\n",
        "",
        "derived: [",
        "the derivation 'trips_observed' needs a timetable, and the pipeline names none.",
    ),
    Mistake(
        TELEMETRY,
        "timetable: stadtbus-fahrplan\n",
        "timetable: stadtbus-fahrplaene\n",
        "timetable:",
        "there is no pipeline of a timetable with the name 'stadtbus-fahrplaene'. Did you mean 'stadtbus-fahrplan'?",
    ),
    Mistake(
        TELEMETRY,
        "format: gtfs-realtime\n",
        "format: gtfs-realtime\ndataset: stadtbus-fahrplan\n",
        "dataset:",
        "the dataset 'stadtbus-fahrplan' is that of stadtbus-fahrplan.yaml, too. Give each pipeline a 'dataset' of its own.",
    ),
    Mistake(
        "fahrtenbuch.yaml",
        "service_area: [48.2, 7.6, 48.75, 8.3]\n",
        "",
        "title:",
        "other queries need the service area, which is missing. Add 'service_area: [south, west, north, east]' here.",
    ),
];
