"""Checks what programs read of a portal: Atom feeds (RFC 4287), the JSON-LD of schema.org in the pages, and the Data Package. Prints what
was found as JSON.

Usage: machine_readable.py BUCKET [--before FOLDER]     the folder of a bucket, and of the same one earlier, whose entries must stay
"""

import argparse
import collections
import datetime
import json
import pathlib
import re
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree

import frictionless
import rdflib

from bucket import Bucket
from parsed import parse

ATOM = "{http://www.w3.org/2005/Atom}"
XML = "{http://www.w3.org/XML/1998/namespace}"
SCHEMA = rdflib.Namespace("https://schema.org/")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

errors = []


def demand(holds, message):
    if not holds:
        errors.append(message)


class Place:
    """Where addresses of a bucket lead, from a file in it."""

    def __init__(self, bucket, path):
        self.bucket, self.path = bucket, path

    def missing(self, address):
        """A sentence if the address is in the bucket and nothing is there."""
        base = self.bucket.base
        if base and address.startswith(base):
            inside = address[len(base) :]
        elif re.match(r"[a-z][a-z0-9+.-]*:", address):
            return None
        else:
            inside = urllib.parse.urljoin("http://x/" + self.path, address)[len("http://x/") :]
        inside = urllib.parse.unquote(inside.split("#")[0].split("?")[0])
        return None if (self.bucket.folder / inside).is_file() else f"{self.path}: '{address}' leads to nothing"


def base_of(bucket):
    """The bucket's address on the web, as its pages have it; none if it has none."""
    for page in bucket.pages():
        for element in parse((bucket.folder / page).read_text()).everything():
            if element.name == "script" and element.get("type") == "application/ld+json":
                url = json.loads(element.text()).get("url", "")
                return url[: -len(page)] if url.startswith("http") and url.endswith(page) else None
    return None


def only(element, name, path):
    found = element.findall(ATOM + name)
    demand(len(found) == 1, f"{path}: {len(found)} times '{name}' in a {element.tag.removeprefix(ATOM)}")
    return (found[0].text or "").strip() if found else ""


def ids_of(folder, path):
    file = folder / path
    root = ElementTree.fromstring(file.read_bytes()) if file.exists() else None
    return {} if root is None else {entry.findtext(ATOM + "id"): entry.findtext(ATOM + "updated") for entry in root.findall(ATOM + "entry")}


def feed(bucket, path, language, before):
    root = ElementTree.fromstring((bucket.folder / path).read_bytes())
    demand(root.tag == ATOM + "feed", f"{path}: the root is {root.tag}")
    demand(root.get(XML + "lang") == language, f"{path}: xml:lang is '{root.get(XML + 'lang')}', not '{language}'")
    only(root, "id", path), only(root, "title", path)
    entries = root.findall(ATOM + "entry")
    has_author = root.find(ATOM + "author") is not None
    for author in root.iter(ATOM + "author"):
        demand((author.findtext(ATOM + "name") or "").strip(), f"{path}: an author without a name")
    demand(any(link.get("rel") == "self" for link in root.findall(ATOM + "link")), f"{path}: no link to itself")
    times, ids = [], []
    for element in [root, *entries]:
        what = f"{path}: {only(element, 'id', path)[:40]}"
        demand(re.match(r"(urn|tag|https?):\S+$", only(element, "id", path)), f"{what}: the id is no IRI with a scheme")
        demand(only(element, "title", path), f"{what}: no title")
        updated = only(element, "updated", path)
        demand(INSTANT.fullmatch(updated), f"{what}: updated is '{updated}', which is no instant of RFC 3339")
        if element is not root:
            ids.append(only(element, "id", path))
            times.append(updated)
            demand(has_author or element.find(ATOM + "author") is not None, f"{what}: nobody is its author")
            alternates = [link for link in element.findall(ATOM + "link") if link.get("rel", "alternate") == "alternate"]
            demand(element.find(ATOM + "content") is not None or alternates, f"{what}: neither content nor a link")
        kinds = collections.Counter((link.get("rel"), link.get("type"), link.get("hreflang")) for link in element.findall(ATOM + "link"))
        demand(all(count == 1 or rel != "alternate" for (rel, *_), count in kinds.items()), f"{what}: two links of one kind")
        for link in element.findall(ATOM + "link"):
            if missing := Place(bucket, path).missing(link.get("href", "")):
                errors.append(missing)
        for text in element.findall(ATOM + "content") + element.findall(ATOM + "summary"):
            demand(text.get("type", "text") in {"text", "html", "xhtml"}, f"{what}: content of the type '{text.get('type')}'")
    demand(len(set(ids)) == len(ids), f"{path}: an id stands twice")
    # As instants: `05:00:00.5Z` is later than `05:00:00Z`, but not as a text.
    instants = [datetime.datetime.fromisoformat(time) for time in times]
    demand(instants == sorted(instants, reverse=True), f"{path}: the newest is not the first")
    if times:
        demand(datetime.datetime.fromisoformat(only(root, "updated", path)) == max(instants), f"{path}: it was updated when none of its entries was")
    if before:
        now = dict(zip(ids, times))
        earlier = ids_of(before, path)
        # The oldest ones may have made room.
        kept = [id for id in earlier if id in now]
        demand(len(kept) >= min(len(earlier), len(ids) - 1, 20), f"{path}: {len(kept)} of {len(earlier)} earlier entries are left")
        for id in kept:
            demand(now[id] == earlier[id], f"{path}: {id} was updated {earlier[id]}, and is said to have been {now[id]}")
    return len(entries)


