"""What each kind of number on a page is, as a query over the published tables: KINDS[kind](bucket, *words).

`reports` is the table `publication/rule_results`, `releases` is `publication/releases`; `files` are the rows of a table's `index.csv`.
None is no number: the page must not have one.
"""

import datetime
import functools
import json
import zoneinfo

KINDS = {}


def kind(function):
    KINDS[function.__name__] = function
    return function


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def sum_of(bucket, what, words):
    """Of the files of a table, or of all tables of a dataset, or of all datasets; of one date, if it is named."""
    if len(words) == 3:
        dataset, table, date = words
        return bucket.one(f"SELECT coalesce(sum({what}), 0) FROM {bucket.index(f'{dataset}/{table}')} WHERE partition_date = ?", [date])
    tables = {0: bucket.tables, 1: bucket.tables_of(words[0]) if words else []}.get(len(words), ["/".join(words)])
    return sum(bucket.one(f"SELECT coalesce(sum({what}), 0) FROM {bucket.index(table)}") for table in tables)


@kind
def rows(bucket, *words):
    # The index says it, and the files must have it.
    said = sum_of(bucket, "rows", words)
    if len(words) == 2 and bucket.has("/".join(words)):
        counted = bucket.one(f"SELECT count(*) FROM {bucket.rows('/'.join(words))}")
        assert counted == said, f"the files have {counted} rows, and their index says {said}"
    return said


@kind
def bytes(bucket, *words):
    said = sum_of(bucket, "bytes", words)
    if len(words) == 2:
        there = sum((bucket.folder / row[0]).stat().st_size for row in bucket.all(f"SELECT path FROM {bucket.index('/'.join(words))}"))
        assert there == said, f"the files have {there} bytes, and their index says {said}"
    return said


@kind
def files(bucket, *words):
    return sum_of(bucket, "1", words)


@kind
def tables(bucket, *words):
    return len(bucket.tables_of(words[0])) if words else len(bucket.tables)


@kind
def datasets(bucket):
    return sum(1 for dataset in bucket.datasets if any(bucket.has(table) for table in bucket.tables_of(dataset)))


@kind
def columns(bucket, dataset, table):
    source = bucket.rows(f"{dataset}/{table}", newest=True)
    said = len(bucket.json(f"meta/{dataset}/{table}/files.json")["columns"])
    if source is None:
        return said
    return bucket.one(f"SELECT count(*) FROM (DESCRIBE {source_of(source)}) WHERE column_name NOT IN ('partition_date', 'bbox')")


def source_of(name):
    return f"SELECT * FROM {name}"


@kind
def nulls(bucket, dataset, table, column):
    source = bucket.rows(f"{dataset}/{table}", newest=True)
    return bucket.one(f"SELECT count(*) FILTER ({quoted(column)} IS NULL) FROM {source}")


@kind
def nulls_percent(bucket, dataset, table, column):
    source = bucket.rows(f"{dataset}/{table}", newest=True)
    return bucket.one(f"SELECT 100.0 * avg(({quoted(column)} IS NULL)::INT) FROM {source}")


def reports(bucket):
    return bucket.rows("publication/rule_results")


SCORES = "kind = 'score' AND dimension IS NULL AND table_name IS NULL AND dataset = ?"


@kind
def score(bucket, dataset, date):
    return bucket.one(f"SELECT value FROM {reports(bucket)} WHERE {SCORES} AND partition_date = ?", [dataset, date])


@kind
def score_change(bucket, dataset, date, before):
    """Of what is shown of the two, so that nobody computes another difference; the sign stands beside it."""
    one, other = (round(score(bucket, dataset, day), 2) for day in [date, before])
    return round(abs(one - other), 2)


@kind
def dimension_score(bucket, dataset, dimension, date):
    where = "kind = 'score' AND dataset = ? AND dimension = ? AND partition_date = ?"
    return bucket.one(f"SELECT value FROM {reports(bucket)} WHERE {where}", [dataset, dimension, date])


