#!/usr/bin/env python3
"""What a scheduler takes while it has nothing to do: 'fahrtenbuch up' with ten sources at 15 s, 'airflow standalone', 'dagster dev'.

    benches/idle.py --program target/release/fahrtenbuch --airflow VENV --dagster VENV [--seconds 180] [--warm 60]

By hand, on Linux. Each is started alone, warmed up and sampled every five seconds: PSS (pages that several share are counted in
parts), what of it is anonymous (the rest are pages of files, which the kernel may take back), RSS and number of processes of its
whole tree: medians, and the peak of PSS. And the CPU time that the tree took, in percent of one core. The server of the sources is
not counted and is another copy of the program, so that it shares no pages with 'up'. VENV is a virtual environment of Python with 'apache-airflow', or with 'dagster' and 'dagster-webserver'; what is not
given is left out. Everything is below a temporary folder, on loopback, without examples and telemetry.
"""

import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

SOURCES = 10
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

DEFINITIONS = """import dagster


@dagster.asset
def table():
    return 1


job = dagster.define_asset_job("daily", selection=[table])
running = dagster.DefaultScheduleStatus.RUNNING
schedule = dagster.ScheduleDefinition(job=job, cron_schedule="30 4 * * *", default_status=running)
defs = dagster.Definitions(assets=[table], jobs=[job], schedules=[schedule])
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stat(pid):
    """Parent, session and CPU seconds of a process and of the children that it has waited for; None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[1]), int(fields[3]), sum(map(int, fields[11:15])) / TICK


def tree(root):
    """The processes of a session and all that descend from them, with their CPU seconds."""
    found = {int(name): stat(name) for name in os.listdir("/proc") if name.isdigit()}
    found = {pid: facts for pid, facts in found.items() if facts}
    members = {pid for pid, (_, session, _) in found.items() if session == root}
    while more := {pid for pid, (parent, _, _) in found.items() if parent in members} - members:
        members |= more
    return {pid: found[pid][2] for pid in members}


