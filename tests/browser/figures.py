"""Computes each number of the pages of a bucket again from its published tables, and compares. Prints how many there are of each kind.

A number stands in an element with `data-figure="KIND WORDS..."`, its exact value in `value` or `data-value`. Each kind has a query in
KINDS (figure_kinds.py); a kind without one is a failure, and so is a digit in a visible text that is not marked and that no rule below
explains.

Usage: figures.py BUCKET [--list]     the folder of a bucket or of a workspace
"""

import collections
import json
import pathlib
import re
import sys

import yaml

from bucket import Bucket
from figure_kinds import KINDS
from parsed import parse

UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "%": 1}
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SPACES = re.compile(r"[\s\u00a0\u202f\u2009]+")

# Within these a digit is no number that somebody counted: dates are compared with their `datetime`, the others are names, code, or
# text that the city wrote (`translate=no`, `q`, `blockquote`, `class=lines` for texts of the configuration).
NAMES = {"data", "time", "code", "pre", "kbd", "script", "style", "q", "blockquote", "cite", "address"}
# Pages whose texts are the city's own: addresses, laws, telephones.
OWN_TEXTS = {"impressum", "datenschutz", "barrierefreiheit"}

# What is no count, wherever it stands. Each is here for a reason, and the list is short.
ALLOWED = [
    (r"\bCC[ -][A-Z0-9 -]*\d\.\d(?: [A-Z]{2})?\b|\bCC0-1\.0\b|\bdl-(?:de|by|zero)[a-z/-]*-?2[.-]0\b", "licences"),
    (r"\b(?:WCAG|BITV|EN|ISO|RFC|ODCS|WARC|GTFS|DCAT-AP(?:\.de)?|mobilityDCAT-AP|TIDES|WGS)[ -]?\d[\d.:-]*(?: ?\d{3})*", "standards"),
    (r"\b(?:DuckDB|Polars|pandas|pyarrow|Python|Spark|PySpark|Java|Node|Iceberg|Parquet|R|hyparquet) (?:ab |from |>= )?\d[\d.]*", "programs"),
    (r"\bS3\b|\bSHA[- ]?256\b|\bsha256sum\b|\bUTF-8\b|\bInt(?:eger)?\d+\b|\bint(?:32|64)\b|\bfloat(?:32|64)\b|\b(?:32|64) ?[Bb]it\b", "forms"),
    (r"\b[0-9a-f]{8,64}\b", "digests"),
    (r"\b1 [-−] (?:benannte / geprüfte|named / checked)|\b(?:zählt|counts|sonst|else) [01]\b|\b\(?error\)? 2\b|\b\(?warning\)? 1\b|\b\(?info\)? 0\b|\b100 (?:heißt|means)\b", "the formula of scores"),
    (r"\b(?:weniger als|less than) 1 ?%", "what counts as complete"),
    (r"\b(?:Punkte von|von|of|out of) 100\b|\b0 (?:bis|to|–) 100\b", "the scale of scores"),
    (r"§+ ?\d+[a-z]?(?: (?:Abs\.|Absatz) ?\d+)?|\(EU\) \d{4}/\d+|\b(?:Art\.|Artikel|Article) ?\d+", "laws"),
    (r"\bv?\d+\.\d+\.\d+\b", "versions of contracts"),
    (r"\b\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z)?\b", "dates within a text of a rule"),
    # Each is a key of the row or of the gap beside it, which the marked number in that row is asked with.
    (r"\b\d{1,2}(?:–\d{1,2})? Uhr\b|\b\d{1,2} (?:am|pm)\b|\b\d{2}:\d{2}–\d{2}:\d{2}", "hours of the day"),
]
MONTHS = {
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split(),
    "en": "January February March April May June July August September October November December".split(),
}


