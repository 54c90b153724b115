"""Asks a file over HTTP with DuckDB for one vehicle and one hour, or for one trip, with nothing cached. Prints the number of rows.

Usage: read_hour.py URL vehicle|trip ID
"""

import pathlib
import sys

import duckdb
import duckdb_extension_httpfs

url, what, value = sys.argv[1:]
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
folder = pathlib.Path(duckdb_extension_httpfs.__file__).parent
connection.execute(f"LOAD '{next(folder.rglob('httpfs.duckdb_extension'))}'")
condition = {
    "vehicle": """vehicle_id = ? AND event_timestamp >= TIMESTAMPTZ '2026-11-24 08:00:00+00'
                  AND event_timestamp < TIMESTAMPTZ '2026-11-24 09:00:00+00'""",
    "trip": "trip_id_scheduled = ?",
}[what]
print(len(connection.execute(f"SELECT * FROM read_parquet($1) WHERE {condition.replace('?', '$2')}", [url, value]).fetchall()))
