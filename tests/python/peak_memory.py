"""Runs a command and prints its peak memory in MiB as the last line of standard output; its exit code is the command's.

Usage: peak_memory.py COMMAND...
"""

import resource
import subprocess
import sys

code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, flush=True)
sys.exit(code)
