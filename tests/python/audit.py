"""Counts an audit report again: runs each query of its `figures.csv` in DuckDB after its `preamble.sql`, and compares the answers with
the values there, with the CSV of each figure, and with every number that its pages show. A number on a page that is none of these is
an error.

Usage: audit.py REPORT BUCKET
"""

import csv
import hashlib
import json
import pathlib
import re
import sys

import duckdb

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "browser"))
from parsed import parse  # noqa: E402

report, bucket = (pathlib.Path(argument) for argument in sys.argv[1:])
csv.field_size_limit(1 << 30)
errors = []


def same(one, other):
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and abs(one - other) <= 1e-9 * max(1.0, abs(one), abs(other))
    return type(one) is type(other) and one == other


def expected(text, rows):
    """The value of a line of figures.csv: JSON of a table, else the number or text itself."""
    if text.startswith("["):
        return json.loads(text)
    if len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], int):
        return [[int(text)]]
    return [[text or None]]


database = duckdb.connect()
database.execute("SET VARIABLE bucket = ?", [f"{bucket}/"])
database.execute((report / "preamble.sql").read_text())
figures, units = {}, {}
with open(report / "figures.csv", newline="") as lines:
    for line in csv.DictReader(lines):
        name, columns = line["id"], line["columns"].split(", ")
        answer = database.execute(line["sql"])
        names = [column[0] for column in answer.description]
        rows = [[int(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell for cell in row] for row in answer.fetchall()]
        if names != columns:
            errors.append(f"{name}: the query gives {names}, and the report says {columns}")
        told = expected(line["value"], rows)
        if len(told) != len(rows) or not all(len(a) == len(b) and all(map(same, a, b)) for a, b in zip(told, rows)):
            errors.append(f"{name}: the report says {told[:40]}, and the query {rows[:40]}")
        figures[name] = [dict(zip(columns, row)) for row in rows]
        units[name] = dict(zip(columns, line["unit"].split(", ")))
        for table in line["tables"].split("; "):
            found = re.fullmatch(r"T\d+ (\S+) version (\d+) sha256 ([0-9a-f]{64})", table)
            if not found:
                if line["tables"]:
                    errors.append(f"{name}: what it stands on is not readable: {table}")
                continue
            index = bucket / "meta" / found[1] / "index" / f"v{int(found[2]):010}.json"
            if hashlib.sha256(index.read_bytes()).hexdigest() != found[3]:
                errors.append(f"{name}: {index} has another digest")
        path = report / f"{name}.csv"
        if path.exists():
            with open(path, newline="") as cells:
                count = len(list(csv.DictReader(cells)))
            if count != len(rows):
                errors.append(f"{name}.csv has {count} lines, and the query gives {len(rows)}")
# The digests that the preamble names are those of the files.
files = re.findall(r"getvariable\('bucket'\) \|\| '([^']+)',? -- ([0-9a-f]{64})", (report / "preamble.sql").read_text())
for path, digest in files:
    if hashlib.sha256((bucket / path).read_bytes()).hexdigest() != digest:
        errors.append(f"{path} has another digest than the preamble says")

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def date(text, german):
    year, month, day = (int(part) for part in text.split("-"))
    return f"{day}.{month}.{year}" if german else f"{day} {MONTHS[month - 1]} {year}"


def shown(value, unit, german):
    """What a page may say of a value."""
    if value is None:
        return "–"
    if unit in {"count", "bytes"}:
        return f"{value:,}".replace(",", "." if german else ",")
    if unit in {"percent", "points"}:
        text = f"{int(value * 100 + 1e-6) / 100:.2f}"
        return (text.replace(".", ",") if german else text) + (("\u202f%" if german else "%") if unit == "percent" else "")
    if unit == "date":
        return date(value, german)
    if unit == "month":
        year, month = value.split("-")
        return f"{int(month)}/{year}" if german else f"{MONTHS[int(month) - 1]} {year}"
    if unit == "minute UTC":
        return f"{date(value.split(' ')[0], german)}, {value.split(' ')[1]}"
    return None


counted = 0
for page in sorted(report.glob("report.*.html")):
    german = page.name == "report.de.html"
    text = page.read_text()
    if re.search(r"<(?:script|link|img|iframe|object|embed|form)\b|\bon[a-z]+=|url\(|@import|http-equiv", re.sub(r"<pre.*?</pre>", "", text, flags=re.S)):
        errors.append(f"{page.name} has something that runs or loads")
    body = next(element for element in parse(text).everything() if element.name == "body")
    for element in body.everything():
        if "data-figure" not in element.attributes:
            continue
        name, row, column = element.get("data-figure").split(" ")
        said = "".join(text for _, text in element.texts())
        rows = figures[name]
        value = rows[int(row)][column] if int(row) < len(rows) else None
        wanted = shown(value, units[name][column], german)
        counted += 1
        if wanted is not None and said != wanted:
            errors.append(f"{page.name}: {name} {row} {column} is '{said}' there, and '{wanted}' by the query")
    for element, words in body.texts():
        above = list(element.above())
        is_told = any(
            "data-figure" in one.attributes
            or one.get("translate") == "no"
            or one.name in {"code", "pre", "svg"}
            or {"f", "year"} & set(one.get("class", "").split())
            for one in above
        )
        # The axis of a picture is no count.
        rest = re.sub(r"SHA-256|(?:Achse beginnt bei|axis begins at) [\d.,]+, (?:nicht bei|not at) 0", "", words)
        if re.search(r"\d", rest) and not is_told:
            errors.append(f"{page.name}: a number without a figure: '{words.strip()[:120]}'")
        # Pictures say what their figures say: shares of months, and points of days.
        if any(one.name == "svg" for one in above) and element.get("class", "") != "axis" and element.get("font-weight") == "600":
            numbers = {shown(row["points"], "points", german) for row in figures["F14"]}
            if words.strip() not in numbers:
                errors.append(f"{page.name}: a picture says '{words.strip()}', which is no score of a day")
        if element.name == "text" and element.get("class", "") == "bar":
            shares = [share for row in figures["F10"] for share in (row["availability"], row["observed_share"]) if share is not None]
            numbers = {f"{int(int(share * 100 + 1e-6) / 10 + 1e-6) / 10:.1f}".replace(".", "," if german else ".") for share in shares}
            # What lacks nothing has no decimals.
            numbers = {"100" if number in {"100.0", "100,0"} else number for number in numbers}
            if words.strip() not in numbers:
                errors.append(f"{page.name}: a bar says '{words.strip()}', which is the share of no month")
for error in dict.fromkeys(errors):
    print(f"error: {error}", file=sys.stderr)
print(json.dumps({"figures": len(figures), "numbers": counted, "files": len(files), "rows": {name: len(rows) for name, rows in figures.items()}}))
sys.exit(1 if errors else 0)
