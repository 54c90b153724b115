"""Runs the ways into the data that the pages of a bucket show, each as it stands on the page as it is served, and compares how many rows
it finds with the index of the table.

Usage: ways_in.py BUCKET [--base URL] [--long] [--only WAY]

BUCKET is the folder of a bucket. With --base the pages are read from that address, as a browser reads them, and snippets run in an empty
folder; without it they run in the folder of the bucket. With --long those of large programs run, too. Prints what was run and what was
left out, as JSON.
"""

import argparse
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from bucket import Bucket
from parsed import parse

HERE = pathlib.Path(__file__).parent
# How each way is run, and what must be there. `alone` is whether it also runs without an address of the bucket on the web, `after`
# whether it reads what curl has fetched.
WAYS = {
    "curl": {"run": "bash", "alone": True, "needs": "curl"},
    "duckdb-catalogue": {"run": "sql", "alone": False},
    "duckdb-list": {"run": "sql", "alone": True},
    "duckdb-files": {"run": "sql", "alone": True, "duckdb2": True, "after": True},
    "polars": {"run": "python", "alone": True},
    "pandas": {"run": "python", "alone": True},
    "pyiceberg": {"run": "python", "alone": False},
    "spark": {"run": "python", "alone": True, "long": True, "needs": "java", "after": True},
    "r": {"run": "Rscript", "alone": True, "long": True, "needs": "Rscript"},
    "javascript": {"run": "node", "alone": False, "needs": "node"},
}

# Those that each table has, on its page or in its section.
OF_EACH_TABLE = ["duckdb-list", "pandas", "curl"]


def snippets(bucket, base):
    """Of each page and way the texts, as a browser shows them: a page of several tables has one for each."""
    found = {}
    for path in bucket.pages():
        text = urllib.request.urlopen(base + path).read().decode() if base else (bucket.folder / path).read_text()
        for element in parse(text).everything():
            if element.name == "code" and "data-way" in element.attributes:
                found.setdefault((path, element.get("data-way")), []).append(element.text())
    return found


def tables_in(bucket, text):
    """The tables that a snippet names."""
    # As a path, as a name of SQL, and as a pair of names.
    plain = text.replace('"', "").replace("'", "").replace(", ", "/")
    names = {table: [re.escape(table), re.escape(table.replace("/", "."))] for table in bucket.tables}
    return [table for table, words in names.items() if re.search(rf"(?<![\w-])(?:{'|'.join(words)})(?![\w-])", plain)]


def expected(bucket, table):
    """Rows of all current files, of the newest, and of the folder of first publications."""
    counts = {row[0] for row in bucket.all(f"SELECT rows FROM {bucket.index(table)} ORDER BY partition_date DESC LIMIT 1")}
    counts.add(bucket.one(f"SELECT coalesce(sum(rows), 0) FROM {bucket.index(table)}"))
    first = [str(file) for file in (bucket.folder / "data" / table).glob("*/*.parquet")]
    if first:
        counts.add(bucket.one(f"SELECT sum(num_rows) FROM parquet_file_metadata({first})"))
    return counts


