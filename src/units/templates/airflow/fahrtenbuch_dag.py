"""Runs what is due, each partition as a task of its own. For Airflow 3. Written by 'fahrtenbuch units'.

Copy this file into the folder of your DAGs. The workers need the program and the workspace: the same folders, or the same
image. What is due is worked out by 'fahrtenbuch plan' from what was done, so that nothing is caught up by Airflow.
"""

import json
import os
import subprocess
from datetime import timedelta

import pendulum
from airflow.sdk import dag, get_current_context, task

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
except ImportError:  # before Airflow 3.2
    from airflow.exceptions import AirflowException, AirflowFailException

PROGRAM = os.environ.get("FAHRTENBUCH_PROGRAM", @PROGRAM_PY@)
WORKSPACE = os.environ.get("FAHRTENBUCH_WORKSPACE", @WORKSPACE_PY@)
# Airflow maps over 1,024 at most unless told otherwise; the rest is due again the next time.
MOST = 500
# Runs at once: each takes the memory that 'limits: memory' of fahrtenbuch.yaml says.
AT_ONCE = 2

# What exit codes mean is one table for all commands, see 'fahrtenbuch --help'.
DONE = (0, 4)
PERMANENT = {
    2: "wrong use or configuration",
    3: "held back by quality: nothing was published",
    42: "will not succeed if tried again",
}


def fahrtenbuch(arguments, **options):
    """Runs the program in the workspace; a failure is tried again where that may help."""
    command = [PROGRAM, "--workspace", WORKSPACE, *arguments]
    code = (done := subprocess.run(command, check=False, **options)).returncode
    if code in DONE:
        return done
    if code in PERMANENT:
        raise AirflowFailException(f"exit code {code}: {PERMANENT[code]}")
    # 1, and ends by a signal: a run that was killed is finished by the next one.
    raise AirflowException(f"exit code {code}: may succeed if tried again")


@dag(
    dag_id="fahrtenbuch",
    schedule=timedelta(minutes=15),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(minutes=5)},
    tags=["fahrtenbuch"],
    doc_md=__doc__,
)
def fahrtenbuch_dag():
    """What is due, and then each of it."""

    @task
    def plan():
        """The arguments of each job that is due: to run a pipeline's date, or to capture a pipeline's sources."""
        done = fahrtenbuch(["plan", "--json"], stdout=subprocess.PIPE, text=True)
        due = json.loads(done.stdout)["due"]
        return [job["command"][1:] for job in due[:MOST]]

    @task(map_index_template="{{ job }}", max_active_tis_per_dagrun=AT_ONCE)
    def run(arguments):
        """Does a job, as 'run stadtbus-telemetrie --date 2026-11-24'."""
        get_current_context()["job"] = " ".join(arguments)
        fahrtenbuch(arguments)

    run.expand(arguments=plan())


fahrtenbuch_dag()
