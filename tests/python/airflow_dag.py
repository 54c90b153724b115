"""Imports the DAG with a stand-in for Airflow and runs its tasks with a program that ends as it is told: airflow_dag.py FILE"""

import importlib.util
import json
import os
import sys
import tempfile
import types
from pathlib import Path


class AirflowException(Exception):
    pass


class AirflowFailException(AirflowException):
    pass


class Task:
    def __init__(self, function, options):
        self.function, self.options = function, options
        tasks[function.__name__] = self

    def __call__(self, *arguments):
        return ("output of", self.function.__name__)

    def expand(self, **mapped):
        self.mapped = mapped


def task(function=None, **options):
    return Task(function, options) if function else lambda function: Task(function, options)


def dag(**options):
    dags.append(options)
    return lambda function: function


tasks, dags, context = {}, [], {}
sdk = types.ModuleType("airflow.sdk")
sdk.dag, sdk.task, sdk.get_current_context = dag, task, lambda: context
exceptions = types.ModuleType("airflow.sdk.exceptions")
exceptions.AirflowException, exceptions.AirflowFailException = AirflowException, AirflowFailException
pendulum = types.ModuleType("pendulum")
pendulum.datetime = lambda *parts, tz: (*parts, tz)
for name, module in {
    "airflow": types.ModuleType("airflow"),
    "airflow.sdk": sdk,
    "airflow.sdk.exceptions": exceptions,
    "pendulum": pendulum,
}.items():
    sys.modules[name] = module

folder = Path(tempfile.mkdtemp())
program = folder / "fahrtenbuch"
program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$0.arguments"\ncat "$0.output"\n[ "$ENDS" = kill ] && kill -9 $$\nexit "$ENDS"\n')
program.chmod(0o755)
os.environ["FAHRTENBUCH_PROGRAM"] = str(program)
os.environ["FAHRTENBUCH_WORKSPACE"] = "/city"
spec = importlib.util.spec_from_file_location("fahrtenbuch_dag", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

assert len(dags) == 1 and dags[0]["catchup"] is False and dags[0]["max_active_runs"] == 1, dags
assert dags[0]["default_args"]["retries"] > 0
assert tasks["run"].mapped == {"arguments": ("output of", "plan")}
plan, run = tasks["plan"].function, tasks["run"].function


JOB = ["run", "stadtbus-telemetrie", "--date", "2026-11-24"]


def ends(code, output="", call=lambda: run(JOB)):
    os.environ["ENDS"] = str(code)
    Path(f"{program}.output").write_text(output)
    try:
        return call()
    except Exception as error:
        return type(error)


due = [{"pipeline": "p", "date": "2026-11-24", "why": "over", "command": ["fahrtenbuch", *JOB]}]
due.append({"pipeline": "p", "date": None, "why": "absent", "command": ["fahrtenbuch", "capture", "p"]})
found = ends(0, json.dumps({"now": "x", "due": due, "next": []}), plan)
assert found == [JOB, ["capture", "p"]], found
assert Path(f"{program}.arguments").read_text().split("\n") == ["--workspace", "/city", "plan", "--json", ""]
assert len(ends(0, json.dumps({"due": due * 1000}), plan)) == module.MOST
assert ends(2, "", plan) is AirflowFailException

# Done, and done with a mark; again where that may help, and without retry where it does not.
assert ends(0) is None and ends(4) is None
arguments = Path(f"{program}.arguments").read_text().split("\n")
assert arguments == ["--workspace", "/city", *JOB, ""], arguments
assert context["job"] == "run stadtbus-telemetrie --date 2026-11-24"
assert {ends(code) for code in (1, 7, "kill")} == {AirflowException}
assert {ends(code) for code in (2, 3, 42)} == {AirflowFailException}
print("imported and run")
