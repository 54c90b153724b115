"""What benches/airflow.sh asks of a standalone Airflow that is under way: airflow.py URL PROGRAM WORKSPACE BY_HAND"""

import hashlib
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

url, program, city, by_hand = sys.argv[1:]
begun = time.monotonic()
token = None


def tell(text):
    print(f"{time.monotonic() - begun:6.1f} s  {text}", flush=True)


def ask(path, body=None, method=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code >= 500 or error.code == 404:
            raise
        sys.exit(f"{method or 'GET'} {path}: {error.code} {error.read().decode()}")


def wait(what, seconds, condition):
    """Polls until the condition gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := condition():
                return found
        except OSError:  # not up yet, or busy
            pass
        time.sleep(1)
    sys.exit(f"{what}: not within {seconds} s")


def healthy():
    health = ask("/api/v2/monitor/health")
    return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))


def imported():
    errors = ask("/api/v2/importErrors")["import_errors"]
    if errors:
        sys.exit(f"the DAG is not imported: {errors[0]['stack_trace']}")
    return ask("/api/v2/dags/fahrtenbuch")


def ended():
    """All runs of the DAG, once none is under way."""
    runs = ask("/api/v2/dags/fahrtenbuch/dagRuns?order_by=start_date")["dag_runs"]
    return runs if runs and all(run["state"] in ("success", "failed") for run in runs) else None


def tasks(run):
    found = ask(f"/api/v2/dags/fahrtenbuch/dagRuns/{run['dag_run_id']}/taskInstances")["task_instances"]
    return sorted(found, key=lambda task: (task["task_id"], task["map_index"]))


def told(run):
    """Tells a run, which must have succeeded, and gives its mapped tasks that did."""
    tell(f"run {run['dag_run_id']}: {run['state']}, {run['duration']:.1f} s")
    for task in tasks(run):
        seconds = f"{task['duration']:.1f} s" if task["duration"] is not None else ""
        tell(f"    {task['task_id']}[{task['map_index']}] {task['rendered_map_index'] or ''}: {task['state']} {seconds}")
    assert run["state"] == "success", run
    jobs = [task for task in tasks(run) if task["task_id"] == "run" and task["map_index"] >= 0]
    assert all(task["state"] == "success" and task["try_number"] == 1 for task in jobs), jobs
    return [task["rendered_map_index"] for task in jobs]


def fahrtenbuch(workspace, *arguments):
    return subprocess.run([program, "-C", workspace, *arguments], check=True, capture_output=True, text=True).stdout


def due():
    return [job["command"][1:] for job in json.loads(fahrtenbuch(city, "plan", "--json"))["due"]]


def files(workspace):
    """The digests of the current Parquet files of a workspace's bucket."""
    folder = Path(workspace) / "data/bucket/data"
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.parquet")}


jobs = due()
assert len(jobs) >= 3, jobs
assert not files(city)
wait("Airflow", 300, healthy)
token = ask("/auth/token")["access_token"]
tell(f"Airflow {ask('/api/v2/version')['version']} is up")
wait("the DAG", 300, imported)
tell(f"the DAG is imported without error; due are: {'; '.join(map(' '.join, jobs))}")

# Without being paused it begins to run by itself, too: the run by hand waits for that one, or the other way round.
ask("/api/v2/dags/fahrtenbuch", {"is_paused": False}, "PATCH")
ask("/api/v2/dags/fahrtenbuch/dagRuns", {"dag_run_id": "first", "logical_date": None}, "POST")
first = wait("the first run", 900, ended)
done = [job for run in first for job in told(run)]
assert sorted(done) == sorted(map(" ".join, jobs)), (done, jobs)
assert due() == [], due()

# The public ids of vehicles are made with keys that each workspace draws for itself.
shutil.copytree(Path(city) / "data/private/keys", Path(by_hand) / "data/private/keys", dirs_exist_ok=True)
for job in jobs:
    fahrtenbuch(by_hand, *job)
published, expected = files(city), files(by_hand)
assert published == expected, sorted(published.items() ^ expected.items())
pairs = {tuple(job[1:4:2]) for job in jobs if job[0] == "run"}
tell(f"the bucket has {len(published)} Parquet files of {len(pairs)} releases, the same bytes as by hand")

ask("/api/v2/dags/fahrtenbuch/dagRuns", {"dag_run_id": "second", "logical_date": None}, "POST")
runs = wait("the second run", 600, ended)
again = [job for run in runs[len(first):] for job in told(run)]
assert len(runs) > len(first) and again == [], again
assert files(city) == published
tell("a second run found nothing due, and changed nothing")
