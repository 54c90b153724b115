#!/usr/bin/env bash
# Runs the DAG that 'fahrtenbuch units' writes in Airflow's own standalone against the sample.
#
#   benches/airflow.sh [PROGRAM]     (target/release/fahrtenbuch unless told otherwise)
#
# By hand: it takes some minutes, and some hundred MB from PyPI unless AIRFLOW_VENV names a virtual environment that has
# Airflow 3. Everything is below a temporary folder and on loopback; a failure keeps the logs there.
#
# What must be true: the DAG is imported without error; a run of it does each job that is due as a mapped task of its own, all
# succeed, and the bucket then holds the very Parquet files that 'fahrtenbuch run' makes by hand; a second run finds nothing due.
set -euo pipefail
cd "$(dirname "$0")/.."
program="$(realpath "${1:-target/release/fahrtenbuch}")"
version=3.3.2
here="$PWD"
work="$(mktemp -d "${TMPDIR:-/tmp}/fahrtenbuch-airflow.XXXXXX")"
standalone=""

# The processes of Airflow are a session of their own; 'standalone' does not pass SIGTERM on.
stop() {
  [ -n "$standalone" ] || return 0
  for pid in $(ps -o pid= -s "$standalone"); do
    kill -TERM "$pid" 2> /dev/null || true
  done
  for _ in $(seq 60); do
    [ -n "$(ps -o pid= -s "$standalone")" ] || break
    sleep 0.5
  done
  for pid in $(ps -o pid= -s "$standalone"); do
    echo "killed $pid, which did not end: $(ps -o args= -p "$pid")"
    kill -KILL "$pid" 2> /dev/null || true
  done
  standalone=""
}
end() {
  code=$?
  stop
  if [ "$code" = 0 ]; then
    rm -rf "$work"
  else
    echo "failed; $work/standalone.log and $work/airflow/logs tell more"
  fi
}
trap end EXIT

if [ -z "${AIRFLOW_VENV:-}" ]; then
  AIRFLOW_VENV="$work/venv"
  echo "installing Airflow $version"
  python3 -m venv "$AIRFLOW_VENV"
  "$AIRFLOW_VENV/bin/pip" install --quiet "apache-airflow==$version"
fi
export PATH="$AIRFLOW_VENV/bin:$PATH"

# The sample is a day of November 2026: on another day it would be too old to be due.
export FAHRTENBUCH_NOW=2026-11-27T08:00:00Z
# Two equal workspaces: one for Airflow, one where the same is done by hand.
for city in city by-hand; do
  mkdir -p "$work/$city/data"
  cp -r "$here/fahrtenbuch.yaml" "$here/pipelines" "$here/schemas" "$work/$city/"
  cp -r "$here/data/sample" "$work/$city/data/"
  for pipeline in "$work/$city/pipelines"/*.yaml; do
    printf 'schedule:\n  run: "06:30"\n' >> "$pipeline"
  done
  "$program" -C "$work/$city" check
  "$program" -C "$work/$city" capture > /dev/null
done
"$program" -C "$work/city" units airflow --program "$program"

free_ports() {
  python3 -c 'import socket
open_ports = [socket.socket() for _ in range(3)]
for port in open_ports: port.bind(("127.0.0.1", 0))
print(*(port.getsockname()[1] for port in open_ports))'
}
read -r port worker_port trigger_port < <(free_ports)
export AIRFLOW_HOME="$work/airflow" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS=True
export AIRFLOW__API__HOST=127.0.0.1 AIRFLOW__API__PORT="$port"
export AIRFLOW__CORE__EXECUTION_API_SERVER_URL="http://127.0.0.1:$port/execution/"
export AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT="$worker_port" AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT="$trigger_port"
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
mkdir -p "$AIRFLOW_HOME/dags"
cp "$work/city/deploy/airflow/fahrtenbuch_dag.py" "$AIRFLOW_HOME/dags/"

setsid airflow standalone > "$work/standalone.log" 2>&1 &
standalone=$!
python3 benches/airflow.py "http://127.0.0.1:$port" "$program" "$work/city" "$work/by-hand"
stop
echo "Airflow has ended"
