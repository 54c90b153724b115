"""What scripts begin with that read the catalogue of a bucket with DuckDB."""

import importlib.util
import pathlib

import duckdb


def attached(base):
    """A database that has the catalogue of the bucket at an address attached as `stadt`."""
    database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    database.execute("SET TimeZone = 'UTC'")
    for name in ["httpfs", "avro", "iceberg"]:
        folder = pathlib.Path(importlib.util.find_spec(f"duckdb_extension_{name}").submodule_search_locations[0])
        database.execute(f"LOAD '{next(folder.rglob(f'{name}.duckdb_extension'))}'")
    # Releases are dated by the clock of the tests, and a table that is newer than DuckDB's transaction is refused by it (README.md).
    database.execute("SET iceberg_use_metadata_log = false")
    database.execute(
        f"ATTACH '' AS stadt (TYPE iceberg, ENDPOINT '{base}/iceberg', AUTHORIZATION_TYPE 'none',"
        " ACCESS_DELEGATION_MODE 'none')"
    )
    return database
