"""`python -m benchmarks [stack] [items] [start] [lists] [import] [events] [jobs] [blocking] [cache] [flags] [mcp] [search]`: all of them without a name, each in its own process.

These run only by name. `python -m benchmarks growth` takes minutes, `hostile` and `killed` two minutes each. `python -m benchmarks overload` takes four minutes (`OVERLOAD_SECONDS=10`: one). `python -m benchmarks cache-rivals` installs two packages. `python -m benchmarks graphql` compares it with REST, `versions` an older version of the API with the newest one. `python -m benchmarks outage` takes ten minutes (`OUTAGE_SECONDS=15`: two) and kills Kafka and RabbitMQ of `make services`. `python -m benchmarks redis-outage` takes two minutes. `python -m benchmarks search-servers` uses Elasticsearch and OpenSearch of `make services`; so does `make search-rebuild`.
`python -m benchmarks instructions --against PATH` compares with another checkout, by callgrind.
"""

import subprocess
import sys

from benchmarks import (
    blocking,
    cache,
    cache_rivals,
    events,
    flags,
    graphql,
    growth,
    hostile,
    imports,
    instructions,
    items,
    jobs,
    killed,
    lists,
    mcp,
    outage,
    overload,
    redis_outage,
    search,
    search_servers,
    stack,
    start,
    tracing,
    versions,
)

ALL = {
    "stack": stack.main,
    "items": items.main,
    "start": start.main,
    "lists": lists.main,
    "import": imports.main,
    "events": events.main,
    "jobs": jobs.main,
    "blocking": blocking.main,
    "cache": cache.main,
    "flags": flags.main,
    "mcp": mcp.main,
    "search": search.main,
}
KNOWN = {
    **ALL,
    "cache-rivals": cache_rivals.main,
    "graphql": graphql.main,
    "growth": growth.main,
    "hostile": hostile.main,
    "killed": killed.main,
    "outage": outage.main,
    "search-servers": search_servers.main,
    "overload": overload.main,
    "versions": versions.main,
    "redis-outage": redis_outage.main,
    "tracing": tracing.main,
}

if sys.argv[1:2] == ["instructions"]:
    instructions.main(sys.argv[2:])
    raise SystemExit
names = sys.argv[1:] or list(ALL)
if unknown := [name for name in names if name not in KNOWN]:
    raise SystemExit(f"no such measurement: {', '.join(unknown)}; there are {', '.join((*KNOWN, 'instructions'))}")
if len(names) == 1:
    print(f"== {names[0]}", flush=True)
    KNOWN[names[0]]()
else:
    for name in names:
        subprocess.run([sys.executable, "-m", "benchmarks", name], check=True)