def of_month(what):
    def query(bucket, dataset, month):
        where = f"{SCORES} AND value IS NOT NULL AND strftime(partition_date, '%Y-%m') = ?"
        return bucket.one(f"SELECT {what} FROM {reports(bucket)} WHERE {where}", [dataset, month])

    return query


KINDS["score_lowest"] = of_month("min(value)")
KINDS["score_mean"] = of_month("avg(value)")
KINDS["score_days"] = of_month("count(*)")


@kind
def rule_days(bucket, dataset, contract, rule, first=None, last=None):
    where = "kind = 'rule' AND result IN ('failed', 'warning', 'error') AND dataset = ? AND contract_id = ? AND rule_id = ?"
    values = [dataset, contract, rule]
    if first:
        where += " AND partition_date BETWEEN ? AND ?"
        values += [first, last]
    return bucket.one(f"SELECT count(DISTINCT partition_date) FROM {reports(bucket)} WHERE {where}", values)


def of_rule(what):
    def query(bucket, dataset, contract, rule, date):
        where = "kind = 'rule' AND dataset = ? AND contract_id = ? AND rule_id = ? AND partition_date = ?"
        return bucket.one(f"SELECT sum({what}) FROM {reports(bucket)} WHERE {where}", [dataset, contract, rule, date])

    return query


KINDS["rule_rows"] = of_rule("rows_flagged")
KINDS["rule_checked"] = of_rule("rows_checked")
KINDS["rule_released"] = of_rule("rows_released")


@kind
def rule_value(bucket, dataset, contract, rule, date):
    where = "kind = 'rule' AND dataset = ? AND contract_id = ? AND rule_id = ? AND partition_date = ?"
    return bucket.one(f"SELECT value FROM {reports(bucket)} WHERE {where}", [dataset, contract, rule, date])


@kind
def rule_percent(bucket, *words):
    return 100.0 * float(KINDS["rule_rows"](bucket, *words)) / float(KINDS["rule_checked"](bucket, *words))


def rules_of_table(where):
    def query(bucket, dataset, contract, date):
        where_all = f"kind = 'rule' AND dataset = ? AND contract_id = ? AND partition_date = ? AND {where}"
        return bucket.one(f"SELECT count(*) FROM {reports(bucket)} WHERE {where_all}", [dataset, contract, date])

    return query


# What a rule came to, as pages tell it apart: a result that warns is a warning or an info by the severity of its rule.
VERDICTS = {result: f"result = '{result}'" for result in ["passed", "failed", "error", "skipped"]}
VERDICTS["warning"] = "result = 'warning' AND severity <> 'info'"
VERDICTS["info"] = "result = 'warning' AND severity = 'info'"
for verdict, where in VERDICTS.items():
    KINDS[f"table_{verdict}"] = rules_of_table(where)

# Where the rows of a table went, by the name of the number in the results.
WENT = {
    "rows_in": "kind = 'rows' AND rule_id = 'in'",
    "rows_published": "kind = 'rows' AND rule_id = 'published'",
    "rows_quarantined": "kind = 'rows' AND rule_id = 'quarantined'",
    "rows_held_back": "kind = 'rows' AND rule_id = 'held_back'",
    "rows_withheld": "kind = 'rows' AND rule_id IN ('quarantined', 'held_back')",
    "rows_dropped": "kind = 'dropped'",
}


def went(what):
    def query(bucket, dataset, table, date):
        where = f"dataset = ? AND table_name = ? AND partition_date = ? AND {WENT[what]}"
        return bucket.one(f"SELECT coalesce(sum(rows_flagged), 0) FROM {reports(bucket)} WHERE {where}", [dataset, table, date])

    return query


for name in WENT:
    KINDS[name] = went(name)


@kind
def rows_dropped_by(bucket, dataset, table, rule, date):
    where = "kind = 'dropped' AND dataset = ? AND table_name = ? AND rule_id = ? AND partition_date = ?"
    return bucket.one(f"SELECT sum(rows_flagged) FROM {reports(bucket)} WHERE {where}", [dataset, table, rule, date])


