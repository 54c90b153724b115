"""Reads exported evidence with warcio: every digest is checked, and every revisit must name a body that stood before it.

Usage: read_export.py FILE...
Prints the number of records by kind.
"""

import json
import sys

from warcio.archiveiterator import ArchiveIterator

counts = {}
for path in sys.argv[1:]:
    bodies = set()
    with open(path, "rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            body = record.content_stream().read()
            digest = record.rec_headers.get_header("WARC-Payload-Digest")
            if record.rec_type in ("response", "resource"):
                assert body, record.rec_headers
                bodies.add(digest)
            elif record.rec_type == "revisit":
                assert digest in bodies, record.rec_headers
                assert record.rec_headers.get_header("WARC-Refers-To-Date"), record.rec_headers
                assert record.rec_headers.get_header("WARC-Profile").startswith("http://netpreserve.org/warc/1.1/revisit/")
            counts[record.rec_type] = counts.get(record.rec_type, 0) + 1
print(json.dumps(counts))
