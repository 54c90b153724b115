"""Tells the values of all current tables of a bucket as pyarrow reads them: one line for the rows of each table and one for each
of its columns, with the number of rows or of values that are not null, and a digest in which the order of the rows has no share.

Usage: published_values.py BUCKET
"""

import collections
import hashlib
import json
import pathlib
import sys

import pyarrow
import pyarrow.parquet

bucket = pathlib.Path(sys.argv[1])


def values(column):
    """As Python has them; moments as whole numbers in their unit, so that none is rounded."""
    if pyarrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pyarrow.types.is_temporal(column.type):
        column = column.cast(pyarrow.int32() if column.type.bit_width == 32 else pyarrow.int64())
    return column.to_pylist()


def digest(found):
    total = 0
    for value, count in collections.Counter(found).items():
        total += count * int.from_bytes(hashlib.sha256(repr(value).encode()).digest()[:16], "big")
    return f"{total % 2**128:032x}"


for view in sorted(bucket.glob("meta/*/*/files.json")):
    files = json.loads(view.read_text())["files"]
    # The partition of a timetable is the day of its capture, which is no value of it.
    parts = [pyarrow.parquet.ParquetFile(bucket / file["path"]).read().replace_schema_metadata(None) for file in files]
    # The bounds of geometries are a group.
    table = pyarrow.concat_tables(parts).flatten()
    columns = {name: values(table.column(name)) for name in table.column_names}
    name = "/".join(view.parts[-3:-1])
    print(name, "rows", table.num_rows, digest(zip(*columns.values())), sep="\t")
    for column, found in columns.items():
        filled = [repr(value) for value in found if value is not None]
        print(name, column, len(filled), digest(filled), sep="\t")