def of_tables(bucket, dataset, date, what, are_made):
    """Over the tables that were read of the source, or those that are made of others."""
    source = reports(bucket)
    made = f"(SELECT table_name FROM {source} WHERE kind = 'input' AND dataset = ? AND partition_date = ?)"
    where = f"dataset = ? AND partition_date = ? AND {WENT[what]} AND table_name {'IN' if are_made else 'NOT IN'} {made}"
    return bucket.one(f"SELECT coalesce(sum(rows_flagged), 0) FROM {source} WHERE {where}", [dataset, date] * 2)


@kind
def received(bucket, dataset, date, what):
    return of_tables(bucket, dataset, date, what, False)


@kind
def made(bucket, dataset, date):
    return of_tables(bucket, dataset, date, "rows_published", True)


@kind
def notices(bucket, dataset, code, date):
    where = "kind = 'notice' AND dataset = ? AND rule_id = ? AND partition_date = ?"
    return bucket.one(f"SELECT coalesce(sum(rows_flagged), 0) FROM {reports(bucket)} WHERE {where}", [dataset, code, date])


@kind
def rolled_back_to(bucket, dataset, table, date):
    where = "dataset = ? AND table_name = ? AND partition_date = ? AND rolled_back_to IS NOT NULL"
    return bucket.one(f"SELECT arg_max(rolled_back_to, version) FROM {bucket.rows('publication/releases')} WHERE {where}", [dataset, table, date])


def rules_where(where):
    def query(bucket, dataset, date):
        where_all = f"kind = 'rule' AND dataset = ? AND partition_date = ? AND {where}"
        return bucket.one(f"SELECT count(*) FROM {reports(bucket)} WHERE {where_all}", [dataset, date])

    return query


KINDS["rules"] = rules_where("true")
for verdict, where in VERDICTS.items():
    KINDS[f"rules_{verdict}"] = rules_where(where)


def coverage_sum(what):
    def query(bucket, dataset, *dates):
        first, last = dates if len(dates) == 2 else dates * 2
        source = bucket.rows(f"{dataset}/coverage")
        return bucket.one(f"SELECT coalesce(sum({what}), 0) FROM {source} WHERE partition_date BETWEEN ? AND ?", [first, last])

    return query


for name in ["trips_scheduled", "trips_observed", "trips_cancelled", "snapshots_expected", "snapshots_received"]:
    KINDS[name] = coverage_sum(name if name.startswith("trips") else f"{name}) FILTER (snapshots_expected IS NOT NULL")


@kind
def missing(bucket, dataset, first, last, reason, source):
    lacks = "sum(coalesce(trips_scheduled - trips_observed, snapshots_expected - snapshots_received))"
    where = "partition_date BETWEEN ? AND ? AND gap_reason = ? AND source IS NOT DISTINCT FROM ?"
    found = bucket.one(f"SELECT {lacks} FROM {bucket.rows(f'{dataset}/coverage')} WHERE {where}", [first, last, reason, None if source == "-" else source])
    return found or 0


def without_beat(what):
    """Of hours of a source in which snapshots came that no known beat expected."""

    def query(bucket, dataset, source, first, last):
        where = "source = ? AND partition_date BETWEEN ? AND ? AND snapshots_expected IS NULL AND snapshots_received > 0"
        return bucket.one(f"SELECT {what} FROM {bucket.rows(f'{dataset}/coverage')} WHERE {where}", [source, first, last])

    return query


KINDS["days_without_beat"] = without_beat("count(DISTINCT partition_date)")
KINDS["fewest_without_beat"] = without_beat("min(snapshots_received)")
KINDS["most_without_beat"] = without_beat("max(snapshots_received)")


@functools.cache
def zone(bucket):
    """That of the timetables."""
    for table in bucket.tables:
        if table.endswith("/agency") and bucket.has(table):
            return zoneinfo.ZoneInfo(bucket.all(f"SELECT agency_timezone FROM {bucket.rows(table, newest=True)}")[0][0])
    return zoneinfo.ZoneInfo("Europe/Berlin")


