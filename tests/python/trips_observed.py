"""Makes trips_observed again from the published tables and the timetable, slowly and in another way, and fails where a trip differs.

Usage: trips_observed.py BUCKET GTFS.zip DATE [TRUTH]

TRUTH is the folder of a simulation: which trips ran, and which were cancelled, added or unknown.
"""

import collections
import datetime
import csv
import io
import json
import math
import pathlib
import sys
import zipfile
import zoneinfo

import duckdb

bucket, archive, date = pathlib.Path(sys.argv[1]), zipfile.ZipFile(sys.argv[2]), datetime.date.fromisoformat(sys.argv[3])
noon = datetime.datetime.combine(date, datetime.time(12), zoneinfo.ZoneInfo("Europe/Berlin"))
zero = noon.timestamp() - 12 * 3600
database = duckdb.connect()
database.sql("SET TimeZone = 'UTC'")


def published(table):
    files = json.loads((bucket / f"meta/stadtbus-telemetrie/{table}/files.json").read_text())["files"]
    paths = [str(bucket / file["path"]) for file in files if date.isoformat() in file["path"]]
    database.sql(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({paths})")


def gtfs(name):
    if name not in archive.namelist():
        return []
    return list(csv.DictReader(io.TextIOWrapper(archive.open(name), "utf-8-sig")))


def seconds(time):
    return sum(int(part) * unit for part, unit in zip(time.split(":"), (3600, 60, 1))) if time else None


for table in ("vehicle_locations", "trip_updates", "trips_observed"):
    published(table)

# The trips that run on the date.
day, weekday = date.strftime("%Y%m%d"), date.strftime("%A").lower()
services = {row["service_id"] for row in gtfs("calendar.txt") if row["start_date"] <= day <= row["end_date"] and row[weekday] == "1"}
for row in gtfs("calendar_dates.txt"):
    if row["date"] == day:
        (services.add if row["exception_type"] == "1" else services.discard)(row["service_id"])
trips = {row["trip_id"]: row for row in gtfs("trips.txt") if row["service_id"] in services}
places = {row["stop_id"]: (float(row["stop_lat"]), float(row["stop_lon"])) for row in gtfs("stops.txt")}
calls = collections.defaultdict(list)
for row in gtfs("stop_times.txt"):
    if row["trip_id"] in trips:
        calls[row["trip_id"]].append(row)
for of_trip in calls.values():
    of_trip.sort(key=lambda row: int(row["stop_sequence"]))
assert not gtfs("frequencies.txt"), "trips that run several times are no part of this"


def metres(a, b):
    (lat, lon), (other_lat, other_lon) = (map(math.radians, place) for place in (a, b))
    half = math.sin((other_lat - lat) / 2) ** 2 + math.cos(lat) * math.cos(other_lat) * math.sin((other_lon - lon) / 2) ** 2
    return 2 * 6_371_010 * math.asin(min(1, math.sqrt(half)))


def stops_seen(reports, of_trip):
    named, near = collections.defaultdict(list), collections.defaultdict(list)
    for at, stop, sequence, status, lat, lon in reports:
        is_named = lambda call: (stop in (None, call["stop_id"])) and (sequence in (None, int(call["stop_sequence"])))
        said = [place for place, call in enumerate(of_trip) if is_named(call)]
        if status != "Stopped at" or stop is None and sequence is None:
            said = []
        if len(said) == 1:
            named[said[0]].append(at)
        around = [place for place, call in enumerate(of_trip) if lat is not None and metres((lat, lon), places[call["stop_id"]]) <= 50]
        for place in set(around + (said if len(said) > 1 else [])):
            before, behind = of_trip[:place], of_trip[place + 1 :]
            left = [seconds(call["departure_time"] or call["arrival_time"]) for call in before]
            reached = [seconds(call["arrival_time"] or call["departure_time"]) for call in behind]
            left, reached = [time for time in left if time is not None], [time for time in reached if time is not None]
            first, last = of_trip[0], of_trip[-1]
            left = left or [time for time in [seconds(first["departure_time"] or first["arrival_time"])] if time is not None]
            reached = reached or [time for time in [seconds(last["arrival_time"] or last["departure_time"])] if time is not None]
            if left and at - zero < left[-1] - 900 or reached and at - zero >= reached[0] + 10_800 + 1:
                continue
            near[place].append(at)
    # earliest[k]: when k stops can have been seen at the earliest.
    earliest = [-math.inf]
    for place in range(len(of_trip)):
        if place in named:
            continue
        since = [min(named[other]) for other in sorted(named) if other < place][-1:]
        until = [max(named[other]) for other in sorted(named) if other > place][:1]
        times = sorted(at for at in near[place] if all(at >= time for time in since) and all(at <= time for time in until))
        for count in range(len(earliest), 0, -1):
            later = [at for at in times if at > earliest[count - 1]]
            if later and count == len(earliest):
                earliest.append(later[0])
            elif later:
                earliest[count] = min(earliest[count], later[0])
    return len(named) + len(earliest) - 1


reports = collections.defaultdict(list)
# A float as the shortest decimal number that stands for it.
for trip, *report in database.sql(
    """SELECT trip_id_scheduled, epoch(event_timestamp), stop_id, scheduled_stop_sequence, current_status,
      CAST(CAST(latitude AS VARCHAR) AS DOUBLE), CAST(CAST(longitude AS VARCHAR) AS DOUBLE), vehicle_id, trip_schedule_relationship
    FROM vehicle_locations"""
).fetchall():
    reports[trip].append(report)
last_words, said = {}, collections.defaultdict(set)
for trip, received, made, word in database.sql(
    "SELECT trip_id_scheduled, epoch(received_at), epoch(event_timestamp), trip_schedule_relationship FROM trip_updates"
).fetchall():
    said[trip].add(word)
    last_words[trip] = max(last_words.get(trip, (-math.inf,)), (received, made or -math.inf, word in ("CANCELED", "DELETED")))

columns = """trip_id_scheduled, is_planned, is_added, is_cancelled, reports, vehicles, epoch(first_report_at), epoch(last_report_at),
  stops_planned, stops_seen, share_of_stops_seen, epoch(schedule_trip_start), epoch(schedule_trip_end), trip_end_time, route_id"""
found = {row[0]: row[1:] for row in database.sql(f"SELECT {columns} FROM trips_observed").fetchall()}
count = database.sql("SELECT count(*) FROM trips_observed").fetchone()[0]
assert len(found) == count, "a trip stands there twice"
known = set(trips) | {trip for trip in (*reports, *last_words) if trip is not None}
assert set(found) == known, set(found) ^ known
for trip in sorted(known):
    of_trip, own = calls.get(trip), reports.get(trip, [])
    times = [report[0] for report in own]
    words = said[trip] | {report[7] for report in own}
    expected = [
        trip in trips,
        trip not in trips and bool(words & {"ADDED", "NEW", "DUPLICATED"}),
        last_words.get(trip, (0, 0, False))[2],
        len(own),
        len({report[6] for report in own} - {None}),
        min(times, default=None),
        max(times, default=None),
    ]
    if trip in trips:
        seen = stops_seen([report[:6] for report in own], of_trip)
        begin, end = seconds(of_trip[0]["departure_time"]), seconds(of_trip[-1]["arrival_time"])
        expected += [len(of_trip), seen, seen / len(of_trip), zero + begin, zero + end, end, trips[trip]["route_id"]]
    else:
        expected += [None] * 6 + [found[trip][-1]]
    assert list(found[trip]) == expected, f"{trip}: {found[trip]}, and it should be {expected}"

if len(sys.argv) > 4:
    truth = pathlib.Path(sys.argv[4])
    visits = database.sql(f"SELECT DISTINCT trip_id, added FROM '{truth / 'stop_visits.parquet'}'").fetchall()
    faults = database.sql(f"SELECT kind, trip_id FROM '{truth / 'faults.parquet'}'").fetchall()
    ran, added = {trip for trip, is_added in visits if not is_added}, {trip for trip, is_added in visits if is_added}
    cancelled = {trip for kind, trip in faults if kind == "cancelled_trip"}
    is_value = lambda place: {trip for trip, row in found.items() if row[place]}
    assert is_value(0) == ran | cancelled and not ran & cancelled, is_value(0) ^ (ran | cancelled)
    assert is_value(1) == added and added, (is_value(1), added)
    assert is_value(2) == cancelled and cancelled, (is_value(2), cancelled)
    unknown = {trip for kind, trip in faults if kind == "unknown_trip"}
    print(f"{len(ran)} ran, {len(cancelled)} cancelled, {len(added)} added, {len(unknown)} unknown")
print(f"{count} trips, {sum(len(own) for own in reports.values())} reports, {sum(row[8] or 0 for row in found.values())} stops seen")
