"""A bucket's folder as an outsider reads it: the tables by their `index.csv`, with DuckDB."""

import functools
import json
import pathlib

import duckdb


class Bucket:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        # That of a workspace has its bucket where it is unless configured otherwise.
        if (self.folder / "fahrtenbuch.yaml").exists() and (self.folder / "data/bucket").is_dir():
            self.folder = self.folder / "data/bucket"
        self.database = duckdb.connect()
        self.database.execute("SET TimeZone = 'UTC'")
        self.tables = sorted(str(index.parent.relative_to(self.folder / "meta")) for index in self.folder.glob("meta/*/*/index.csv"))

    @functools.cache
    def index(self, table):
        """The rows of the index of a table, `dataset/table`, as a name of DuckDB."""
        name = f'"index of {table}"'
        path = self.folder / "meta" / table / "index.csv"
        if table not in self.tables:
            raise LookupError(f"there is no table {table}")
        types = "{'partition_date': 'DATE', 'rows': 'BIGINT', 'bytes': 'BIGINT', 'provisional': 'BOOLEAN', 'path': 'VARCHAR'}"
        self.database.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{path}', header = true, types = {types})")
        return name

    @functools.cache
    def rows(self, table, newest=False):
        """The rows of the files of a table, or of its newest one, as a name of DuckDB; none if it has no file."""
        order = " ORDER BY partition_date DESC LIMIT 1" if newest else ""
        files = [row[0] for row in self.all(f"SELECT path FROM {self.index(table)}{order}")]
        if not files:
            return None
        name = f'"{"newest of " if newest else "rows of "}{table}"'
        paths = [str(self.folder / file) for file in files]
        source = f"read_parquet({paths}, hive_partitioning = true, hive_types = {{'partition_date': DATE}}, union_by_name = true)"
        self.database.execute(f"CREATE VIEW {name} AS SELECT * FROM {source}")
        return name

    def tables_of(self, dataset):
        return [table for table in self.tables if table.split("/")[0] == dataset]

    @property
    def datasets(self):
        return sorted({table.split("/")[0] for table in self.tables})

    def has(self, table):
        return table in self.tables and self.rows(table) is not None

    def all(self, sql, values=()):
        return self.database.execute(sql, list(values)).fetchall()

    def one(self, sql, values=()):
        found = self.all(sql, values)
        if len(found) != 1:
            raise LookupError(f"{len(found)} rows, not one: {sql} {list(values)}")
        return found[0][0]

    def json(self, path):
        return json.loads((self.folder / path).read_text())

    def pages(self):
        """The paths of its pages."""
        return sorted(str(page.relative_to(self.folder)) for page in self.folder.rglob("*.html") if "ledger" not in page.parts)
