"""Reads published tables with a geometry as GeoParquet 1.1, and compares them with the columns that they are made of.

Usage: read_geo.py STOPS SHAPES [LOCATIONS]

Prints a line a file: its name, rows, geometries. The files must be readable by pandas, Polars and DuckDB as they are, too.
"""

import json
import pathlib
import struct
import sys

import duckdb
import pandas
import polars
import pyarrow.parquet as pq


def rings(wkb, at):
    """The corners of a polygon's rings, and where it ends."""
    order, kind, count = struct.unpack_from("<BII", wkb, at)
    assert (order, kind) == (1, 3), (order, kind)
    at, found = at + 9, []
    for _ in range(count):
        (corners,) = struct.unpack_from("<I", wkb, at)
        found.append([struct.unpack_from("<dd", wkb, at + 4 + 16 * place) for place in range(corners)])
        at += 4 + 16 * corners
    return found, at


def corners(wkb):
    order, kind = struct.unpack_from("<BI", wkb)
    assert order == 1, order
    if kind == 1:
        assert len(wkb) == 21, len(wkb)
        return "Point", [struct.unpack_from("<dd", wkb, 5)]
    if kind == 3:
        found, at = rings(wkb, 0)
        assert at == len(wkb)
        return "Polygon", [corner for ring in found for corner in ring]
    assert kind == 6, kind
    at, found = 9, []
    for _ in range(struct.unpack_from("<I", wkb, 5)[0]):
        more, at = rings(wkb, at)
        found += more
    assert at == len(wkb)
    return "MultiPolygon", [corner for ring in found for corner in ring]


for path, of in zip(sys.argv[1:], (("stop_lat", "stop_lon"), ("shape_pt_lat", "shape_pt_lon"), ("geometry",))):
    table = pq.ParquetFile(path).read()
    geo = json.loads(table.schema.metadata[b"geo"])
    assert geo["version"] == "1.1.0", geo
    name = geo["primary_column"]
    column = geo["columns"][name]
    assert column["encoding"] == "WKB" and "crs" not in column, column
    covering = column["covering"]["bbox"]
    assert list(covering) == ["xmin", "ymin", "xmax", "ymax"] and all(
        way == ["bbox", part] for part, way in covering.items()
    ), covering
    group = table.schema.field("bbox").type
    assert [field.name for field in group] == list(covering), group
    found = 0
    for row in table.to_pylist():
        wkb, box = row[name], row["bbox"]
        assert (wkb is None) == (box is None), row
        if len(of) == 2:
            place = tuple(row[part] for part in reversed(of))
            expected = None if None in place else [place]
        else:
            # Only the corners: how they belong together is for the tests of the program.
            shape = json.loads(row["geometry"])
            expected = shape["coordinates"]
            while isinstance(expected[0][0], list) and isinstance(expected[0][0][0], list):
                expected = [part for parts in expected for part in parts]
            expected = [tuple(corner[:2]) for ring in expected for corner in ring]
        if wkb is None:
            assert expected is None, row
            continue
        found += 1
        kind, places = corners(wkb)
        assert kind in column["geometry_types"] and places == expected, row
        for least, most, axis in (("xmin", "xmax", 0), ("ymin", "ymax", 1)):
            values = [place[axis] for place in places]
            assert box[least] <= min(values) and max(values) <= box[most], row
            assert min(values) - box[least] < 1e-5 and box[most] - max(values) < 1e-5, row
    # Bounds of row groups, by which readers leave them out. pyarrow 26 takes those of floating point numbers for absent, whose order
    # is said to be that of IEEE 754.
    parts = duckdb.execute(
        "SELECT count(*) FROM parquet_metadata(?) WHERE path_in_schema LIKE 'bbox, %' AND stats_min_value IS NOT NULL", [path]
    ).fetchone()[0]
    assert found == 0 or parts >= 4, parts
    rows = table.num_rows
    # DuckDB reads the geometry as its own type where it has the extension for it, and else as bytes.
    counted = duckdb.execute(f"SELECT count(*), count(bbox.xmin) FROM read_parquet('{path}')").fetchone()
    assert counted == (rows, found), counted
    assert len(pandas.read_parquet(path)) == rows
    frame = polars.read_parquet(path)
    assert frame.height == rows and frame[name].dtype == polars.Binary and frame[name].drop_nulls().len() == found
    assert frame.filter(polars.col("bbox").struct.field("xmin") > -181).height == found
    print(pathlib.Path(path).stem, rows, found)
