"""Attaches the catalogue of a bucket in DuckDB and compares every table with its files, column by column and row by row. Prints how
many rows the tables have.

Usage: attach.py BASE                    every table
       attach.py BASE TABLE VERSION...   the rows of a table at some versions of its index
       attach.py BASE TABLE DATE VEHICLE the rows of a vehicle on a day, and their mean speed
       attach.py BASE TABLE count        the rows of all days
       attach.py BASE TABLE mean         the lines, the rows of all days by line together, and the mean speed of all
"""

import json
import sys

from attached import attached

base, *rest = sys.argv[1:]
database = attached(base)


def one(sql):
    return database.execute(sql).fetchone()[0]


def quoted(table):
    return "stadt." + ".".join(f'"{part}"' for part in table.split("/"))


def columns(sql):
    return {row[0]: row[1] for row in database.execute(f"DESCRIBE {sql}").fetchall()}


def compare(table):
    files = [row[0] for row in database.execute(f"SELECT path FROM read_csv('{base}/meta/{table}/index.csv')").fetchall()]
    files = [f"{base}/{path}" for path in files]
    if not files:
        # A table that has begun and has no rows yet: no file to compare with.
        count = one(f"SELECT count(*) FROM {quoted(table)}")
        assert count == 0, f"{table}: {count} rows of no file"
        return count
    # Geometries and their bounds are for readers of files.
    by_file = f"SELECT COLUMNS(c -> c NOT IN ('geometry', 'geometry_wkb', 'bbox')) FROM read_parquet({files}, hive_partitioning = true, union_by_name = true)"
    found = f"SELECT * FROM {quoted(table)}"
    expected = columns(by_file)
    assert columns(found) == expected, f"{table}: {columns(found)}, not {expected}"
    names = ", ".join(f'"{name}"' for name in expected)
    one_way = f"SELECT {names} FROM ({found}) EXCEPT ALL SELECT {names} FROM ({by_file})"
    other_way = f"SELECT {names} FROM ({by_file}) EXCEPT ALL SELECT {names} FROM ({found})"
    for only, rows in [("catalogue", one_way), ("files", other_way)]:
        count = one(f"SELECT count(*) FROM ({rows})")
        assert count == 0, f"{table}: {count} rows only of the {only}: {database.execute(f'{rows} LIMIT 3').fetchall()}"
    # Nothing is lost where the engine may choose files by what it asks for.
    for date, rows in database.execute(f"SELECT partition_date, count(*) FROM ({by_file}) GROUP BY 1").fetchall():
        assert one(f"SELECT count(*) FROM {quoted(table)} WHERE partition_date = DATE '{date}'") == rows, (table, date)
    assert one(f"SELECT count(*) FROM {quoted(table)} WHERE partition_date = DATE '1999-01-01'") == 0
    return one(f"SELECT count(*) FROM {quoted(table)}")


if not rest:
    shown = database.execute("SHOW ALL TABLES").fetchall()
    print(json.dumps({f"{row[1]}/{row[2]}": compare(f"{row[1]}/{row[2]}") for row in shown if row[0] == "stadt"}))
elif rest[1] == "count":
    print(one(f"SELECT count(*) FROM {quoted(rest[0])}"))
elif rest[1] == "mean":
    lines = f"SELECT route_id, count(*) n, sum(speed) s, count(speed) k FROM {quoted(rest[0])} GROUP BY route_id"
    print(json.dumps(database.execute(f"SELECT count(*), sum(n)::BIGINT, sum(s) / sum(k) FROM ({lines})").fetchone()))
elif "-" in rest[1]:
    table, date, vehicle = rest
    asked = f"FROM {quoted(table)} WHERE partition_date = DATE '{date}' AND vehicle_id = '{vehicle}'"
    print(json.dumps(database.execute(f"SELECT count(*), avg(speed) {asked}").fetchone()))
else:
    table, *versions = rest
    print(json.dumps([one(f"SELECT count(*) FROM {quoted(table)} AT (VERSION => {version})") for version in versions]))
