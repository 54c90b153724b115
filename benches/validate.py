"""What benches/validate.sh runs."""

import os
import statistics
import subprocess
import sys
import time
import zipfile

FEED = "../shared/feeds/mta-bus-m.zip"
LARGE = "target/large.zip"
DATE = "2026-11-24"
PEERS = {
    "gtfs-guru": "import sys, gtfs_guru; gtfs_guru.validate(sys.argv[1], country_code='US', date=sys.argv[2])",
    "gtfs-analyzer": "import sys, gtfs_analyzer; gtfs_analyzer.validate_gtfs(sys.argv[1])",
}
# The columns whose ids are prefixed in each copy of the large feed.
IDS = {"route_id", "service_id", "trip_id", "block_id", "shape_id", "stop_id", "parent_station"}


def make_large(copies=10):
    """Repeats a feed with prefixed ids. Files without such ids are taken over once."""
    with zipfile.ZipFile(FEED) as feed, zipfile.ZipFile(LARGE, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
        for name in feed.namelist():
            header, *rows = feed.read(name).decode().splitlines()
            places = [place for place, column in enumerate(header.split(",")) if column in IDS]
            with out.open(name, "w", force_zip64=True) as file:
                file.write(f"{header}\n".encode())
                for copy in range(copies if places else 1):
                    lines = []
                    for row in rows:
                        # None of these files has a quoted comma before its ids.
                        cells = row.split(",")
                        for place in places:
                            if place < len(cells) and cells[place]:
                                cells[place] = f"c{copy}-{cells[place]}"
                        lines.append(",".join(cells))
                    file.write(("\n".join(lines) + "\n").encode())


def run(command):
    """Seconds and peak MiB of a command, whose output is not wanted."""
    begin = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - begin, usage.ru_maxrss / 1024, child.returncode


def main():
    arguments = sys.argv[1:]
    rounds = 5
    feed = FEED
    if arguments[:1] == ["--large"]:
        feed, rounds = LARGE, 1
        if not os.path.exists(LARGE):
            make_large()
    elif arguments:
        feed = arguments[0]
    if len(arguments) > 1:
        rounds = int(arguments[1])
    commands = {
        "unzip -p": ["unzip", "-p", feed],
        "fahrtenbuch": ["target/release/fahrtenbuch", "validate", feed, "--date", DATE],
        **{name: [sys.executable, "-c", code, feed, DATE] for name, code in PEERS.items()},
    }
    results = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            seconds, peak, code = run(command)
            # 3: there are notices of severity error, as there are in most real feeds.
            if code not in (0, 3):
                sys.exit(f"{name} failed with {code}")
            results[name].append((seconds, peak))
    median = {name: statistics.median(s for s, _ in runs) for name, runs in results.items()}
    own, limit = median["fahrtenbuch"], median["unzip -p"]
    print(f"{feed}, median of {rounds}")
    for name, runs in results.items():
        peak = max(peak for _, peak in runs)
        print(f"{name:14} {median[name]:8.3f} s {peak:8.0f} MiB {median[name] / own:6.1f} x fahrtenbuch")
    print(f"fahrtenbuch takes {own / limit:.2f} times as long as unzip -p")


main()
