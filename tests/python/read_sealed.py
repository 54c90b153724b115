"""Reads sealed archives with fastwarc and compares every payload with its digest; prints how many records of each kind there are.

Usage: read_sealed.py FILE...
"""

import hashlib
import json
import sys

from fastwarc.warc import ArchiveIterator

counts = {}
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        for record in ArchiveIterator(file, parse_http=True):
            kind = record.headers["WARC-Type"]
            counts[kind] = counts.get(kind, 0) + 1
            body = record.reader.read()
            declared = record.headers.get("WARC-Payload-Digest")
            if declared is not None:
                assert declared == "sha256:" + hashlib.sha256(body).hexdigest(), f"{path}: {record.record_id}"
print(json.dumps(counts))