def memory(pids):
    """PSS, the anonymous part of it, and RSS of processes in MiB."""
    pss = anonymous = rss = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
        except (FileNotFoundError, ProcessLookupError):
            continue
        sizes = {line.split()[0]: int(line.split()[1]) for line in rollup.splitlines() if line.endswith(" kB")}
        pss += sizes.get("Pss:", 0)
        anonymous += sizes.get("Pss_Anon:", 0)
        rss += resident
    return pss / 1024, anonymous / 1024, rss / 2**20


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Service:
    """Processes in a session of their own, which end with it."""

    def __init__(self, command, folder, **environment):
        self.log = open(folder / f"{Path(command[0]).name}.log", "wb")
        self.process = subprocess.Popen(
            list(map(str, command)), cwd=folder, stdout=self.log, stderr=self.log,
            env={**os.environ, **environment}, start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # 'airflow standalone' does not pass a signal on.
        members = tree(self.process.pid)
        for pid in members:
            send(pid, signal.SIGTERM)
        end = time.monotonic() + 30
        while (left := members.keys() & tree(self.process.pid).keys()) and time.monotonic() < end:
            self.process.poll()
            time.sleep(0.5)
        for pid in left:
            send(pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def ready(self, url):
        """Waits until it answers, and gives the seconds since the start."""
        begun = time.monotonic()
        while time.monotonic() - begun < 300:
            if self.process.poll() is not None:
                sys.exit(f"ended by itself, exit code {self.process.returncode}: {Path(self.log.name).read_text()[-3000:]}")
            try:
                urllib.request.urlopen(url, timeout=5).close()
                return time.monotonic() - begun
            except OSError:
                time.sleep(0.25)
        sys.exit(f"{url} does not answer: {Path(self.log.name).read_text()[-3000:]}")


def measured(name, service, url, arguments):
    up_in = service.ready(url)
    time.sleep(arguments.warm)
    root = service.process.pid
    begun, before = time.monotonic(), sum(tree(root).values())
    samples = []
    while time.monotonic() - begun < arguments.seconds:
        members = tree(root)
        samples.append((*memory(members), len(members)))
        time.sleep(5)
    cpu = sum(tree(root).values()) - before
    seconds = time.monotonic() - begun
    pss, anonymous, rss, processes = (statistics.median(column) for column in zip(*samples))
    peak = max(sample[0] for sample in samples)
    print(f"| {name} | {up_in:.1f} s | {pss:,.1f} MiB | {peak:,.1f} MiB | {anonymous:,.1f} MiB | {rss:,.1f} MiB | {processes:.0f} | "
          f"{100 * cpu / seconds:.2f} % | {len(samples)} in {seconds:.0f} s |", flush=True)


def up(program, folder, arguments):
    feeds, metrics = free_port(), free_port()
    city = folder / "city"
    subprocess.run([program, "init", city], check=True, stdout=subprocess.DEVNULL)
    timetable = city / "pipelines/fahrplan.yaml"
    lines = timetable.read_text().splitlines()
    with_url = [f"    url: http://127.0.0.1:{feeds}/gtfs.zip" if line.startswith("    url:") else line for line in lines]
    timetable.write_text("\n".join(with_url) + "\n")
    telemetry = city / "pipelines/telemetrie.yaml"
    before, rest = telemetry.read_text().split("\nsources:\n")
    after = rest[rest.index("\nrelease:"):]
    sources = "".join(f"  - {{name: bulk-{n}, type: http, url: 'http://127.0.0.1:{feeds}/bulk/{n}', every: 15 s, vehicles: b{n}}}\n"
                      for n in range(1, SOURCES + 1))
    telemetry.write_text(f"{before}\nsources:\n{sources}{after}")
    subprocess.run([program, "-C", city, "check"], check=True, stdout=subprocess.DEVNULL)
    server = folder / "feeds"
    shutil.copy(program, server)
    simulate = ["simulate", "--date", time.strftime("%Y-%m-%d"), "--serve", f"127.0.0.1:{feeds}", "--feeds", str(SOURCES)]
    with Service([server, *simulate], folder) as feed:
        feed.ready(f"http://127.0.0.1:{feeds}/bulk/1")
        with Service([program, "-C", city, "up", "--listen", str(metrics)], folder) as service:
            measured(f"`fahrtenbuch up`, {SOURCES} sources at 15 s and a timetable", service, f"http://127.0.0.1:{metrics}/healthz", arguments)
            kept = sum(1 for _ in (city / "data/private").rglob("*.warc*"))
            if kept < SOURCES:
                sys.exit(f"the collector kept {kept} archives of {SOURCES} sources")


def airflow(venv, program, folder, arguments):
    port = free_port()
    home = folder / "airflow"
    (home / "dags").mkdir(parents=True)
    dag = "without a DAG"
    if program and (folder / "city").exists():
        units = [program, "-C", folder / "city", "units", "airflow", "--program", program, "--to", folder / "units"]
        subprocess.run(units, check=True, stdout=subprocess.DEVNULL)
        shutil.copy(folder / "units/airflow/fahrtenbuch_dag.py", home / "dags")
        dag = "our DAG, paused"
    environment = {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "PATH": f"{venv}/bin:{os.environ['PATH']}",
    }
    with Service([venv / "bin/airflow", "standalone"], folder, **{name: str(value) for name, value in environment.items()}) as service:
        measured(f"`airflow standalone`, SQLite, {dag}", service, f"http://127.0.0.1:{port}/api/v2/monitor/health", arguments)


def dagster(venv, folder, arguments):
    port = free_port()
    home = folder / "dagster"
    home.mkdir()
    (home / "definitions.py").write_text(DEFINITIONS)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    environment = {"DAGSTER_HOME": str(home), "PATH": f"{venv}/bin:{os.environ['PATH']}"}
    command = [venv / "bin/dagster", "dev", "-f", home / "definitions.py", "-h", "127.0.0.1", "-p", port]
    with Service(command, home, **environment) as service:
        measured("`dagster dev`, an asset and a daily schedule", service, f"http://127.0.0.1:{port}/server_info", arguments)


def version(venv, package):
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([venv / "bin/python", "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("program", "airflow", "dagster"):
        parser.add_argument(f"--{name}", type=lambda path: Path(path).absolute())
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--warm", type=float, default=60)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fahrtenbuch-idle."))
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, Linux {os.uname().release}, {cores} cores, load {load:.1f}, Python {sys.version.split()[0]}")
    for venv, package in ((arguments.airflow, "apache-airflow"), (arguments.dagster, "dagster")):
        if venv:
            print(f"{package} {version(venv, package)}")
    print("\n| program | answers after | PSS | its peak | anonymous | RSS | processes | CPU of a core | samples |")
    print("|---|---|---|---|---|---|---|---|---|")
    try:
        if arguments.program:
            up(arguments.program, folder, arguments)
        if arguments.airflow:
            airflow(arguments.airflow, arguments.program, folder, arguments)
        if arguments.dagster:
            dagster(arguments.dagster, folder, arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
