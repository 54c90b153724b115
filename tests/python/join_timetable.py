"""Runs the block of the README that joins reports with their timetable, in a bucket, and compares it with a join by hand.

Usage: join_timetable.py README.md BUCKET
"""

import json
import pathlib
import re
import sys

import duckdb

readme, bucket = open(sys.argv[1]).read(), pathlib.Path(sys.argv[2])
blocks = [block for block in re.findall(r"```sql\n(.*?)```", readme, re.S) if "timetable_sha256" in block]
assert len(blocks) == 1, len(blocks)
*before, query = [part for part in blocks[0].replace("https://…/", f"{bucket}/").split(";") if part.strip()]
database = duckdb.connect()
for part in before:
    database.sql(part)
found = database.sql(query).fetchall()

current = lambda table: json.loads((bucket / f"meta/{table}/files.json").read_text())["files"]
counts = {}
for file in current("stadtbus-telemetrie/vehicle_locations"):
    used = file["timetable"]
    routes, trips = (
        next(bucket / other["path"] for other in current(f"{used['dataset']}/{table}") if other["timetable"]["sha256"] == used["sha256"])
        for table in ("routes", "trips")
    )
    rows = database.sql(
        f"""SELECT route_long_name, count(*) FROM '{bucket / file['path']}' l
        JOIN '{trips}' t ON l.trip_id_scheduled = t.trip_id JOIN '{routes}' r ON t.route_id = r.route_id GROUP BY 1"""
    ).fetchall()
    for name, count in rows:
        counts[name] = counts.get(name, 0) + count
assert dict(found) == counts and counts, (found, counts)
print(f"{len(found)} lines, {sum(counts.values())} reports")