def of_hour(what):
    def query(bucket, dataset, date, hour):
        table = next(table for table in bucket.tables_of(dataset) if table.endswith("/vehicle_locations"))
        # Hours of a service date count from noon minus twelve hours, as GTFS has it.
        noon = datetime.datetime.combine(datetime.date.fromisoformat(date), datetime.time(12), zone(bucket)).astimezone(datetime.timezone.utc)
        begin = noon + datetime.timedelta(hours=int(hour) - 12)
        end = begin + datetime.timedelta(hours=1)
        where = "partition_date = ? AND event_timestamp >= ? AND event_timestamp < ?"
        return bucket.one(f"SELECT {what} FROM {bucket.rows(table)} WHERE {where}", [date, begin, end])

    return query


KINDS["vehicles"] = of_hour("count(DISTINCT vehicle_id)")
KINDS["reports"] = of_hour("count(*)")
KINDS["with_percentage"] = of_hour("count(occupancy_percentage)")
KINDS["percentage"] = of_hour("avg(occupancy_percentage)")


@kind
def hour_status(bucket, dataset, date, hour, status):
    return of_hour(f"count(*) FILTER (occupancy_status = '{status}')")(bucket, dataset, date, hour)


def on_date(bucket, table, date):
    """The rows of a table of one date."""
    return f"(SELECT * FROM {bucket.rows(table)} WHERE partition_date = DATE '{datetime.date.fromisoformat(date)}')"


@kind
def stops(bucket, dataset, date):
    where = "stop_lat IS NOT NULL AND stop_lon IS NOT NULL AND coalesce(location_type::INT, 0) NOT IN (2, 3, 4)"
    return bucket.one(f"SELECT count(*) FROM {on_date(bucket, f'{dataset}/stops', date)} WHERE {where}")


@kind
def routes(bucket, dataset, date):
    routes, trips = (on_date(bucket, f"{dataset}/{table}", date) for table in ["routes", "trips"])
    return bucket.one(f"SELECT count(*) FROM {routes} WHERE route_id IN (SELECT route_id FROM {trips})")


@kind
def change_rows(bucket, dataset, table, version):
    """Of the files of the dates that the version of the index changed."""
    if bucket.has("publication/releases"):
        where = "dataset = ? AND table_name = ? AND version = ?"
        said = bucket.one(f"SELECT sum(rows) FROM {bucket.rows('publication/releases')} WHERE {where}", [dataset, table, int(version)])
        if said is not None:
            return said
    # A bucket that keeps no tables of its publication has the index of the version; so have these tables, which do not tell of
    # themselves.
    index = bucket.json(f"meta/{dataset}/{table}/index/v{int(version):010}.json")
    dates = {index["release"]["date"], *index["release"].get("dates", [])}
    return sum(file["rows"] for file in index["files"] if file["partition_date"] in dates)


# What each day of a dataset is, worked out from what is published, without the overview that the pages are made of.
TIMETABLES = {"stops", "stop_times", "trips", "routes"}