def releases_told(bucket, dataset):
    """The records by which something of a dataset was released for good, withdrawn or rolled back."""
    if not bucket.has("publication/releases"):
        return set()
    where = "dataset = ? AND NOT coalesce(is_provisional, false) AND act IN ('release', 'withdrawal', 'rollback')"
    found = bucket.all(f"SELECT DISTINCT record FROM {bucket.rows('publication/releases')} WHERE {where}", [dataset])
    return {row[0] for row in found}


def json_ld(bucket, page, element):
    text = element.text()
    value = json.loads(text)
    demand("</" not in text, f"{page}: the script could end within its text")
    demand(value.get("@context") in {"https://schema.org", "https://schema.org/", "http://schema.org/"}, f"{page}: the context is {value.get('@context')}")
    # What schema.org says of its words is not here: each is one of its vocabulary.
    value["@context"] = {"@vocab": str(SCHEMA), "@base": f"http://bucket/{page}"}
    graph = rdflib.Graph().parse(data=json.dumps(value), format="json-ld")
    kinds = {str(kind).removeprefix(str(SCHEMA)) for kind in graph.objects(None, rdflib.RDF.type)}
    if value.get("@type") == "Dataset":
        dataset(bucket, page, value)
    return value.get("@type"), sorted(kinds)


def dataset(bucket, page, value):
    name = page.split("/")[0]
    files = [row for table in bucket.tables_of(name) for row in bucket.all(f"SELECT partition_date, path FROM {bucket.index(table)}")]
    for key in ["name", "description", "license", "creator", "url", "inLanguage"] + (["distribution", "temporalCoverage"] if files else []):
        demand(value.get(key), f"{page}: the JSON-LD has no '{key}'")
    description = value.get("description") or ""
    demand(50 <= len(description) <= 5000, f"{page}: a description of {len(description)} characters; search engines take 50 to 5,000")
    demand(value.get("inLanguage") == ("en" if page.endswith(".en.html") else "de"), f"{page}: inLanguage is '{value.get('inLanguage')}'")
    creator = value.get("creator")
    demand(isinstance(creator, dict) and creator.get("@type") and creator.get("name"), f"{page}: the creator is {creator}")
    if files:
        first, last = min(row[0] for row in files), max(row[0] for row in files)
        covered = {f"{first}/{last}"} | ({str(first)} if first == last else set())
        demand(value.get("temporalCoverage") in covered, f"{page}: temporalCoverage is {value.get('temporalCoverage')}, not {first}/{last}")
    distributions = value.get("distribution") or []
    for one in distributions if isinstance(distributions, list) else [distributions]:
        demand(one.get("@type") == "DataDownload", f"{page}: a distribution is a {one.get('@type')}")
        demand(one.get("encodingFormat"), f"{page}: a distribution without encodingFormat")
        demand(one.get("contentUrl"), f"{page}: a distribution without contentUrl")
        if missing := Place(bucket, page).missing(one.get("contentUrl") or ""):
            errors.append(missing)


