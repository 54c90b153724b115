"""Reads every released table over plain HTTP, from its index, with DuckDB and with Polars; prints the rows of each.

Usage: read_tables.py BASE_URL DATASET/TABLE...
"""

import json
import pathlib
import sys

import duckdb
import duckdb_extension_httpfs
import polars

base, tables = sys.argv[1].rstrip("/") + "/", sys.argv[2:]
extension = next(pathlib.Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension"))
database = duckdb.connect()
database.execute(f"LOAD '{extension}'")
found = {}
for table in tables:
    # As the page of the bucket tells its readers.
    database.execute(f"SET VARIABLE base = '{base}'")
    database.execute(
        "SET VARIABLE files = (SELECT list(getvariable('base') || path)"
        f" FROM read_csv(getvariable('base') || 'data/{table}/index.csv'))"
    )
    by_duckdb = database.execute("SELECT count(*) FROM read_parquet(getvariable('files'))").fetchone()[0]
    index = polars.read_csv(base + f"data/{table}/index.csv")
    by_polars = sum(polars.read_parquet(base + path, hive_partitioning=False).height for path in index["path"])
    found[table] = {"duckdb": by_duckdb, "polars": by_polars}
print(json.dumps(found))
