"""Makes a bucket with five years of days of one table, of which the newest sixty were released one by one, each with its record; every
day is the same file. Prints the newest day and a vehicle of it.

Usage: five_years.py SOURCE BUCKET
"""

import collections
import datetime
import hashlib
import json
import os
import pathlib
import sys

import pyarrow.parquet

TABLE = "stadtbus-telemetrie/vehicle_locations"
DAYS, RELEASES = 1825, 60

source, bucket = map(pathlib.Path, sys.argv[1:3])
index = json.loads((source / f"meta/{TABLE}/index/v0000000001.json").read_text())
day = index["files"][0]
record = (source / day["record"]).read_text()


def record_of(date):
    """A record in the bucket like that of the day, of another date."""
    text = record.replace(day["partition_date"], date)
    key = f"ledger/records/{hashlib.sha256(text.encode()).hexdigest()}.json"
    (bucket / key).parent.mkdir(parents=True, exist_ok=True)
    (bucket / key).write_text(text)
    return key


files = []
first = record_of("2021-11-26")
for number in range(DAYS):
    date = (datetime.date(2021, 11, 26) + datetime.timedelta(number)).isoformat()
    path = f"data/{TABLE}/partition_date={date}/{pathlib.Path(day['path']).name}"
    (bucket / path).parent.mkdir(parents=True)
    os.link(source / day["path"], bucket / path)
    is_apart = number >= DAYS - RELEASES
    files.append({**day, "path": path, "partition_date": date, "record": record_of(date) if is_apart else first})
folder = bucket / f"meta/{TABLE}/index"
folder.mkdir(parents=True)
previous = None
for version in range(1, RELEASES + 1):
    current = files[: DAYS - RELEASES + version]
    date = current[-1]["partition_date"]
    release = {"date": date, "at": f"{date}T04:00:00Z"} | ({"complete_before": version - 1} if version > 1 else {})
    content = index | {"version": version, "files": current, "first": {}, "release": release, "previous": previous}
    text = json.dumps(content)
    (folder / f"v{version:010}.json").write_text(text)
    previous = hashlib.sha256(text.encode()).hexdigest()
vehicles = pyarrow.parquet.read_table(source / day["path"], columns=["vehicle_id"])["vehicle_id"]
# Pseudonyms differ from one private store to the next; the one that reported most is the same vehicle.
counts = collections.Counter(filter(None, vehicles.to_pylist()))
print(json.dumps([files[-1]["partition_date"], max(counts, key=lambda vehicle: (counts[vehicle], vehicle))]))
