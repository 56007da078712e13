"""`python -m benchmarks [stack] [items] [start] [lists] [import] [events]`: all of them without a name."""

import sys

from benchmarks import events, imports, items, lists, stack, start

ALL = {"stack": stack.main, "items": items.main, "start": start.main, "lists": lists.main, "import": imports.main, "events": events.main}

names = sys.argv[1:] or list(ALL)
if unknown := [name for name in names if name not in ALL]:
    raise SystemExit(f"no such measurement: {', '.join(unknown)}; there are {', '.join(ALL)}")
for name in names:
    print(f"== {name}", flush=True)
    ALL[name]()