def shown_number(text, language):
    """The number that a text shows, its decimals, and the unit's factor."""
    text = SPACES.sub(" ", text).strip().lstrip("+").replace("−", "-").replace("–", "-")
    found = re.fullmatch(r"(-?[\d.,]+) ?([A-Za-z%]*)", text)
    if not found or found[2] and found[2] not in UNITS:
        raise ValueError(f"'{text}' is no number with a known unit")
    group, point = (".", ",") if language == "de" else (",", ".")
    digits, _, decimals = found[1].partition(point)
    if not re.fullmatch(rf"-?\d{{1,3}}(?:\{group}\d{{3}})*|-?\d{{1,4}}", digits) or not re.fullmatch(r"\d*", decimals):
        raise ValueError(f"'{text}' is not written as numbers are in '{language}'")
    number = float(digits.replace(group, "") + ("." + decimals if decimals else ""))
    return number, len(decimals), UNITS[found[2]] if found[2] else 1


def wrong(bucket, element, language, queries, path):
    """What is wrong with a marked number; the computed values are kept in `queries`."""
    what = named(element, path)
    kind, *words = what.split(" ")
    if kind not in KINDS:
        return f"'{what}': there is no query for '{kind}'"
    if what not in queries:
        try:
            queries[what] = KINDS[kind](bucket, *words)
        except Exception as error:
            queries[what] = f"{type(error).__name__}: {error}"
    expected = queries[what]
    if isinstance(expected, str):
        return f"'{what}': {expected}"
    written = element.get("value", element.get("data-value"))
    if written is None:
        # What is shown is all of it, rounded as it is shown.
        try:
            number, decimals, factor = shown_number(element.text(), language)
        except ValueError as error:
            return f"'{what}': {error}"
        if factor != 1:
            return f"'{what}' has no value"
        if expected is None or abs(number - float(expected)) > (0.5 * 10**-decimals if decimals else 0) * (1 + 1e-9) + 1e-9:
            return f"'{what}' is shown as {element.text()!r}, and the tables say {expected}"
        return None
    value = float(written)
    if expected is None or abs(value - float(expected)) > 1e-9 * max(1.0, abs(value)):
        return f"'{what}' is {written}, and the tables say {expected}"
    if element.name in {"text", "svg", "g", "rect", "path", "circle", "td"} and not re.search(r"\d", element.text()):
        # A mark of a picture, whose number is told beside it.
        return None
    try:
        number, decimals, factor = shown_number(element.text(), language)
    except ValueError as error:
        return f"'{what}': {error}"
    if abs(number * factor - value) > (0.5 * 10**-decimals) * factor * (1 + 1e-9) + 1e-9:
        return f"'{what}' is {written} and shows {element.text()!r}"
    return None


def named(element, path):
    """What a number is: `KIND ~ DATE` is of the rule in whose place it stands, `id="CONTRACT/RULE"`, on the page of a dataset's results."""
    what = element.get("data-figure")
    if " ~" not in what:
        return what
    place = next(one.get("id") for one in element.above() if "/" in one.get("id", ""))
    return what.replace("~", " ".join([path.split("/")[1], *place.split("/", 1)]))


def wrong_time(element, language):
    """A date is shown as it is meant; one without a year or a day shows the rest."""
    written, text = element.get("datetime", ""), SPACES.sub(" ", element.text())
    if not re.fullmatch(r"\d{4}(?:-\d{2}(?:-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?)?)?|\d{2}:\d{2}", written):
        return f"a time of '{written}', shown as '{text}'"
    if "T" in written or ":" in written:
        return None if re.search(r"\d", text) else f"{written} is shown as '{text}'"
    parts = [int(part) for part in written.split("-")]
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    allowed = [parts, parts[::-1], parts[:1] + parts[1:][::-1], parts[2:] + parts[:1], parts[2:], parts[:1], parts[2:] + parts[1:2], parts[1:]]
    if numbers not in allowed:
        return f"{written} is shown as '{text}'"
    word = next((word for word in MONTHS[language] if word[:3].lower() in text.lower().replace("montag", "")), None) if len(parts) > 1 else None
    return f"{written} is shown as '{text}'" if word and MONTHS[language].index(word) + 1 != parts[1] and word != "Mai" else None


