#!/bin/sh
# Times 'fahrtenbuch validate' beside gtfs-guru and gtfs-analyzer (both Rust, from PyPI) and 'unzip -p', one after the
# other in each round, and prints medians with peak memory.
#
# Usage: benches/validate.sh [FEED.zip] [ROUNDS]       the feed: ../shared/feeds/mta-bus-m.zip
#        benches/validate.sh --large                    ten times that feed, with the ids of each copy prefixed
set -eu
cd "$(dirname "$0")/.."
venv=target/bench-venv
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet gtfs-guru gtfs-analyzer
fi
cargo build --release --quiet
exec "$venv/bin/python" benches/validate.py "$@"
