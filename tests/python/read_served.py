"""Counts the rows of a Parquet file over HTTP with DuckDB, by one of its columns. Prints the count.

Usage: read_served.py URL
"""

import pathlib
import sys

import duckdb
import duckdb_extension_httpfs

connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
folder = pathlib.Path(duckdb_extension_httpfs.__file__).parent
connection.execute(f"LOAD '{next(folder.rglob('httpfs.duckdb_extension'))}'")
query = "SELECT sum(n)::BIGINT FROM (SELECT route_id, count(*) AS n FROM read_parquet(?) GROUP BY 1)"
print(connection.execute(query, [sys.argv[1]]).fetchone()[0])
