"""Runs the first SQL block of the README with DuckDB in a workspace and prints how many rows come back.

Usage: readme_query.py README.md WORKSPACE
"""

import os
import re
import sys

import duckdb

query = re.search(r"```sql\n(.*?)```", open(sys.argv[1]).read(), re.S)[1]
os.chdir(sys.argv[2])
print(query if "--show" in sys.argv else len(duckdb.sql(query).fetchall()))
if "--show" in sys.argv:
    print(duckdb.sql(query))
