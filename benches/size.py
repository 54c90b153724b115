#!/usr/bin/env python3
"""How large a day of telemetry is: our three tables, beside gtfs-rt-aggregator and pyarrow.

    benches/size.py --program target/release/fahrtenbuch [--date 2026-11-24] [--interval 15]

By hand, with a Python that has 'gtfs-rt-aggregator' and 'pyarrow'. A day is simulated and run; then, of each published table:

  ours        the file, less its Bloom filters
  zstd 9      the same rows in the same order, written by pyarrow with zstd 9 and nothing else said
  aggregator  the same rows in the same order, written as the aggregator writes what it keeps (its ParquetSerializer: brotli)
  its day     what the aggregator makes of the same snapshots: its own columns, equal rows merged by hour and by day, sorted, brotli
"""

import argparse
import datetime
import io
import os
import pathlib
import shutil
import subprocess
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq
from gtfs_rt_aggregator.aggregator import fetch_times
from gtfs_rt_aggregator.aggregator.compaction import compact_files, write_sorted
from gtfs_rt_aggregator.aggregator.dedup import deduplicate
from gtfs_rt_aggregator.fetcher.gtfs_rt import GtfsRtFetcher, row_metadata
from gtfs_rt_aggregator.utils.serializer import ParquetSerializer

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Tables, the folder of the simulated feed and the aggregator's name for it.
TABLES = {
    "vehicle_locations": ("vehicle-positions", "VehiclePosition"),
    "trip_updates": ("trip-updates", "TripUpdate"),
    "alerts": ("alerts", "Alert"),
}
KEYS = ["entityId", "firstSeen"]


def published(program, folder, date, interval):
    """The paths of the published tables of a simulated day."""
    for name in ("fahrtenbuch.yaml", "pipelines", "schemas", "data/sample/stadtbus-gtfs.zip"):
        to = folder / name
        to.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, to)
    simulate = [program, "simulate", "--date", date, "--interval", str(interval)]
    output = folder / "simulated"
    subprocess.run([*simulate, "--output", output, "--evidence", folder / "data/sample/evidence"], check=True)
    run = [program, "-C", folder, "run", "stadtbus-telemetrie", "--date", date]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    paths = {}
    for table in TABLES:
        found = sorted((folder / "data/bucket").rglob(f"{table}/partition_date={date}/*.parquet"))
        paths[table] = found[-1]
    return paths, output / "realtime"


def filters(path):
    """Bytes of the Bloom filters of a file."""
    metadata = pq.ParquetFile(path).metadata
    groups = (metadata.row_group(place) for place in range(metadata.num_row_groups))
    columns = (group.column(place) for group in groups for place in range(group.num_columns))
    return sum(getattr(column, "bloom_filter_length", None) or 0 for column in columns)


def written(rows, **options):
    out = io.BytesIO()
    pq.write_table(rows, out, **options)
    return out.tell()


def its_day(snapshots, service, folder):
    """Bytes of the aggregator's own file of a day, and its rows."""
    hours = {}
    for path in sorted(snapshots.iterdir()):
        at = datetime.datetime.fromtimestamp(int(path.stem), datetime.timezone.utc)
        feed = GtfsRtFetcher.parse_message(path.read_bytes())
        hashes = [GtfsRtFetcher.entity_hash(entity) for entity in feed.entity]
        extra = row_metadata("stadtbus", at, feed.header.timestamp, None, "feed")
        table = GtfsRtFetcher.build_tables(feed.entity, hashes, [service], at, extra)[service]
        hours.setdefault(at.replace(minute=0, second=0), []).append((at, table))
    files, times = [], {}
    for hour, tables in sorted(hours.items()):
        of_hour = {"feed": {int(at.timestamp()) * 1_000_000 for at, _ in tables}}
        fetch_times.merge(times, of_hour)
        rows = pa.concat_tables([table for _, table in tables])
        files.append(str(folder / f"{service}-{hour:%d%H}.parquet"))
        write_sorted(deduplicate(rows, fetch_times.to_arrays(of_hour)), KEYS, files[-1])
    day = str(folder / f"{service}.parquet")
    rows = compact_files(files, KEYS, day, True, fetch_times.to_arrays(times), metadata=fetch_times.encode(times))
    return os.path.getsize(day), rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--date", default="2026-11-24")
    parser.add_argument("--interval", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        paths, snapshots = published(arguments.program, folder, arguments.date, arguments.interval)
        print("| table | rows | ours | of it filters | zstd 9 | aggregator | its day, rows |\n|---|---|---|---|---|---|---|")
        sums = [0, 0, 0, 0]
        for table, (feed, service) in TABLES.items():
            rows = pq.read_table(paths[table], partitioning=None)
            # Descriptions of columns are ours alone.
            plain_fields = [field.remove_metadata() for field in rows.schema]
            rows = rows.cast(pa.schema(plain_fields))
            blooms = filters(paths[table])
            ours = os.path.getsize(paths[table]) - blooms
            plain = written(rows, compression="zstd", compression_level=9)
            peer = len(ParquetSerializer.pyarrow_table_to_bytes(rows))
            day, count = its_day(snapshots / feed, service, folder)
            print(f"| `{table}` | {rows.num_rows:,} | {ours:,} | {blooms:,} | {plain:,} | {peer:,} | {day:,}, {count:,} |")
            sums = [one + other for one, other in zip(sums, (ours, plain, peer, day))]
        ours, plain, peer, day = sums
        print(f"| all | | {ours:,} | | {plain:,} | {peer:,} | {day:,} |")
        print(f"\nours of zstd 9: {ours / plain:.3f}; of the aggregator's writer: {ours / peer:.3f}; of its day: {ours / day:.3f}")


main()