def constants(source, names):
    """Texts of a file of Rust, by name."""
    text = source.read_text()
    for name in names:
        literal = re.search(rf'\bconst {name}: &str = "((?:[^"\\]|\\.)*)"', text, re.DOTALL)[1]
        yield re.sub(r"\\(.)", r"\1", re.sub(r"\\\n\s*", "", literal))


def quoted(bucket):
    """Texts with digits that are not the pages' own: of contracts, rules, decisions and the configuration, as they are published."""
    found = set()

    def visit(value):
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, dict):
            for key, inner in value.items():
                found.add(key)
                visit(inner)
        elif isinstance(value, list):
            for inner in value:
                visit(inner)

    # A table without a file is in no file that says what its columns are. These are the program's contracts and those of the sample.
    for folder in ["src/publication/contracts", "schemas"]:
        for contract in (REPOSITORY / folder).rglob("*.odcs.yaml"):
            visit(yaml.safe_load(contract.read_text()))
    # How points are reckoned is one long sentence with numbers, the same on all pages.
    found.update(constants(REPOSITORY / "src/report/score.rs", ["FORMULA_EN", "FORMULA_DE"]))
    paths = ["datapackage.json", "catalog.jsonld", *bucket.folder.glob("meta/*/*/files.json"), *bucket.folder.glob("reports/*/overview.json"), *bucket.folder.glob("reports/*/*/quality.json")]
    for path in paths:
        path = bucket.folder / path
        if path.exists():
            visit(json.loads(path.read_text()))
    for table, columns in [("publication/rule_results", "requirement, requirement_de, reason"), ("publication/decisions", "*"), ("publication/releases", "role, reason")]:
        if bucket.has(table):
            for row in bucket.all(f"SELECT DISTINCT {columns} FROM {bucket.rows(table)}"):
                found.update(value for value in row if isinstance(value, str))
    texts = {SPACES.sub(" ", text).strip() for text in found}
    # Rules that are alike stand in one line, without the column that each is about.
    texts |= {alike[1] for text in texts if (alike := re.fullmatch(r"[a-z0-9_]+ (.+)", text))}
    # By sentence, too, for pages show the first of a description.
    texts |= {sentence.strip() for text in texts for sentence in re.split(r"(?<=[.;:!?]) ", text)}
    return sorted((text for text in texts if re.search(r"\d", text) and re.search(r"[^\W\d]", text)), key=len, reverse=True)


NUMBER = re.compile(r"\d+(?:[.,\u00a0\u202f]\d+)*")
# What a picture says that is no count: hours of the day, its own axis, dates in words.
OF_PICTURES = [
    r"\b\d{1,2}(?::\d\d)? ?(?:Uhr|h\b|am\b|pm\b|o'clock)",
    r"(?:Achse beginnt bei|axis begins at) [\d.,]+, (?:nicht bei|not at) 0",
    r"\b\d{1,2}\.(?:\d{1,2}\.|\u00a0| )(?:(?:" + "|".join(MONTHS["de"]) + r")\b|(?:Jan|Feb|Apr|Aug|Sept|Okt|Nov|Dez)\.)?(?: ?\d{4})?",
    r"\b\d{1,2} (?:" + "|".join(month[:3] for month in MONTHS["en"]) + r")[a-z]*(?: \d{4})?",
    r"\b(?:" + "|".join(month[:3] for month in MONTHS["en"]) + r")[a-z]* \d{1,2}(?:, \d{4})?",
]


def unknown_in_picture(text, values, language):
    """Numbers in the words of a picture that are no value of the page or of its scores, rounded as it is shown."""
    for pattern in OF_PICTURES:
        text = re.sub(pattern, "", text)
    for found in NUMBER.findall(text):
        try:
            number, decimals, _ = shown_number(found, language)
        except ValueError:
            yield found
            continue
        if not any(abs(number - value) <= 0.5 * 10**-decimals * (1 + 1e-9) for value in values):
            yield found


