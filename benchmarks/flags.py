"""One evaluation of a flag: by the provider, by `FeatureFlags`, and by OpenFeature's SDK on our provider and on its own in memory."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider import FeatureProvider
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

from api_base.application.services.feature_flags import CurrentFlags, FeatureFlags
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.domain.flags.document import parse
from api_base.domain.flags.evaluation import Snapshot
from api_base.infrastructure.flags.provider import FlagProvider
from benchmarks.report import show

ROUNDS, EVALUATIONS = 15, 5000
USER: Final = UUID("01900000-0000-7000-8000-000000000001")
PLAN: Final = {"attribute": "plan", "operator": "in", "values": ["team", "pro"]}
SPLIT: Final = {"on": 1_000, "off": 9_000}
KINDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "static": {},
    "target": {"rules": [{"conditions": [PLAN], "variant": "on"}]},
    "split": {"rules": [{"split": SPLIT}]},
    "everything": {
        "starts_at": "2020-01-01T00:00:00Z",
        "prerequisites": [{"key": "target", "variant": "on"}],
        "rules": [{"conditions": [PLAN], "split": SPLIT}],
    },
}
"""Of the kind `everything`: a schedule, a condition, a split, and a prerequisite, which is evaluated too."""
OWED: Final = {"provider, static", "provider, target", "provider, split"}


def main() -> None:
    current = CurrentFlags()
    document = {"type": "boolean", "variants": {"on": True, "off": False}, "default_variant": "off"}
    current.replace(Snapshot(parse(document | {"key": key} | changes) for key, changes in KINDS.items()))
    ours, theirs = FlagProvider(current), InMemoryProvider({"static": InMemoryFlag("off", {"on": True, "off": False})})
    clients = {name: _client(name, provider) for name, provider in (("ours", ours), ("theirs", theirs))}
    context, flags = EvaluationContext(str(USER), {"plan": "pro"}), FeatureFlags(current)
    _act(replace(Principal.without_permissions(UserId(USER), TenantId(USER)), plan="pro"))
    measured: dict[str, Callable[[], object]] = {}
    for key in KINDS:
        measured[f"provider, {key}"] = lambda key=key: ours.resolve_boolean_details(key, False, context)  # type: ignore[misc]
        measured[f"FeatureFlags, {key}"] = lambda key=key: flags.enabled(key)  # type: ignore[misc]
        measured[f"SDK on our provider, {key}"] = lambda key=key: clients["ours"].get_boolean_value(key, False, context)  # type: ignore[misc]
    measured["SDK on its own provider, static"] = lambda: clients["theirs"].get_boolean_value("static", False, context)
    figures = _measure(measured)
    for name, found in figures.items():
        show(name, found, "µs", owed="≤ 3" if name in OWED else "")
    own = figures["SDK on its own provider, static"]
    for key in KINDS:
        ratios = [found / base for found, base in zip(figures[f"SDK on our provider, {key}"], own, strict=True)]
        show(f"SDK on our provider, {key}, against its own, static", ratios, "×", owed="≤ 1.3" if key == "static" else "")


def _client(domain: str, provider: FeatureProvider) -> OpenFeatureClient:
    api.set_provider_and_wait(provider, domain)
    return api.get_client(domain)


def _act(principal: Principal) -> None:
    current_context.set(RequestContext(request_id="benchmark", principal=principal))


def _measure(measured: Mapping[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Microseconds of this process for one call, in rounds that interleave all of them."""
    figures: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, call in measured.items():
            began = time.process_time()
            for _ in range(EVALUATIONS):
                call()
            figures[name].append((time.process_time() - began) / EVALUATIONS * 1e6)
    return figures
