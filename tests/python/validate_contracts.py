"""Validates every contract of a schemas folder against the ODCS JSON Schema; prints what does not fit and fails.

Usage: validate_contracts.py ODCS_SCHEMA.json SCHEMAS_FOLDER
"""

import json
import pathlib
import sys

import jsonschema
import yaml

schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
validator = jsonschema.Draft201909Validator(schema)
files = sorted(pathlib.Path(sys.argv[2]).rglob("*.odcs.yaml"))
wrong = 0
for file in files:
    for error in validator.iter_errors(yaml.safe_load(file.read_text())):
        wrong += 1
        print(f"{file}: {error.json_path}: {error.message[:300]}")
print(f"{len(files)} contracts, {wrong} problems")
sys.exit(1 if wrong or not files else 0)
