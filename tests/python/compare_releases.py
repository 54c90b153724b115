"""Compares two releases of a table with DuckDB, both ways.

Usage: compare_releases.py BUCKET DATASET/TABLE DATASET/TABLE COLUMN...

Prints the rows of each, those that only the one has and those that only the other has, over all columns but the given ones.
"""

import sys

import duckdb

bucket, one, other, *apart = sys.argv[1:]


def rows(table):
    return f"SELECT * EXCLUDE ({', '.join(apart)}) FROM '{bucket}/data/{table}/*/*.parquet'"


def count(query):
    return duckdb.sql(f"SELECT count(*) FROM ({query})").fetchone()[0]


for table in (one, other):
    print(count(rows(table)), end=" ")
# EXCEPT takes rows as a set: ALL counts each.
print(count(f"{rows(one)} EXCEPT ALL {rows(other)}"), count(f"{rows(other)} EXCEPT ALL {rows(one)}"))
if "--show" in sys.argv:
    print(duckdb.sql(f"{rows(one)} EXCEPT ALL {rows(other)}"))
