"""Writes random GTFS-Realtime messages, and the rows that a reader must make of them by gtfs-realtime-bindings.

Usage: random_realtime.py FOLDER SEED COUNT

FOLDER gets 0000.pb, 0000.json and so on: a message of all entities and fields that the descriptor of the bindings knows, in any
order, some in several parts, with unknown fields and groups between them; and its rows by table. Instants are milliseconds since
1970, dates days since 1970, times seconds, floating point numbers
the bits of a double.

It fails if the bindings know a field that is neither read below nor listed as left out.
"""

import datetime
import json
import pathlib
import random
import struct
import sys

from google.protobuf.descriptor import FieldDescriptor as F
from google.protobuf.unknown_fields import UnknownFieldSet
from google.transit import gtfs_realtime_pb2 as realtime

# What is deliberately not read, and why: a field, or a message with all of its fields.
LEFT_OUT = {
    "FeedHeader.gtfs_realtime_version": "all versions are read alike",
    "FeedHeader.feed_version": "names a timetable that need not be ours",
    "FeedEntity.shape": "no table of it: the shapes of the timetable are used",
    "FeedEntity.stop": "no table of it: the stops of the timetable are used",
    "FeedEntity.trip_modifications": "no table of it: detours are experimental and change the timetable, not what is reported",
    "Shape": "see FeedEntity.shape",
    "Stop": "see FeedEntity.stop",
    "TripModifications": "see FeedEntity.trip_modifications",
    "TripModifications.Modification": "see FeedEntity.trip_modifications",
    "TripModifications.SelectedTrips": "see FeedEntity.trip_modifications",
    "StopSelector": "see FeedEntity.trip_modifications",
    "ReplacementStop": "see FeedEntity.trip_modifications",
    "TripDescriptor.modified_trip": "see FeedEntity.trip_modifications",
    "TripDescriptor.ModifiedTripSelector": "see FeedEntity.trip_modifications",
    "VehicleDescriptor.wheelchair_accessible": "TIDES has it of the vehicle, not of its reports",
    "TripUpdate.StopTimeEvent.scheduled_time": "the timetable has it; of new trips only the prediction is kept",
    "TripUpdate.StopTimeUpdate.stop_time_properties": "changes of the timetable, not what is predicted",
    "TripUpdate.StopTimeUpdate.StopTimeProperties": "see StopTimeUpdate.stop_time_properties",
    "TripUpdate.TripProperties.shape_id": "changes of the timetable, not what is predicted",
    "TripUpdate.TripProperties.trip_headsign": "changes of the timetable, not what is predicted",
    "TripUpdate.TripProperties.trip_short_name": "changes of the timetable, not what is predicted",
    "Alert.tts_header_text": "the header, for reading aloud",
    "Alert.tts_description_text": "the description, for reading aloud",
    "Alert.image": "a picture of what the description says",
    "Alert.image_alternative_text": "see Alert.image",
    "Alert.cause_detail": "the cause in words of the agency, beside the description",
    "Alert.effect_detail": "the effect in words of the agency, beside the description",
    "TranslatedImage": "see Alert.image",
    "TranslatedImage.LocalizedImage": "see Alert.image",
}

PACKAGE = "transit_realtime."
LAST_SECOND = 253_402_300_799
TEN = 1_795_514_400

# ---- what is written


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, wire_type, payload):
    return varint(number << 3 | wire_type) + payload


def block(payload):
    return varint(len(payload)) + payload


WIRE = {F.TYPE_DOUBLE: 1, F.TYPE_FLOAT: 5, F.TYPE_STRING: 2, F.TYPE_MESSAGE: 2}


