"""Reads evidence archives with warcio and checks every digest; prints how many responses and resources there are.

Usage: read_warc.py FILE...
"""

import json
import sys

from warcio.archiveiterator import ArchiveIterator

counts = {}
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            record.content_stream().read()
            counts[record.rec_type] = counts.get(record.rec_type, 0) + 1
print(json.dumps(counts))
