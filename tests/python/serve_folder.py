"""Serves a folder over plain HTTP on a free loopback port, with byte ranges, as a public bucket does; an address of the catalogue is a
file that ends in .json. Prints the port. Each request becomes a line of LOG, which ends in the bytes that were given.

Usage: serve_folder.py FOLDER [LOG]
"""

import functools
import http.server
import os
import re
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def translate_path(self, path):
        found = super().translate_path(path)
        return found + ".json" if not os.path.isfile(found) and os.path.isfile(found + ".json") else found

    def send_head(self):
        path = self.translate_path(self.path)
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if os.path.isdir(path) or not os.path.exists(path) or not match:
            return super().send_head()
        size = os.path.getsize(path)
        if match[1]:
            first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
        else:
            first, last = max(0, size - int(match[2])), size - 1
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        self.left = last - first + 1
        file = open(path, "rb")
        file.seek(first)
        return file

    def copyfile(self, source, outputfile):
        left = getattr(self, "left", None)
        self.left = None
        outputfile.write(source.read() if left is None else source.read(left))

    def send_header(self, name, value):
        super().send_header(name, value)
        if name == "Content-Length" and log:
            print(self.command, self.path, value if self.command == "GET" else 0, file=log, flush=True)

    def end_headers(self):
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_):
        pass


log = open(sys.argv[2], "a") if sys.argv[2:] else None
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
print(server.server_address[1], flush=True)
server.serve_forever()
