"""Searches every published byte for planted personal data: raw, and in every cell of every Parquet file.

Usage: find_personal.py FOLDER PATTERN...     Fails, and tells where, if a pattern occurs.
"""

import pathlib
import re
import sys

import pyarrow.parquet

folder, patterns = pathlib.Path(sys.argv[1]), [re.compile(pattern) for pattern in sys.argv[2:]]
found, files, cells = [], 0, 0
for path in sorted(folder.rglob("*")):
    if not path.is_file():
        continue
    files += 1
    texts = [str(path.relative_to(folder)), path.read_bytes().decode("latin-1")]
    if path.suffix == ".parquet":
        for column in pyarrow.parquet.read_table(path).flatten().itercolumns():
            values = {str(value) for value in column.unique().to_pylist()}
            cells += len(values)
            texts.extend(values)
    found += [f"{path}: {pattern.pattern}" for pattern in patterns for text in texts if pattern.search(text)]
print("\n".join(found) or f"{files} files, {cells} distinct values: nothing")
sys.exit(1 if found or not files or not cells else 0)
