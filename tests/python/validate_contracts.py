"""Validates every contract of a schemas folder against the ODCS JSON Schema, and follows the references between files by
their ids; prints what does not fit and fails.

Usage: validate_contracts.py ODCS_SCHEMA.json SCHEMAS_FOLDER
"""

import json
import pathlib
import sys

import jsonschema
import yaml

schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
validator = jsonschema.Draft201909Validator(schema)


def references(node):
    """Every fully qualified reference into another file."""
    if isinstance(node, str):
        yield from [node] if "#/schema/" in node else []
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        yield from references(child)


def resolves(file, reference):
    path, _, place = reference.partition("#/")
    node = yaml.safe_load((file.parent / path).read_text())
    for section, name in zip(*[iter(place.split("/"))] * 2):
        node = next((entry for entry in node[section] if entry.get("id") == name), None)
        if node is None:
            return False
    return True


files = sorted(pathlib.Path(sys.argv[2]).rglob("*.odcs.yaml"))
wrong = 0
for file in files:
    contract = yaml.safe_load(file.read_text())
    for error in validator.iter_errors(contract):
        wrong += 1
        print(f"{file}: {error.json_path}: {error.message[:300]}")
    for reference in references(contract):
        if not resolves(file, reference):
            wrong += 1
            print(f"{file}: nothing has the ids of {reference}")
print(f"{len(files)} contracts, {wrong} problems")
sys.exit(1 if wrong or not files else 0)