@functools.cache
def days_of(bucket, dataset):
    files, withdrawn = {}, set()
    for table in bucket.tables_of(dataset):
        of_table = dict(bucket.all(f"SELECT partition_date, provisional FROM {bucket.index(table)}"))
        for date, provisional in of_table.items():
            files[date] = files.get(date, False) or provisional
        # What left the public and is not back: of a day of which other tables are there, it is one that is not complete.
        gone = {datetime.date.fromisoformat(date) for date in bucket.json(f"meta/{table}/files.json").get("withdrawn", {})}
        withdrawn |= gone - set(of_table)
    status, nothing = {}, set()
    if bucket.has("publication/rule_results"):
        status = dict(bucket.all(f"SELECT DISTINCT partition_date, status FROM {reports(bucket)} WHERE dataset = ?", [dataset]))
        where = "dataset = ? AND kind = 'note' AND rule_id = 'run.nothing_captured'"
        nothing = {row[0] for row in bucket.all(f"SELECT partition_date FROM {reports(bucket)} WHERE {where}", [dataset])}
    partial = set()
    if bucket.has(f"{dataset}/coverage"):
        # A day counts as complete while less than one percent of its trips and of the snapshots of each source is missing, and nothing
        # that was not counted is missing in an hour in which buses run.
        partial = {row[0] for row in bucket.all(f"""
            WITH c AS (SELECT *, gap_reason IS NOT NULL AND gap_reason <> 'cancelled' AS gap FROM {bucket.rows(f'{dataset}/coverage')}),
            h AS (SELECT partition_date, list(hour) AS hours FROM c WHERE source IS NULL AND trips_scheduled > 0 GROUP BY ALL)
            SELECT partition_date FROM c WHERE source IS NULL GROUP BY ALL
              HAVING coalesce(sum(trips_scheduled - trips_observed) FILTER (gap), 0) > 0
                 AND sum(trips_scheduled - trips_observed) FILTER (gap) >= 0.01 * sum(trips_scheduled)
            UNION SELECT partition_date FROM c WHERE source IS NOT NULL GROUP BY partition_date, source
              HAVING coalesce(sum(snapshots_expected - snapshots_received) FILTER (gap), 0) > 0
                 AND sum(snapshots_expected - snapshots_received) FILTER (gap) >= 0.01 * sum(snapshots_expected)
            UNION SELECT c.partition_date FROM c LEFT JOIN h USING (partition_date)
              WHERE source IS NOT NULL AND gap AND snapshots_expected IS NULL AND (h.hours IS NULL OR hour IS NULL OR list_contains(h.hours, hour))
            """)}
    is_irregular = dataset == "publication" or TIMETABLES <= {table.split("/")[1] for table in bucket.tables_of(dataset)}

    def state(date):
        if date not in files:
            if status.get(date) == "held_back":
                return "held"
            if date in withdrawn:
                return "withdrawn"
            return "unchanged" if is_irregular else "nothing" if date in nothing else "missing"
        if date in nothing:
            return "nothing"
        return "provisional" if files[date] else "partial" if date in partial | withdrawn else "complete"

    known = [*files, *withdrawn, *status]
    if not known:
        return {}
    first, newest = min(known), max(known)
    if files and (expected := expected_of(bucket, dataset)):
        newest = max(newest, min(expected, newest + datetime.timedelta(days=366)))
    return {date: state(date) for date in (first + datetime.timedelta(days=day) for day in range((newest - first).days + 1))}


def expected_of(bucket, dataset):
    """The day before the newest release, of a dataset whose days are all to have data: as often as its catalogue says."""
    nodes = [node for node in bucket.json("catalog.jsonld")["@graph"] if node.get("@id") == f"data/{dataset}"]
    said = json.dumps([node.get("dcterms:accrualPeriodicity") for node in nodes])
    # A timetable and the tables of the publication have a frequency, too, and days without anything new.
    is_irregular = dataset == "publication" or TIMETABLES <= {table.split("/")[1] for table in bucket.tables_of(dataset)}
    if is_irregular or not any(word in said for word in ["UPDATE_CONT", "HOURLY", "DAILY"]):
        return None
    released = []
    for table in bucket.tables_of(dataset):
        newest = max(bucket.folder.glob(f"meta/{table}/index/v*.json"))
        if at := (json.loads(newest.read_text()).get("release") or {}).get("at"):
            released.append(datetime.datetime.fromisoformat(at))
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    return max(released).astimezone(zone).date() - datetime.timedelta(days=1) if released else None


def between(first, last):
    return datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)


@kind
def days(bucket, dataset, *words):
    """In a state, from one date to another; without these all that have a file."""
    states = days_of(bucket, dataset)
    if not words:
        tables = bucket.tables_of(dataset)
        return len({row[0] for table in tables for row in bucket.all(f"SELECT partition_date FROM {bucket.index(table)}")})
    state, *dates = words
    first, last = between(*dates) if dates else (min(states), max(states))
    return sum(1 for date, found in states.items() if first <= date <= last and found == state)


@kind
def group_days(bucket, dataset, first, last):
    first, last = between(first, last)
    return (last - first).days + 1


if __name__ == "__main__":
    print(json.dumps(sorted(KINDS)))