def of_results(bucket, dataset):
    """What the pictures of a page of results may say beside its marked numbers: what each rule of the dataset came to on a date."""
    if not bucket.has("publication/rule_results"):
        return set()
    source = f"FROM {bucket.rows('publication/rule_results')} WHERE kind = 'rule' AND dataset = ?"
    queries = [f"SELECT DISTINCT {what} {source}" for what in ["rows_checked", "rows_flagged", "value"]]
    return {float(row[0]) for query in queries for row in bucket.all(query, [dataset]) if row[0] is not None}


def unmarked(tree, quotes, values, language):
    """Visible texts with digits that nothing explains."""
    body = next(element for element in tree.everything() if element.name == "body")
    for element, text in body.texts():
        if not re.search(r"\d", text):
            continue
        above = list(element.above())
        if any(one.name in NAMES or "data-figure" in one.attributes or one.get("translate") == "no" or "lines" in one.get("class", "").split() for one in above):
            continue
        rest = SPACES.sub(" ", text)
        if any(one.name in {"svg", "figure"} for one in above):
            # Labels of an axis are no counts; what is written at a mark is.
            is_axis = element.name == "text" and element.get("font-weight") is None
            unknown = [] if is_axis else list(unknown_in_picture(rest, values, language))
            if unknown:
                yield f"{rest.strip()} ({', '.join(unknown)})", "/".join(one.name for one in reversed(above[:4]))
            continue
        link = next((one for one in above if one.name == "a"), None)
        if link is not None and re.search(r"\.(?:parquet|json|csv|ttl|jsonld|xml|svg|yaml)$", link.get("href", "")):
            continue
        # Before the patterns, which would take parts of what is quoted.
        for quote in quotes:
            if quote in rest:
                rest = rest.replace(quote, "")
                if not re.search(r"\d", rest):
                    break
        for pattern, _ in ALLOWED:
            rest = re.sub(pattern, "", rest)
        if re.search(r"\d", rest):
            yield SPACES.sub(" ", text).strip(), "/".join(one.name for one in reversed(above[:4]))


def main():
    bucket = Bucket(sys.argv[1])
    quotes, queries, counted, errors = quoted(bucket), {}, collections.Counter(), []
    results = bucket.rows("publication/rule_results") if bucket.has("publication/rule_results") else None
    scores = {row[0] for row in bucket.all(f"SELECT DISTINCT value FROM {results} WHERE kind = 'score' AND value IS NOT NULL")} if results else set()
    for path in bucket.pages():
        tree = parse((bucket.folder / path).read_text())
        language = "en" if path.endswith(".en.html") else "de"
        for element in tree.everything():
            if "data-figure" in element.attributes:
                counted[element.get("data-figure").split(" ")[0]] += 1
                if error := wrong(bucket, element, language, queries, path):
                    errors.append(f"{path}: {error}")
            if element.name == "time" and (error := wrong_time(element, language)):
                errors.append(f"{path}: {error}")
        if pathlib.PurePath(path).name.split(".")[0] in OWN_TEXTS:
            continue
        marked = (element.get("value", element.get("data-value")) for element in tree.everything() if "data-figure" in element.attributes)
        values = scores | {float(value) for value in marked if value}
        if path.startswith("reports/"):
            values |= of_results(bucket, path.split("/")[1])
        found = unmarked(tree, quotes, values, language)
        errors += [f"{path}: a number that is not marked: '{text[:160]}' in {place}" for text, place in found]
    for error in dict.fromkeys(errors):
        print(f"error: {error}", file=sys.stderr)
    if "--list" in sys.argv:
        for what, value in sorted(queries.items()):
            print(f"{what}\t{value}")
    print(json.dumps(dict(sorted(counted.items()))))
    sys.exit(1 if errors else 0)


main()
