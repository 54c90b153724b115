"""Compares the tables of the dataset `publication`, as DuckDB attaches them, with what stands elsewhere in the bucket: indexes, results
and records. Prints how many rows each has, or the rows of a query.

Usage: publication.py BASE FOLDER         compares everything
       publication.py BASE FOLDER QUERY   the rows of a query; the tables are releases, rule_results and decisions
"""

import json
import pathlib
import sys

from attached import attached

base, folder, *rest = sys.argv[1:]
folder = pathlib.Path(folder)
database = attached(base)
# A table is made with the first row.
there = {row[2] for row in database.execute("SHOW ALL TABLES").fetchall() if (row[0], row[1]) == ("stadt", "publication")}
for table in there:
    database.execute(f"CREATE VIEW {table} AS SELECT * FROM stadt.publication.{table}")


def rows(query, *values):
    found = database.execute(query, values)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row)) for row in found.fetchall()]


if rest:
    print(json.dumps(rows(rest[0]), default=str))
    sys.exit()


def read(path):
    return json.loads(path.read_text())


def same(found, expected, what):
    assert found == expected, f"{what}: {found}, not {expected}"


def versions():
    """Every version of every table is found again by a query over the rows until it."""
    query = """
        SELECT a.version, count(*) AS files, sum(r.rows)::BIGINT AS rows, sum(r.bytes)::BIGINT AS bytes
        FROM (SELECT DISTINCT version FROM releases WHERE dataset = $1 AND table_name = $2) a
        JOIN releases r ON r.dataset = $1 AND r.table_name = $2 AND r.version <= a.version
            AND r.sha256 IS NOT NULL AND r.month IS NULL AND (r.superseded_by IS NULL OR r.superseded_by > a.version)
        GROUP BY 1"""
    for index in folder.glob("meta/*/*/index/*.json"):
        index = read(index)
        if index["dataset"] == "publication":
            continue
        found = {row["version"]: row for row in rows(query, index["dataset"], index["table"])}
        row = found.get(index["version"], {"files": 0, "rows": None, "bytes": None})
        files = index["files"]
        same(row["files"], len(files), index["table"])
        same(row["rows"] or 0, sum(file["rows"] for file in files), index["table"])
        same(row["bytes"] or 0, sum(file["bytes"] for file in files), index["table"])


def current():
    """The rows that are current are the files that are current, and their numbers those of the records."""
    query = """
        SELECT path, partition_date::VARCHAR AS partition_date, rows, bytes, sha256, record, is_provisional AS provisional,
            CASE WHEN timetable_sha256 IS NOT NULL THEN {'dataset': timetable_dataset,
                'partition_date': timetable_date::VARCHAR, 'sha256': timetable_sha256} END AS timetable
        FROM releases WHERE dataset = $1 AND table_name = $2 AND is_current ORDER BY partition_date"""
    for view in folder.glob("meta/*/*/files.json"):
        view = read(view)
        if view["dataset"] == "publication":
            continue
        found = rows(query, view["dataset"], view["table"])
        expected = [{"timetable": None} | file for file in view["files"]]
        for one, other in zip(found, expected):
            # That of a rollback is the record of the act.
            if read(folder / one["record"])["format"].startswith("fahrtenbuch-rollback"):
                one["record"] = other["record"]
        same(found, expected, view["table"])
    for row in rows("SELECT * FROM releases WHERE act = 'release'"):
        record = read(folder / row["record"])
        table = [of for of in record["tables"] if any(file["sha256"] == row["sha256"] for file in of["files"])][0]
        numbers = [table["rows_in"], table["published"], table["quarantined"], table.get("held_back", 0)]
        numbers += [sum(table["dropped"].values())]
        names = ["in", "published", "quarantined", "held_back", "dropped"]
        same([row[f"rows_{name}"] for name in names], numbers, row["path"])
        same(row["program_version"], record["program"]["version"], row["path"])


