#!/usr/bin/env bash
# Runs the DAG that 'fahrtenbuch units' writes in Airflow's own standalone against the sample, and measures the idle Airflow.
#
#   benches/airflow.sh [PROGRAM]     (target/release/fahrtenbuch unless told otherwise)
#
# By hand: it takes some hundred MB from PyPI and some minutes. Nothing of it stays but the log that it names at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
program="$(realpath "${1:-target/release/fahrtenbuch}")"
airflow_version=3.3.2
here="$PWD"
work="$(mktemp -d)"
standalone=""
end() {
  if [ -n "$standalone" ]; then
    kill -- -"$standalone" 2> /dev/null || true
    wait "$standalone" 2> /dev/null || true
  fi
  cp "$work/standalone.log" "$work/run.log" "${TMPDIR:-/tmp}/" 2> /dev/null || true
  rm -rf "$work"
}
trap end EXIT

echo "installing Airflow $airflow_version"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "apache-airflow==$airflow_version"

echo "making a workspace of the sample"
mkdir -p "$work/city/data" "$work/airflow/dags"
cp -r "$here/fahrtenbuch.yaml" "$here/pipelines" "$here/schemas" "$work/city/"
cp -r "$here/data/sample" "$work/city/data/"
"$program" -C "$work/city" check
"$program" -C "$work/city" capture > /dev/null || true
"$program" -C "$work/city" units airflow --program "$program" > /dev/null
cp "$work/city/deploy/airflow/fahrtenbuch_dag.py" "$work/airflow/dags/"
"$program" -C "$work/city" plan --json > "$work/plan.json"
due="$(python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["due"]))' "$work/plan.json")"
echo "$due partitions are due"

export AIRFLOW_HOME="$work/airflow" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__UNIT_TEST_MODE=False
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS=True AIRFLOW__API__PORT=18080
export AIRFLOW__CORE__EXECUTION_API_SERVER_URL=http://localhost:18080/execution/
export AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=18793 AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=18794
PATH="$work/venv/bin:$PATH"
airflow db migrate > "$work/run.log" 2>&1
errors="$(airflow dags list-import-errors --output json 2>> "$work/run.log")"
[ "$errors" = "[]" ] || [ "$errors" = "No data found" ] || { echo "the DAG is not imported: $errors"; exit 1; }
airflow dags list --output plain 2>> "$work/run.log" | grep -w fahrtenbuch

setsid airflow standalone > "$work/standalone.log" 2>&1 &
standalone=$!
for _ in $(seq 120); do
  curl --silent --fail http://localhost:18080/api/v2/monitor/health > /dev/null && break
  sleep 1
done

# A group of processes: its resident memory in kB, and how many they are.
measure() {
  ps -e -o pgid=,rss= | awk -v group="$standalone" '$1 == group {sum += $2; n += 1} END {print n " processes, " int(sum / 1024) " MiB"}'
}
sleep 60
echo "idle: $(measure)"

airflow dags unpause fahrtenbuch >> "$work/run.log" 2>&1
airflow dags trigger fahrtenbuch >> "$work/run.log" 2>&1
state=""
for _ in $(seq 300); do
  state="$(airflow dags list-runs fahrtenbuch --output json 2>> "$work/run.log" |
    python3 -c 'import json, sys; print(" ".join(sorted({run["state"] for run in json.load(sys.stdin)})))' || true)"
  case "$state" in *running* | *queued* | "") sleep 2 ;; *) break ;; esac
done
echo "runs of the DAG: $state"
[ "$state" = success ]
left="$("$program" -C "$work/city" plan --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["due"]))')"
echo "$left partitions are due after it, of $due"
[ "$left" -lt "$due" ] || [ "$due" = 0 ]
find "$work/city/data/bucket/data" -name '*.parquet' | wc -l | xargs echo "Parquet files:"