class Writer:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def often(self, share):
        return self.random.random() < share

    def text(self, name):
        pick = self.random.choice
        if name in ("start_date", "service_dates"):
            return pick(["20261124", "20261125", "20240229", "rubbish", ""])
        if name in ("start_time", "start_times"):
            return pick(["25:10:00", "00:00:00", "7:05:09", "rubbish", ""])
        if name == "language":
            return pick(["de", "en", "de-DE", "EN-gb", "fr", "d", ""])
        return pick(["", "a", "Zürich \"Süd\"\\", "1\n2", "🚌", "x" * 200, str(self.random.randrange(50))])

    def number(self, spec):
        pick = self.random.choice
        if spec.type == F.TYPE_BOOL:
            return pick([0, 0, 0, 1, 7])
        if spec.type == F.TYPE_ENUM:
            return pick([value.number for value in spec.enum_type.values] * 3 + [99, 2**64 - 1, 2**32 + 1])
        small = [0, 1, 2, 60, TEN, TEN + self.random.randrange(10_000)]
        return pick(small * 3 + [2**31 - 1, 2**31, 2**32 - 5, 2**32 + 3, TEN * 1000, 2**63 - 1, 2**64 - 1, 2**64 - 60])

    def value(self, spec, depth):
        """One field with a random value."""
        if spec.type == F.TYPE_MESSAGE:
            return field(spec.number, 2, block(self.message(spec.message_type, depth + 1)))
        if spec.type == F.TYPE_STRING:
            return field(spec.number, 2, block(self.text(spec.name).encode()))
        if spec.type in (F.TYPE_FLOAT, F.TYPE_DOUBLE):
            value = self.random.choice([48.47, 7.94, -0.0, 1e-30, float("inf"), float("nan"), self.random.uniform(-180, 180)])
            return field(spec.number, WIRE[spec.type], struct.pack("<f" if spec.type == F.TYPE_FLOAT else "<d", value))
        return field(spec.number, 0, varint(self.number(spec)))

    def unknown(self, depth=0):
        """A field of a number that nobody has, or a group of such fields."""
        number = self.random.randrange(1000, 100_000)
        wire_type = self.random.choice([0, 1, 2, 3, 5])
        if wire_type == 3:
            inner = b"".join(self.unknown(depth + 1) for _ in range(self.random.randrange(3))) if depth < 5 else b""
            # What stands in a group belongs to it, whatever its number is.
            inner += field(1, 0, varint(5)) if self.often(0.5) else b""
            return field(number, 3, inner + field(number, 4, b""))
        payload = {0: varint(self.random.getrandbits(64)), 1: b"12345678", 2: block(b"\xff\x00unknown"), 5: b"1234"}
        return field(number, wire_type, payload[wire_type])

    def of_other_type(self, spec):
        """A known number with a wire type that it does not have, so that it is an unknown field."""
        if WIRE.get(spec.type, 0) == 0:
            return field(spec.number, 5, b"1234")
        return field(spec.number, 0, varint(7))

    def message(self, descriptor, depth=0):
        pieces = []
        for spec in descriptor.fields:
            share = 0.9 if spec.type == F.TYPE_MESSAGE and depth < 2 else 0.6
            if not self.often(share):
                continue
            if spec.is_repeated:
                count = self.random.choice([0, 1, 1, 2, 3])
            else:
                count = self.random.choice([1, 1, 1, 2])
            if spec.name == "is_deleted":
                count = int(self.often(0.2))
            pieces += [self.value(spec, depth) for _ in range(count)]
            if self.often(0.05):
                pieces.append(self.of_other_type(spec))
        pieces += [self.unknown() for _ in range(self.random.choice([0, 0, 1, 2]))]
        self.random.shuffle(pieces)
        return b"".join(pieces)

    def feed(self):
        pieces = [self.value(spec, 0) for spec in realtime.FeedMessage.DESCRIPTOR.fields for _ in range(1 if spec.number == 1 else 4)]
        if self.often(0.3):
            pieces.append(self.value(realtime.FeedMessage.DESCRIPTOR.fields_by_name["header"], 0))
        pieces += [self.unknown() for _ in range(2)]
        self.random.shuffle(pieces)
        return b"".join(pieces)


# ---- what is to be read

used = set()


def get(message, name):
    """A field of a message; None where it is absent or an empty text."""
    descriptor = message.DESCRIPTOR
    used.add(f"{descriptor.full_name.removeprefix(PACKAGE)}.{name}")
    spec = descriptor.fields_by_name[name]
    if spec.is_repeated:
        return getattr(message, name)
    if spec.type == F.TYPE_MESSAGE:
        return getattr(message, name)
    if spec.type == F.TYPE_ENUM:
        return enum(message, spec)
    if not message.HasField(name):
        return None
    value = getattr(message, name)
    if spec.type in (F.TYPE_FLOAT, F.TYPE_DOUBLE):
        # As its bits: not every reader of JSON gives the same number again.
        return {"bits": struct.unpack("<Q", struct.pack("<d", value))[0]} if abs(value) < float("inf") else None
    return None if value == "" else value


