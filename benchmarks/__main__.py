"""`python -m benchmarks [stack] [items] [start] [lists] [import] [events] [jobs]`: all of them without a name, each in a process of its own."""

import subprocess
import sys

from benchmarks import events, imports, items, jobs, lists, stack, start

ALL = {
    "stack": stack.main,
    "items": items.main,
    "start": start.main,
    "lists": lists.main,
    "import": imports.main,
    "events": events.main,
    "jobs": jobs.main,
}

names = sys.argv[1:] or list(ALL)
if unknown := [name for name in names if name not in ALL]:
    raise SystemExit(f"no such measurement: {', '.join(unknown)}; there are {', '.join(ALL)}")
if len(names) == 1:
    print(f"== {names[0]}", flush=True)
    ALL[names[0]]()
else:
    for name in names:
        subprocess.run([sys.executable, "-m", "benchmarks", name], check=True)
