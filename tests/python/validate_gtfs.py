"""Validates timetables with a validator that we did not write; prints every error and warning, and fails if there is one.

Usage: validate_gtfs.py DATE FEED.zip [DATE FEED.zip]...     (the date is the day on which the feed is looked at)
"""

import collections
import sys

import gtfs_guru

wrong = collections.Counter()
for date, feed in zip(sys.argv[1::2], sys.argv[2::2]):
    for notice in gtfs_guru.validate(feed, country_code="DE", date=date).notices:
        if notice.severity != "INFO":
            wrong[(feed, notice.severity, notice.code)] += 1
for (feed, severity, code), count in wrong.items():
    print(f"{feed}: {severity} {code}: {count}")
print(f"{len(sys.argv) // 2} feeds, {sum(wrong.values())} errors and warnings")
sys.exit(1 if wrong or len(sys.argv) < 2 else 0)
