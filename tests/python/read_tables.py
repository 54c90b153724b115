"""Reads every released table with a program that we did not write, and compares the values of every column with what
pyarrow reads from each file by itself. Prints the rows of each table, by list; fails with what differs.

Usage: read_tables.py READER BASE DATASET/TABLE...

READER is duckdb, polars, pyarrow, pandas or chdb. BASE is the folder of a bucket or its address on the web. Tables are read
by file (each current file), by list (index.csv, as the page of the bucket tells its readers) and, in a folder, as the
folder data/<dataset>/<table>, which has the first complete publication of each date.
"""

import csv
import io
import json
import pathlib
import sys
import urllib.request

import pyarrow
import pyarrow.parquet

reader, base, tables = sys.argv[1], sys.argv[2].rstrip("/") + "/", sys.argv[3:]
is_web = base.startswith("http")
PARTITION = "partition_date"


def fetch(name):
    if is_web:
        return urllib.request.urlopen(base + name).read()
    return pathlib.Path(base + name).read_bytes()


def truth(names):
    """The rows of files, each read by itself, with the date that its path names."""
    parts = []
    for name in names:
        part = pyarrow.parquet.ParquetFile(io.BytesIO(fetch(name))).read()
        assert PARTITION not in part.column_names, name
        date = name.split(PARTITION + "=")[1].split("/")[0]
        dates = pyarrow.array([date] * part.num_rows, pyarrow.string())
        parts.append(part.append_column(PARTITION, dates).replace_schema_metadata(None))
    return pyarrow.concat_tables(parts)


def in_order(table):
    columns = list(range(table.num_columns))
    names = [f"c{column}" for column in columns]
    indices = pyarrow.compute.sort_indices(table.rename_columns(names), [(name, "ascending") for name in names])
    return table.take(indices)


def fitted(values, type):
    """A column in the type of the file; a reader may widen it, and must lose nothing."""
    if isinstance(values, pyarrow.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pyarrow.ExtensionArray):
        # A geometry, of which WKB is what is stored.
        values = values.storage
    if isinstance(values, pyarrow.DictionaryArray):
        values = values.dictionary_decode()
    if pyarrow.types.is_string(type) and pyarrow.types.is_date(values.type):
        return pyarrow.array([None if value is None else value.as_py().isoformat() for value in values], type)
    return values.cast(type)


def compare(what, found, expected, has_date):
    # Bounds of geometries are a group, which has no order.
    found, expected = found.flatten(), expected.flatten()
    names = [name for name in expected.column_names if name != PARTITION or has_date or name in found.column_names]
    assert sorted(found.column_names) == sorted(names), f"{what}: columns {found.column_names}, not {names}"
    assert found.num_rows == expected.num_rows, f"{what}: {found.num_rows} rows, not {expected.num_rows}"
    columns = [fitted(found[name], expected.schema.field(name).type) for name in names]
    found = in_order(pyarrow.table(columns, names=names))
    expected = in_order(expected.select(names))
    for name in names:
        one, other = found[name].combine_chunks(), expected[name].combine_chunks()
        if not one.equals(other):
            places = [place for place in range(len(one)) if one[place].as_py() != other[place].as_py()]
            place = places[0] if places else 0
            raise AssertionError(f"{what}: {name} differs in {len(places)} rows: {one[place]}, not {other[place]}")


class DuckDb:
    def __init__(self):
        import duckdb

        self.database = duckdb.connect()
        self.database.execute("SET TimeZone = 'UTC'")
        if is_web:
            import duckdb_extension_httpfs

            folder = pathlib.Path(duckdb_extension_httpfs.__file__).parent
            self.database.execute(f"LOAD '{next(folder.rglob('httpfs.duckdb_extension'))}'")

    def query(self, sql):
        return self.database.execute(sql).to_arrow_table()

    def file(self, name):
        return self.query(f"SELECT * FROM read_parquet('{base}{name}')")

    def list(self, table, _):
        self.database.execute(f"SET VARIABLE base = '{base}'")
        self.database.execute(
            "SET VARIABLE files = (SELECT list(getvariable('base') || path)"
            f" FROM read_csv(getvariable('base') || 'meta/{table}/index.csv'))"
        )
        return self.query("SELECT * FROM read_parquet(getvariable('files'))")

    def folder(self, path):
        return self.query(f"SELECT * FROM '{path}/*/*.parquet'")


class Polars:
    def __init__(self):
        import polars

        self.polars = polars

    def file(self, name):
        return self.polars.read_parquet(base + name).to_arrow()

    def list(self, table, _):
        index = self.polars.read_csv(base + f"meta/{table}/index.csv")
        parts = (self.polars.read_parquet(base + path, hive_partitioning=True) for path in index["path"])
        return self.polars.concat(parts).to_arrow()

    def folder(self, path):
        return self.polars.read_parquet(path).to_arrow()


class PyArrow:
    def file(self, name):
        return pyarrow.parquet.read_table(base + name)

    def list(self, _, names):
        import pyarrow.dataset

        # A list has no folder of its own: where the keys stand in the paths is said by hand.
        hive = pyarrow.dataset.partitioning(flavor="hive")
        return pyarrow.dataset.dataset([base + name for name in names], partitioning=hive).to_table()

    def folder(self, path):
        return pyarrow.parquet.read_table(path)


class Pandas:
    def __init__(self):
        import pandas

        self.pandas = pandas

    def as_arrow(self, frame, schema):
        columns = {}
        for name in frame.columns:
            type = None if name == PARTITION and PARTITION not in schema.names else schema.field(name).type
            columns[name] = pyarrow.Array.from_pandas(frame[name], type=type)
        return pyarrow.table(columns)

    def file(self, name):
        return self.as_arrow(self.pandas.read_parquet(base + name), truth([name]).schema)

    def list(self, _, names):
        return pyarrow.concat_tables([self.file(name) for name in names])

    def folder(self, path):
        schema = pyarrow.parquet.read_schema(next(pathlib.Path(path).rglob("*.parquet")))
        return self.as_arrow(self.pandas.read_parquet(path), schema)


class ChDb:
    def __init__(self):
        import chdb

        self.chdb = chdb

    def query(self, path):
        settings = "output_format_arrow_string_as_string = 1, session_timezone = 'UTC', input_format_parquet_allow_geoparquet_parser = 0"
        return self.chdb.query(f"SELECT * FROM file('{path}', Parquet) SETTINGS {settings}", "ArrowTable")

    def file(self, name):
        return self.query(base + name)

    def list(self, _, names):
        return self.query(base + names[0] if len(names) == 1 else base + "{" + ",".join(names) + "}")

    def folder(self, path):
        return self.query(f"{path}/*/*.parquet")


READERS = {"duckdb": DuckDb, "polars": Polars, "pyarrow": PyArrow, "pandas": Pandas, "chdb": ChDb}
outsider = READERS[reader]()
rows = {}
for table in tables:
    names = [line["path"] for line in csv.DictReader(io.StringIO(fetch(f"meta/{table}/index.csv").decode()))]
    for name in names:
        compare(name, outsider.file(name), truth([name]), False)
    everything = truth(names)
    compare(f"{table} by list", outsider.list(table, names), everything, False)
    rows[table] = everything.num_rows
    folder = pathlib.Path(base + "data/" + table)
    if not is_web and folder.exists():
        first = sorted(str(path.relative_to(base)) for path in folder.rglob("*") if path.is_file())
        compare(f"{table} by folder", outsider.folder(str(folder)), truth(first), True)
print(json.dumps(rows))
