"""Makes service_dates again from a GTFS archive, in SQL, and fails where a row differs.

Usage: service_dates.py BUCKET GTFS.zip
"""

import json
import pathlib
import sys
import tempfile
import zipfile

import duckdb

bucket, archive = pathlib.Path(sys.argv[1]), zipfile.ZipFile(sys.argv[2])
database = duckdb.connect()


def published(table):
    files = json.loads((bucket / f"meta/stadtbus-fahrplan/{table}/files.json").read_text())["files"]
    paths = [str(bucket / file["path"]) for file in files]
    database.sql(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({paths}, hive_partitioning = false)")


published("service_dates")
published("trips")
days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
header = {"calendar": ["service_id", *days, "start_date", "end_date"], "calendar_dates": ["service_id", "date", "exception_type"]}
folder = pathlib.Path(tempfile.mkdtemp())
for name, columns in header.items():
    path = folder / f"{name}.txt"
    is_there = f"{name}.txt" in archive.namelist()
    path.write_bytes(archive.read(f"{name}.txt") if is_there else (",".join(columns) + "\n").encode())
    database.sql(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{path}', all_varchar = true, header = true)")

when = " ".join(f"WHEN {place} THEN {day}" for place, day in enumerate(days, 1))
date = lambda column: f"strptime({column}, '%Y%m%d')::DATE"
database.sql(
    f"""CREATE TABLE expected AS
    WITH spans AS (
      SELECT *, unnest(generate_series({date('start_date')}, {date('end_date')}, INTERVAL 1 DAY))::DATE AS day FROM calendar
    ), regular AS (SELECT DISTINCT service_id, day FROM spans WHERE CASE isodow(day) {when} END = '1'),
    exceptions AS (SELECT service_id, {date('date')} AS day, exception_type FROM calendar_dates),
    added AS (SELECT service_id, day FROM exceptions WHERE exception_type = '1'),
    removed AS (SELECT service_id, day FROM exceptions WHERE exception_type = '2'),
    all_days AS (
      SELECT service_id, day, 'calendar' AS runs_by FROM regular
      UNION ALL SELECT service_id, day, 'added' FROM added ANTI JOIN regular USING (service_id, day)
    )
    SELECT service_id, day AS service_date, lower(dayname(day)) AS weekday, runs_by
    FROM all_days ANTI JOIN removed USING (service_id, day)"""
)
for one, other in (("expected", "service_dates"), ("service_dates", "expected")):
    columns = "service_id, service_date, weekday, runs_by"
    rows = database.sql(f"SELECT {columns} FROM {one} EXCEPT ALL SELECT {columns} FROM {other} ORDER BY ALL LIMIT 5").fetchall()
    assert not rows, f"{one} has and {other} has not: {rows}"
# As it stands in the file: by service and date.
order = database.sql("SELECT service_id, service_date FROM service_dates").fetchall()
assert order == sorted(order), "not in order"
count = len(order)
by = dict(database.sql("SELECT runs_by, count(*) FROM service_dates GROUP BY 1").fetchall())
trips = database.sql("SELECT count(*) FROM trips JOIN service_dates USING (service_id) WHERE service_date = '2026-11-24'").fetchone()[0]
print(f"{count} rows, {by.get('calendar', 0)} by calendar, {by.get('added', 0)} added, {trips} trips on 2026-11-24")
