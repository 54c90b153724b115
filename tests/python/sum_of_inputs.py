"""Computes the sums of a run record's inputs again, and fails where the record says others.

Usage: sum_of_inputs.py RECORD.json...
"""
import hashlib, json, pathlib, sys

sha256 = lambda data: hashlib.sha256(data).hexdigest()
for path in map(pathlib.Path, sys.argv[1:]):
    inputs = json.loads(path.read_bytes())["inputs"]
    line = "{kind} {name} {sha256}\n".format_map
    data, rules = (sha256("".join(sorted(map(line, inputs[of]))).encode()) for of in ("data", "rules"))
    total = sha256(f"data {data}\nrules {rules}\n".encode())
    if (total, data, rules) != (inputs["sha256"], inputs["data_sha256"], inputs["rules_sha256"]):
        sys.exit(f"{path.name}: the sums of the inputs are others: {total}, of data {data}, of rules {rules}")
    if any(sha256(of["value"].encode()) != of["sha256"] for of in inputs["data"] + inputs["rules"] if "value" in of):
        sys.exit(f"{path.name}: the digest of an input is not that of its value")
    if path.stem != sha256(path.read_bytes()):
        sys.exit(f"{path.name}: the record is not the one of its name")
    print(total)
