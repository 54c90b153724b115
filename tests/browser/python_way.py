"""Runs a piece of Python or SQL of a page as it stands, and prints the rows of each table that it made or showed, a JSON list at the end.

Usage: python_way.py LANGUAGE FILE     LANGUAGE is sql or python
"""

import ast
import importlib.util
import json
import os
import pathlib
import sys
import tempfile


def extensions(folder):
    """DuckDB's extensions, which a machine with a network fetches when they are asked for."""
    import duckdb

    database = duckdb.connect(config={"allow_unsigned_extensions": "true", "extension_directory": folder})
    for name in ["httpfs", "avro", "iceberg"]:
        found = importlib.util.find_spec(f"duckdb_extension_{name}")
        if found and duckdb.__version__.startswith("1."):
            place = next(pathlib.Path(found.submodule_search_locations[0]).rglob(f"{name}.duckdb_extension"))
            database.execute(f"INSTALL '{place}'")
    return database


def statements(text):
    import duckdb

    return duckdb.extract_statements(text)


def run_sql(text):
    with tempfile.TemporaryDirectory() as folder:
        database = extensions(folder)
        if "iceberg" in text:
            # Releases of tests are dated by the clock of the tests, and what is newer than DuckDB's transaction is refused by it.
            database.execute("LOAD avro")
            database.execute("LOAD iceberg")
            database.execute("SET iceberg_use_metadata_log = false")
        counts = []
        for statement in statements(text):
            rows = database.execute(statement).fetchall()
            # Of a count its value, of others how many rows there are.
            counts.append(len(rows))
            counts += [value for row in rows[:1000] for value in row if isinstance(value, int) and not isinstance(value, bool)]
        return counts


def size(value):
    """Rows of what libraries for tables have."""
    try:
        if hasattr(value, "num_rows"):
            return value.num_rows
        if hasattr(value, "collect") and hasattr(value, "schema") and not hasattr(value, "height"):
            found = value.count() if hasattr(value, "rdd") or "pyspark" in type(value).__module__ else value.collect()
            return found if isinstance(found, int) else len(found)
        if hasattr(value, "count_rows"):
            return value.count_rows()
        if hasattr(value, "scan") and hasattr(value, "metadata_location"):
            return value.scan().to_arrow().num_rows
        if hasattr(value, "shape") or hasattr(value, "columns"):
            return len(value)
    except Exception:
        return None
    return None


def run_python(text):
    tree = ast.parse(text)
    # The last line of a notebook is shown.
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        shown = tree.body[-1].value
        if not (isinstance(shown, ast.Call) and isinstance(shown.func, ast.Name) and shown.func.id == "print"):
            tree.body[-1] = ast.copy_location(ast.Assign([ast.Name("shown__", ast.Store())], shown), tree.body[-1])
            ast.fix_missing_locations(tree)
    names = {"__name__": "__main__"}
    exec(compile(tree, "<page>", "exec"), names)
    values = [value for name, value in names.items() if not name.startswith("__")]
    counts = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    return counts + [found for found in map(size, values) if found is not None]


language, file = sys.argv[1:]
text = pathlib.Path(file).read_text()
print(json.dumps(run_sql(text) if language == "sql" else run_python(text)), flush=True)
# Threads of libraries that read from the web end after the interpreter now and then, which aborts it.
os._exit(0)