def run(way, text, folder):
    """The numbers that it came to, or what went wrong."""
    of = WAYS[way]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
    python = pathlib.Path(sys.executable)
    venv = pathlib.Path(sys.prefix)
    if of.get("duckdb2"):
        environment["PYTHONPATH"] = str(venv / "duckdb2")
    if way == "spark":
        environment["PYTHONPATH"] = str(venv / "spark")
        environment["PYSPARK_PYTHON"] = str(python)
        environment["SPARK_LOCAL_IP"] = "127.0.0.1"
    suffix = {"Rscript": ".R", "bash": ".sh", "node": ".mjs"}.get(of["run"], ".txt")
    with tempfile.NamedTemporaryFile("w", suffix=suffix) as file:
        file.write(text)
        file.flush()
        commands = {
            "sql": [python, HERE / "python_way.py", "sql", file.name],
            "python": [python, HERE / "python_way.py", "python", file.name],
            "Rscript": ["Rscript", "--vanilla", file.name],
            "bash": ["bash", "-euo", "pipefail", file.name],
            "node": ["node", HERE / "javascript_way.mjs", file.name],
        }
        done = subprocess.run(commands[of["run"]], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise AssertionError(f"ended with {done.returncode}: {done.stderr.strip()[-1500:]}")
    return done.stdout


def numbers(output):
    return {int(number.replace(",", "").replace(".", "")) for number in re.findall(r"(?<![\w.-])\d{1,3}(?:[.,]\d{3})+(?!\d)|(?<![\w.-])\d+(?![\w])", output)}


def check(bucket, way, text, folder):
    named = tables_in(bucket, text)
    assert named, "it names no table of the bucket"
    output = run(way, text, folder)
    if way == "curl":
        # What it fetched is what was published, and it said itself that each digest is right. Other tables may be there already.
        published = {row[0]: row[1] for table in named for row in bucket.all(f"SELECT path, sha256 FROM {bucket.index(table)}")}
        digests = set(published.values())
        places = [pathlib.Path(folder, "download", path) for path in published]
        fetched = {hashlib.sha256(path.read_bytes()).hexdigest() for path in places if path.exists()}
        assert fetched == digests, f"it fetched {len(fetched)} files, and the index has {len(digests)}"
        assert output.count(": OK") == len(published), output[-500:]
        return len(fetched)
    if way == "pyiceberg":
        # It lists; data it does not fetch from the web.
        dataset = named[0].split("/")[0]
        lacking = [table for table in bucket.tables_of(dataset) if f"'{table.split('/')[1]}'" not in output and bucket.has(table)]
        assert not lacking, f"it does not list {lacking}: {output[:500]}"
        return len(bucket.tables_of(dataset))
    found, right = numbers(output), set().union(*(expected(bucket, table) for table in named))
    if way == "javascript":
        # It reads the first rows of a file.
        right |= {min(10, rows) for rows in right}
    assert found & right, f"it came to {sorted(found)[-20:]}, and the index of {named} has {sorted(right)}"
    return max(found & right)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("bucket")
    arguments.add_argument("--base")
    arguments.add_argument("--long", action="store_true")
    arguments.add_argument("--only")
    options = arguments.parse_args()
    bucket = Bucket(options.bucket)
    base = options.base and options.base.rstrip("/") + "/"
    found = snippets(bucket, base)
    shown = {way for _, way in found}
    ran, left_out, errors, known = {}, [], [], set()
    whole = tempfile.TemporaryDirectory()

    @functools.cache
    def place(dataset):
        """Where the ways into a dataset run: in an empty folder, or in a copy of the bucket, so that they leave nothing in it."""
        folder = pathlib.Path(whole.name) / dataset
        if base:
            folder.mkdir()
        else:
            shutil.copytree(bucket.folder, folder)
        return folder

    for way in sorted(shown - WAYS.keys()):
        errors.append(f"nobody runs the way '{way}' of the pages")
    for way in OF_EACH_TABLE:
        named = {table for (_, of), texts in found.items() if of == way for text in texts for table in tables_in(bucket, text)}
        errors += [f"no page has the way '{way}' into {table}" for table in bucket.tables if bucket.has(table) and table not in named]
    for way, of in WAYS.items():
        if options.only not in {None, way} and not (way == "curl" and WAYS[options.only].get("after")):
            continue
        if way not in shown and (base or of["alone"]):
            errors.append(f"no page has the way '{way}'")
        if of.get("long") and not options.long or of.get("needs") and not shutil.which(of["needs"]) or not (base or of["alone"]):
            left_out.append(way)
            continue
        if way == "spark" and not (pathlib.Path(sys.prefix) / "spark").exists():
            left_out.append(way)
            continue
        for path, text in sorted((path, text) for (path, of_path), texts in found.items() if of_path == way for text in texts):
            # Both languages have the same ones.
            if (way, text) in known:
                continue
            known.add((way, text))
            dataset = path.split("/")[0]
            try:
                folder = place(dataset)
                if of.get("after") and base:
                    folder /= "download"
                    assert folder.exists(), "curl fetched nothing before it"
                ran[f"{path} {' '.join(tables_in(bucket, text))} {way}"] = check(bucket, way, text, folder)
            except (AssertionError, LookupError, subprocess.TimeoutExpired) as error:
                errors.append(f"{path}: {way}: {error}")
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    print(json.dumps({"ran": ran, "left_out": left_out}))
    sys.exit(1 if errors else 0)


main()