def enum(message, spec):
    """The name; of a number without a name the number, which the bindings keep as an unknown field."""
    if message.HasField(spec.name):
        return spec.enum_type.values_by_number[getattr(message, spec.name)].name
    found = None
    for unknown in UnknownFieldSet(message):
        if unknown.field_number == spec.number and unknown.wire_type == 0:
            found = unknown.data & 0xFFFFFFFF
    if found is None:
        return None
    return str(found - 2**32 if found >= 2**31 else found)


def instant(seconds):
    """0 stands for none; what is beyond the year 9999 is no second."""
    return seconds * 1000 if seconds and 0 < seconds <= LAST_SECOND else None


def int32(value):
    return value if value is not None and -(2**31) <= value < 2**31 else None


def date(text):
    if text is None or not text.isdigit():
        return None
    return (datetime.datetime.strptime(text, "%Y%m%d").date() - datetime.date(1970, 1, 1)).days


def time(text):
    if text is None or text == "rubbish":
        return None
    hours, minutes, seconds = map(int, text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def trip(message):
    return {
        "trip_id": get(message, "trip_id"),
        "start_time": time(get(message, "start_time")),
        "start_date": date(get(message, "start_date")),
        "schedule_relationship": get(message, "schedule_relationship"),
        "route_id": get(message, "route_id"),
        "direction_id": int32(get(message, "direction_id")),
    }


def vehicle(message):
    return {
        "vehicle_id": get(message, "id"),
        "vehicle_label": get(message, "label"),
        "license_plate": get(message, "license_plate"),
    }


def vehicle_positions(common, message):
    position = get(message, "position")
    percentage = get(message, "occupancy_percentage")
    carriages = []
    for carriage in get(message, "multi_carriage_details"):
        names = ["id", "label", "occupancy_status", "occupancy_percentage", "carriage_sequence"]
        said = {name: get(carriage, name) for name in names}
        status = said["occupancy_status"]
        if status is not None and status.lstrip("-").isdigit():
            said["occupancy_status"] = int(status)
        carriages.append({name: value for name, value in said.items() if value is not None})
    yield {
        **common,
        **trip(get(message, "trip")),
        **vehicle(get(message, "vehicle")),
        **{name: get(position, name) for name in ["latitude", "longitude", "bearing", "odometer", "speed"]},
        "current_stop_sequence": int32(get(message, "current_stop_sequence")),
        "current_status": get(message, "current_status"),
        "timestamp": instant(get(message, "timestamp")),
        "congestion_level": get(message, "congestion_level"),
        "stop_id": get(message, "stop_id"),
        "occupancy_status": get(message, "occupancy_status"),
        # A negative percentage is kept as it was meant.
        "occupancy_percentage": percentage - 2**32 if percentage is not None and percentage >= 2**31 else percentage,
        "multi_carriage_details": carriages or None,
    }


def trip_updates(common, message):
    of_trip = trip(get(message, "trip"))
    properties = get(message, "trip_properties")
    new = [get(properties, "trip_id"), get(properties, "start_date"), get(properties, "start_time")]
    original = None
    if of_trip["schedule_relationship"] == "DUPLICATED":
        if new[0] is not None:
            original, of_trip["trip_id"] = of_trip["trip_id"], new[0]
        if new[1] is not None:
            of_trip["start_date"] = date(new[1])
        if new[2] is not None:
            of_trip["start_time"] = time(new[2])
    updates = list(get(message, "stop_time_update")) or [realtime.TripUpdate.StopTimeUpdate()]
    for update in updates:
        row = {
            **common,
            **of_trip,
            **vehicle(get(message, "vehicle")),
            "timestamp": instant(get(message, "timestamp")),
            "delay": get(message, "delay"),
            "stop_sequence": int32(get(update, "stop_sequence")),
            "stop_id": get(update, "stop_id"),
            "stop_schedule_relationship": get(update, "schedule_relationship"),
            "departure_occupancy_status": get(update, "departure_occupancy_status"),
            "original_trip_id": original,
        }
        for name in ["arrival", "departure"]:
            event = get(update, name)
            row[f"{name}_delay"] = get(event, "delay")
            row[f"{name}_time"] = instant(get(event, "time"))
            row[f"{name}_uncertainty"] = get(event, "uncertainty")
        yield row


def translated(message):
    texts = [(get(translation, "text"), get(translation, "language")) for translation in get(message, "translation")]
    texts = [(text, (language or "")[:2].lower()) for text, language in texts if text is not None]
    first = [text for text, _ in texts]
    german, english = ([text for text, language in texts if language == wanted] for wanted in ["de", "en"])
    return [(found or [None])[0] for found in (first, german, english)]


def alerts(common, message):
    both = {name: list(get(message, f"{name}_period")) for name in ["active", "communication", "impact"]}
    if both["communication"] or both["impact"]:
        both["active"] = []
    periods = [(name.upper(), period) for name, found in both.items() for period in found] or [(None, None)]
    header, description = translated(get(message, "header_text")), translated(get(message, "description_text"))
    for kind, period in periods:
        for selector in list(get(message, "informed_entity")) or [realtime.EntitySelector()]:
            of_trip = trip(get(selector, "trip"))
            direction = get(selector, "direction_id")
            yield {
                **common,
                "active_from": instant(get(period, "start")) if period is not None else None,
                "active_until": instant(get(period, "end")) if period is not None else None,
                "cause": get(message, "cause"),
                "effect": get(message, "effect"),
                "severity_level": get(message, "severity_level"),
                "url": translated(get(message, "url"))[0],
                **dict(zip(["header_text", "header_text_de", "header_text_en"], header)),
                **dict(zip(["description_text", "description_text_de", "description_text_en"], description)),
                "agency_id": get(selector, "agency_id"),
                "route_id": get(selector, "route_id") or of_trip["route_id"],
                "route_type": get(selector, "route_type"),
                "trip_id": of_trip["trip_id"],
                "stop_id": get(selector, "stop_id"),
                "direction_id": of_trip["direction_id"] if direction is None else int32(direction),
                "period_kind": kind,
            }


TABLES = {
    "vehicle_positions": ("vehicle", vehicle_positions),
    "trip_updates": ("trip_update", trip_updates),
    "alerts": ("alert", alerts),
}


def rows(feed):
    header = get(feed, "header")
    found = {table: [] for table in TABLES}
    found["is_differential"] = get(header, "incrementality") == "DIFFERENTIAL"
    found["deleted"] = 0
    for entity in get(feed, "entity"):
        common = {"feed_timestamp": instant(get(header, "timestamp")), "entity_id": get(entity, "id")}
        if get(entity, "is_deleted"):
            found["deleted"] += 1
            continue
        for table, (name, of) in TABLES.items():
            message = get(entity, name)
            if entity.HasField(name):
                found[table] += of(common, message)
    return found


# ---- what is known


def known(descriptor, found):
    if descriptor.full_name not in found:
        found[descriptor.full_name] = descriptor
        for spec in descriptor.fields:
            if spec.message_type:
                known(spec.message_type, found)
    return found


def check_fields():
    problems = []
    fields = set()
    for full_name, descriptor in known(realtime.FeedMessage.DESCRIPTOR, {}).items():
        name = full_name.removeprefix(PACKAGE)
        fields |= {name} | {f"{name}.{spec.name}" for spec in descriptor.fields}
        for spec in descriptor.fields:
            path = f"{name}.{spec.name}"
            is_left_out = path in LEFT_OUT or name in LEFT_OUT
            if path in used and is_left_out:
                problems.append(f"{path} is read and listed as left out")
            if path not in used and not is_left_out:
                problems.append(f"{path} ({spec.number}) is known to the bindings, and neither read nor listed as left out")
    problems += [f"{path} is listed as left out and not known to the bindings" for path in LEFT_OUT if path not in fields]
    return problems


def main(folder, seed, count):
    for place in range(count):
        writer = Writer(f"{seed} {place}")
        body = writer.feed()
        feed = realtime.FeedMessage()
        feed.MergeFromString(body)
        pathlib.Path(folder, f"{place:04}.pb").write_bytes(body)
        pathlib.Path(folder, f"{place:04}.json").write_text(json.dumps(rows(feed)))
    if problems := check_fields():
        sys.exit("\n".join(problems))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
