"""Holds what the pages tell of all days against the published files, by DuckDB: overview.py BUCKET. Prints what it has compared."""

import datetime
import hashlib
import json
import sys
import zoneinfo
from pathlib import Path

import duckdb

BUCKET = Path(sys.argv[1])
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
compared = {"days": 0, "coverage": 0, "tables": 0, "columns": 0, "hours": 0}


def same(what, told, found):
    assert told == found, f"{what}: it says {told}, and the files {found}"


def files(dataset, table):
    listed = json.loads((BUCKET / "meta" / dataset / table / "files.json").read_text())["files"]
    return {file["partition_date"]: file for file in listed}


def query(text, file):
    return duckdb.execute(text.replace("FILE", f"read_parquet('{BUCKET / file['path']}', hive_partitioning = false)"))


def gaps(file):
    rows = query(
        """
        SELECT gap_reason, source, list(DISTINCT hour ORDER BY hour) FILTER (hour IS NOT NULL),
               sum(CASE WHEN source IS NULL THEN greatest(coalesce(trips_scheduled, 0) - coalesce(trips_observed, 0), 0)
                        WHEN snapshots_expected IS NULL THEN 0
                        ELSE greatest(snapshots_expected - snapshots_received, 0) END)
        FROM FILE WHERE gap_reason IS NOT NULL GROUP BY ALL ORDER BY 1, 2 NULLS FIRST
        """,
        file,
    )
    return [(reason, source, hours or [], int(missing)) for reason, source, hours, missing in rows.fetchall()]


for path in sorted(BUCKET.glob("reports/*/overview.json")):
    overview = json.loads(path.read_text())
    dataset = overview["dataset"]
    tables = [folder.name for folder in (BUCKET / "meta" / dataset).iterdir()]
    dates = {date for table in tables for date in files(dataset, table)}
    dates |= {results.parent.name.removeprefix("date=") for results in path.parent.glob("date=*/quality.json")}
    same(f"days of {dataset}", sorted(overview["days"]), sorted(dates))
    for date, day in overview["days"].items():
        compared["days"] += 1
        records = {of[date]["record"] for of in (files(dataset, table) for table in tables) if date in of}
        same(f"records of {date}", set(day["records"]), records)
        results = path.parent / f"date={date}" / "quality.json"
        if results.exists():
            quality = json.loads(results.read_text())
            same(f"score of {date}", day.get("score"), quality["score"]["dataset"])
            of = [rule for rule in quality["rules"] if rule["result"] in ("failed", "warning", "error")]
            found = [(rule["table"], rule["id"], rule["result"], rule["rows"]) for rule in of]
            told = [(rule["table"], rule["rule"], rule["result"], rule["rows"]) for rule in day["findings"]]
            same(f"findings of {date}", told, found)
        if "coverage" in day:
            compared["coverage"] += 1
            told, file = day["coverage"], files(dataset, "coverage")[date]
            found = query(
                """
                SELECT coalesce(sum(trips_scheduled), 0), coalesce(sum(trips_observed), 0), coalesce(sum(trips_cancelled), 0),
                       coalesce(sum(snapshots_expected), 0),
                       coalesce(sum(snapshots_received) FILTER (snapshots_expected IS NOT NULL), 0)
                FROM FILE
                """,
                file,
            ).fetchone()
            names = ["trips_scheduled", "trips_observed", "trips_cancelled", "snapshots_expected", "snapshots_received"]
            same(f"coverage of {date}", [told[name] for name in names], [int(number) for number in found])
            of = [(gap["reason"], gap.get("source"), gap["hours"], gap["missing"]) for gap in told["gaps"]]
            same(f"gaps of {date}", of, gaps(file))
    for table, preview in overview["tables"].items():
        compared["tables"] += 1
        date, file = max(files(dataset, table).items())
        same(f"preview of {table}", (preview["date"], preview["sha256"], preview["rows"]), (date, file["sha256"], file["rows"]))
        for name, column in preview["columns"].items():
            compared["columns"] += 1
            nulls = query(f'SELECT count(*) - count("{name}") FROM FILE', file).fetchone()[0]
            same(f"nulls of {table}.{name}", column["nulls"], nulls)
            same(f"an example of {table}.{name}", "example" in column, nulls < file["rows"])
    if "hours" in overview:
        hours = overview["hours"]
        of = files(dataset, hours["table"])
        date, file = max(((date, file) for date, file in of.items() if not file["provisional"]), default=max(of.items()))
        same("the date of the hours", (hours["date"], hours["sha256"]), (date, file["sha256"]))
        noon = datetime.datetime.combine(datetime.date.fromisoformat(date), datetime.time(12), BERLIN)
        zero = int(noon.timestamp() - 12 * 3600) * 1000
        rows = query(
            f"""
            SELECT (epoch_ms(event_timestamp) - {zero}) // 3600000 AS hour, count(DISTINCT vehicle_id), count(*),
                   count(occupancy_percentage), avg(occupancy_percentage)
            FROM FILE WHERE epoch_ms(event_timestamp) - {zero} BETWEEN 0 AND 30 * 3600000 - 1 GROUP BY 1 ORDER BY 1
            """,
            file,
        ).fetchall()
        told = [(of["hour"], of["vehicles"], of["reports"], of["with_percentage"], of.get("percentage")) for of in hours["hours"]]
        same("hours", told, rows)
        statuses = query(
            f"""
            SELECT (epoch_ms(event_timestamp) - {zero}) // 3600000 AS hour, occupancy_status, count(*)
            FROM FILE WHERE occupancy_status IS NOT NULL AND epoch_ms(event_timestamp) - {zero} BETWEEN 0 AND 30 * 3600000 - 1
            GROUP BY 1, 2 ORDER BY 1, 2
            """,
            file,
        ).fetchall()
        told = [(of["hour"], status, count) for of in hours["hours"] for status, count in sorted(of["statuses"].items())]
        same("statuses", told, statuses)
        compared["hours"] += len(rows)
    for change in overview["changes"]:
        for of in change["tables"]:
            index = (BUCKET / "meta" / dataset / of["table"] / "index" / f"v{of['version']:010}.json").read_bytes()
            same(f"index of {of['table']} {of['version']}", of["index_sha256"], hashlib.sha256(index).hexdigest())
            if not change.get("by"):
                assert (BUCKET / change["record"]).exists(), change["record"]
print(json.dumps(compared))
