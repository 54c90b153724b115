"""Serves a folder over plain HTTP on a free loopback port, with byte ranges, as a public bucket does. Prints the port.

Usage: serve_folder.py FOLDER
"""

import functools
import http.server
import os
import re
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

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

    def end_headers(self):
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
print(server.server_address[1], flush=True)
server.serve_forever()