def results():
    """Every number of quality.json."""
    for path in folder.glob("reports/*/date=*/quality.json"):
        quality = read(path)
        of = "dataset = $1 AND partition_date = $2"
        found = rows(f"SELECT * FROM rule_results WHERE {of} ORDER BY entry", quality["dataset"], quality["date"])
        kind = lambda name: [row for row in found if row["kind"] == name]
        assert {(row["status"], row["inputs_sha256"]) for row in found} == {(quality["status"], quality["inputs"])}
        rules = [
            (rule["id"], rule["table"], rule["contract"], rule["dimension"], rule["severity"], rule["on_fail"], rule["result"])
            + (rule["checked"], rule["rows"] if rule["asks"] == "rows" else None, rule.get("value"), rule["description"])
            for rule in quality["rules"]
        ]
        names = "rule_id table_name contract_id dimension severity on_fail result rows_checked rows_flagged value requirement"
        same([tuple(row[name] for name in names.split()) for row in kind("rule")], rules, path)
        scores = {row["dimension"]: row["value"] for row in kind("score")}
        expected = quality["score"]["dimensions"]
        if quality["score"]["dataset"] is not None:
            expected = expected | {None: quality["score"]["dataset"]}
        same(scores, expected, path)
        counts = {(row["table_name"], row["rule_id"]): row["rows_flagged"] for row in kind("rows") + kind("dropped")}
        expected = {}
        for table in quality["tables"]:
            for name in ["published", "quarantined", "held_back"]:
                expected[table["table"], name] = table[name]
            expected[table["table"], "in"] = table["rows_in"]
            expected |= {(table["table"], rule): rows for rule, rows in table["dropped"].items()}
        same(counts, expected, path)
        notices = [(row["rule_id"], row["severity"], row["rows_flagged"]) for row in kind("notice")]
        same(notices, [(of["code"], of["severity"], of["count"]) for of in quality.get("standard", [])], path)
        record = read(folder / found[0]["record"])
        # What only the record counts.
        of_record = lambda *kinds: {
            (row["kind"], row["table_name"], row["input_table"], row["rule_id"]): row["rows_flagged"]
            for row in found
            if row["kind"] in kinds
        }
        expected = {}
        for table in record["tables"]:
            name = table["table"]
            expected |= {("mapped", name, None, column): count for column, count in table.get("mapped", {}).items()}
            left = table.get("left_quarantine", {})
            expected |= {("left_quarantine", name, None, way): count for way, count in left.items() if count}
            if table.get("entered_quarantine"):
                expected["entered_quarantine", name, None, "entered"] = table["entered_quarantine"]
            for of in table.get("inputs", []):
                source = f"{of['of']}/{of['table']}"
                expected["input", name, source, "rows"] = of["rows"]
                expected["input", name, source, "used"] = of["used"]
                unused = of.get("unused", {})
                expected |= {("input_unused", name, source, rule): count for rule, count in unused.items()}
        same(of_record("mapped", "left_quarantine", "entered_quarantine", "input", "input_unused"), expected, path)
        same(sorted(row["table_name"] for row in kind("absent")), sorted(record["absent"]), path)
        expected = {}
        for note in record["notes"]:
            key = (note["rule"], note["severity"])
            expected[key] = expected.get(key, 0) + 1
        same({(row["rule_id"], row["severity"]): row["rows_flagged"] for row in kind("note")}, expected, path)
        standard = record.get("standard") or {"not_run": [], "changes": []}
        same([(row["rule_id"], row["reason"]) for row in kind("notice_not_run")],
             [(of["rule"], of["because"]) for of in standard["not_run"]], path)
        same([(row["rule_id"], row["reason"]) for row in kind("notice_change")],
             [(of["code"], of["reason"]) for of in standard["changes"]], path)
        skipped = {(contract, rule): why for contract, rules in record.get("skipped", {}).items() for rule, why in rules.items()}
        told = {(row["contract_id"], row["rule_id"]): row["reason"] for row in kind("rule") if row["reason"] is not None}
        same(told, skipped, path)
        # The score by the formula that quality.json names.
        query = """
            SELECT floor(avg(score) * 100 + 1e-7) / 100 AS score FROM (
                SELECT 100 * sum(weight * conformity) / sum(weight) AS score FROM (
                    SELECT dimension, conformity, CASE WHEN result = 'error' OR severity = 'error' THEN 2
                        WHEN severity = 'warning' THEN 1 ELSE 0 END AS weight
                    FROM rule_results WHERE kind = 'rule' AND conformity IS NOT NULL AND dataset = $1 AND partition_date = $2
                ) WHERE weight > 0 GROUP BY dimension)"""
        same(rows(query, quality["dataset"], quality["date"])[0]["score"], quality["score"]["dataset"], path)
        same({row["rule_id"]: row["rows_flagged"] for row in kind("evidence")},
             {of["source"]: of["captures"] for of in record["evidence"]}, path)
        contracts = {of["id"]: of["sha256"] for of in record["contracts"]}
        assert all(row["contract_sha256"] == contracts[row["contract_id"]] for row in kind("rule") if row["contract_id"] in contracts)


versions()
current()
results()
print(json.dumps({table: rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in sorted(there)}))
