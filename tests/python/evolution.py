"""Reads one table over the years in three ways: DuckDB through the catalogue, pyiceberg, and pyarrow by 'files.json'. Prints the rows
of each, with some columns in their order.

Usage: evolution.py BASE FOLDER TABLE COLUMN...
"""

import json
import sys

import pyarrow
import pyarrow.parquet
from pyiceberg.catalog import load_catalog
from pyiceberg.io.pyarrow import PyArrowFileIO

from attached import attached

base, folder, name, *columns = sys.argv[1:]
namespace, table = name.split("/")

database = attached(base)
said = ", ".join(f'"{column}"' for column in columns)
by_duckdb = database.execute(f'SELECT {said} FROM stadt."{namespace}".{table} ORDER BY ALL').fetchall()
assert len(database.execute(f'SELECT * FROM stadt."{namespace}".{table}').fetchall()) == len(by_duckdb)


class Folder(PyArrowFileIO):
    """pyiceberg reads data from no web server: addresses become files of a folder."""

    def new_input(self, location):
        return super().new_input(folder + location.removeprefix(base))


loaded = load_catalog("stadt", type="rest", uri=f"{base}/iceberg").load_table((namespace, table))
loaded.io = Folder({})
scanned = loaded.scan(selected_fields=tuple(columns)).to_arrow().select(columns)
# As of the first release: its own schema, its own names.
first = loaded.scan(snapshot_id=loaded.metadata.snapshots[0].snapshot_id).to_arrow()

# What schemas/README.md tells readers of files to do.
TYPES = {"string": pyarrow.string(), "int": pyarrow.int32(), "long": pyarrow.int64(), "float": pyarrow.float32(),
         "double": pyarrow.float64(), "boolean": pyarrow.bool_(), "date": pyarrow.date32(),
         "timestamptz": pyarrow.timestamp("ms", "UTC")}
listed = json.load(open(f"{folder}/meta/{name}/files.json"))
parts = []
for file in listed["files"]:
    there = pyarrow.parquet.read_table(f"{folder}/{file['path']}")
    found = {}
    for column in listed["columns"]:
        names = [column["name"]] + [earlier["name"] for earlier in reversed(column.get("earlier", []))]
        known = next((each for each in names if each in there.column_names), None)
        kind = TYPES[column["type"]]
        found[column["name"]] = there[known].cast(kind) if known else pyarrow.nulls(there.num_rows, kind)
    parts.append(pyarrow.table(found))
by_files = pyarrow.concat_tables(parts).select(columns)


def in_order(values):
    return sorted(values, key=lambda row: [(value is None, "" if value is None else str(value)) for value in row])


def rows(of):
    return in_order([list(row.values()) for row in of.to_pylist()])


by_duckdb = in_order([list(row) for row in by_duckdb])
print(json.dumps({"duckdb": by_duckdb, "pyiceberg": rows(scanned), "pyarrow": rows(by_files), "first": first.column_names}))
