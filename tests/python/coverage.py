"""Makes coverage again from the published tables, the captures and the record, and fails where a number differs.

Usage: coverage.py BUCKET EVIDENCE RECORD.json DATE
"""

import collections
import datetime
import json
import pathlib
import sys
import zoneinfo

import duckdb
from google.transit import gtfs_realtime_pb2 as realtime
from warcio.archiveiterator import ArchiveIterator

bucket, evidence = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
record, date = json.loads(pathlib.Path(sys.argv[3]).read_text()), datetime.date.fromisoformat(sys.argv[4])
zone = zoneinfo.ZoneInfo("Europe/Berlin")
zero = datetime.datetime.combine(date, datetime.time(12), zone).timestamp() - 12 * 3600
three = lambda day: datetime.datetime.combine(day, datetime.time(3), zone).timestamp()
begin, end = three(date), three(date + datetime.timedelta(days=1))
database = duckdb.connect()
database.sql("SET TimeZone = 'UTC'")
for table in ("vehicle_locations", "trips_observed", "coverage"):
    files = json.loads((bucket / f"meta/stadtbus-telemetrie/{table}/files.json").read_text())["files"]
    paths = [str(bucket / file["path"]) for file in files if date.isoformat() in file["path"]]
    database.sql(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({paths})")


def message(body):
    """A message, or what comes before its damage: the header and the whole entities."""
    try:
        return realtime.FeedMessage.FromString(body)
    except Exception:
        feed, at = realtime.FeedMessage(), 0

    def number():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte, at = body[at], at + 1
            value, shift = value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    try:
        while at < len(body):
            field, length = number() >> 3, number()
            if at + length > len(body):
                break
            part, at = body[at : at + length], at + length
            if field == 1:
                feed.header.MergeFromString(part)
            elif field == 2:
                feed.entity.add().MergeFromString(part)
    except Exception:
        pass
    return feed


def hour(at):
    found = int((at - zero) // 3600)
    return found if 0 <= found < 30 else None


# What came of the trips.
trips = collections.defaultdict(lambda: [0, 0, 0, 0])
route_of, routes = {}, set()
for trip, route, start, planned, cancelled, reports in database.sql(
    "SELECT trip_id_scheduled, route_id, trip_start_time, is_planned, is_cancelled, reports FROM trips_observed"
).fetchall():
    if route is not None:
        route_of[trip] = route
        routes.add(route)
    place = (route, None if start is None else hour(zero + start))
    values = (planned, planned and reports > 0, planned and cancelled, not planned and reports > 0)
    trips[place] = [one + other for one, other in zip(trips[place], values)]

# The rows: published ones as they are, all others as they came.
published, came = collections.Counter(), collections.Counter()
for route, trip, at in database.sql(
    "SELECT route_id, trip_id_scheduled, epoch(event_timestamp) FROM vehicle_locations"
).fetchall():
    routes |= {route} - {None}
    published[route or route_of.get(trip), hour(at)] += 1
captures = collections.defaultdict(collections.Counter)
for archive in sorted(evidence.glob("stadtbus-*/**/*.warc.gz")):
    source = archive.relative_to(evidence).parts[0]
    for entry in ArchiveIterator(archive.open("rb")):
        if entry.rec_type not in ("response", "revisit"):
            continue
        at = datetime.datetime.fromisoformat(entry.rec_headers.get_header("WARC-Date").replace("Z", "+00:00")).timestamp()
        if begin <= at < end:
            captures[source][hour(at)] += 1
        if source != "stadtbus-vehicle-positions" or entry.rec_type != "response":
            continue
        feed = message(entry.content_stream().read())
        for entity in feed.entity:
            if entity.HasField("vehicle"):
                vehicle = entity.vehicle
                route = vehicle.trip.route_id if vehicle.trip.HasField("route_id") else None
                route = route if route in routes else None if route else route_of.get(vehicle.trip.trip_id)
                came[route, hour(vehicle.timestamp or feed.header.timestamp or at)] += 1

rows, found = [], {}
for route, when, *values in database.sql(
    """SELECT route_id, hour, trips_scheduled, trips_observed, trips_cancelled, trips_unscheduled, rows_published, rows_held, rows_dropped,
      gap_reason, epoch(hour_start) FROM coverage WHERE source IS NULL"""
).fetchall():
    assert (route, when) not in found, f"{route} {when} stands there twice"
    found[route, when] = values
    assert values[8] == (None if when is None else zero + when * 3600), values
for place in set(trips) | set(published) | set(found):
    assert place in found, f"{place} is missing"
    assert list(found[place][:4]) == list(map(int, trips[place])), f"{place}: {found[place]}, and trips are {trips[place]}"
    assert found[place][4] == published[place], f"{place}: {found[place]}, and published are {published[place]}"
    missing = found[place][0] > found[place][1]
    assert missing == (found[place][7] is not None), f"{place}: {found[place]}"
# Times that are published are rounded, so a report may be told of the hour beside that of which it came: by route they are equal.
by_route = collections.Counter()
for (route, _), values in found.items():
    by_route[route] += values[4] + values[5] + values[6]
for (route, _), count in came.items():
    by_route[route] -= count
assert not any(by_route.values()), {route: count for route, count in by_route.items() if count}
apart = sum(abs(sum(found.get(place, [0] * 7)[4:7]) - came[place]) for place in set(found) | set(came))
assert apart <= 0.01 * sum(came.values()), f"{apart} rows are in another hour"
account = next(table for table in record["tables"] if table["table"] == "vehicle_locations")
sums = [sum(values[place] for values in found.values()) for place in (4, 5, 6)]
assert sums == [account["published"], account["quarantined"], sum(account["dropped"].values())], (sums, account)

# The sources: the sample has no beats.
for source, when, expected, received, reason in database.sql(
    "SELECT source, hour, snapshots_expected, snapshots_received, gap_reason FROM coverage WHERE source IS NOT NULL"
).fetchall():
    assert expected is None and received == captures[source][when], (source, when, expected, received, captures[source][when])
    assert (reason == "no_capture") == (received == 0), (source, when, reason)
    rows.append((source, when))
hours = [(source, when) for source in captures for when in range(3, int((end - zero) // 3600))]
assert sorted(rows) == sorted(hours), set(rows) ^ set(hours)
reasons = collections.Counter(values[7] for values in found.values() if values[7])
print(f"{len(found)} of lines, {len(rows)} of sources, rows {sums}, trips {[sum(v[p] for v in found.values()) for p in range(4)]}, {dict(reasons)}")