def data_package(bucket):
    path = bucket.folder / "datapackage.json"
    described = json.loads(path.read_text())
    paths = [name for resource in described["resources"] for name in ([resource["path"]] if isinstance(resource["path"], str) else resource["path"])]
    for name in paths:
        demand((bucket.folder / name).is_file(), f"datapackage.json: there is no {name}")
    listed = {row[0] for table in bucket.tables for row in bucket.all(f"SELECT path FROM {bucket.index(table)}")}
    demand(set(paths) == listed, f"datapackage.json: {len(paths)} files, and the indexes have {len(listed)}; only in one: {sorted(set(paths) ^ listed)[:3]}")
    report = frictionless.validate(str(path), type="package", limit_rows=50) if described["resources"] else None
    many = {resource["name"] for resource in described["resources"] if not isinstance(resource["path"], str) and len(resource["path"]) > 1}
    told = collections.Counter()
    for task in report.tasks if report else []:
        for error in task.errors:
            # It counts no bytes of Parquet, reads the first of several files alone, and makes 'nan' of an integer that is not there.
            is_many = task.name in many and error.type == "row-count"
            is_nan = error.type == "type-error" and re.search(r'cell "(nan|NaT)"', error.message)
            if is_many or is_nan or error.type == "byte-count" and '"None"' in error.message:
                continue
            told[f"datapackage.json: {task.name}: {error.type}: {error.message[:200]}"] += 1
    errors.extend(told)
    errors.extend(f"datapackage.json: {error.message[:300]}" for error in (report.errors if report else []))
    return len(described["resources"])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("bucket")
    arguments.add_argument("--before", type=pathlib.Path)
    options = arguments.parse_args()
    bucket = Bucket(options.bucket)
    bucket.base = base_of(bucket)
    feeds, linked = {}, {}
    with_pages = set()
    for page in bucket.pages():
        language = "en" if page.endswith(".en.html") else "de"
        name = page.split("/")[0]
        is_of_dataset = re.fullmatch(r"[^/]+/index(\.en)?\.html", page) and name in bucket.datasets
        tree = parse((bucket.folder / page).read_text())
        if is_of_dataset:
            with_pages.add(name)
        found_feed = found_json = False
        entries = 0
        for element in tree.everything():
            if element.name == "link" and element.get("type") == "application/atom+xml":
                found_feed = True
                path = urllib.parse.urljoin("http://x/" + page, element.get("href"))[len("http://x/") :]
                if (bucket.folder / path).is_file():
                    feeds[path] = entries = feed(bucket, path, language, options.before)
                else:
                    errors.append(f"{page}: there is no feed {path}")
            if element.name == "script" and element.get("type") == "application/ld+json":
                found_json = True
                linked[page] = json_ld(bucket, page, element)
        if is_of_dataset:
            demand(found_feed, f"{page}: no link to a feed")
            demand(found_json, f"{page}: no JSON-LD")
            told = releases_told(bucket, name)
            if found_feed and name != "publication":
                demand(entries >= min(len(told), 40), f"{page}: its feed has {entries} entries of {len(told)} releases")
    demand(with_pages == set(bucket.datasets), f"without a page: {sorted(set(bucket.datasets) - with_pages)}")
    resources = data_package(bucket)
    for error in dict.fromkeys(errors):
        print(f"error: {error}", file=sys.stderr)
    print(json.dumps({"feeds": feeds, "json_ld": linked, "resources": resources}))
    sys.exit(1 if errors else 0)


main()
