"""Runs a command and prints its peak memory in MiB and its processor time in milliseconds as the last line of standard
output; its exit code is the command's.

Usage: cost.py COMMAND...
"""

import resource
import subprocess
import sys

code = subprocess.run(sys.argv[1:]).returncode
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_maxrss // 1024, round((usage.ru_utime + usage.ru_stime) * 1000), flush=True)
sys.exit(code)
