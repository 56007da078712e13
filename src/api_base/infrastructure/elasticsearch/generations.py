"""The generations of an index: one stored index each, found by the aliases `live`, `building` and `previous`.

Requests use aliases only, and a write requires that its alias exists: so a generation that was removed meanwhile is never created again by a write.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from api_base.core.errors import Conflict
from api_base.core.protocols import Generation, SearchDefinition
from api_base.infrastructure.elasticsearch import mapping
from api_base.infrastructure.elasticsearch.client import RequestRefused, SearchClient

ORDER: Final = (Generation.LIVE, Generation.BUILDING, Generation.PREVIOUS)
EXISTS: Final = "resource_already_exists_exception"


class Generations:
    """`prefix` begins the names of the application's indexes."""

    def __init__(self, client: SearchClient, prefix: str) -> None:
        self._client, self._prefix = client, prefix

    def alias(self, index: str, generation: Generation) -> str:
        """Return the alias of a generation."""
        return f"{self._prefix}.{index}.{generation.value}"

    async def stored(self, index: str) -> Mapping[Generation, str]:
        """Return the names of the stored indexes by generation."""
        try:
            answer = await self._client.look(f"/{self._prefix}.{index}.*/_alias", ignore_unavailable="true")
        except RequestRefused as error:
            if error.status == 404:
                return {}
            raise
        aliases = {alias: name for name, one in answer.items() for alias in one["aliases"]}
        return {one: aliases[alias] for one in ORDER if (alias := self.alias(index, one)) in aliases}

    async def digests(self, index: str) -> Mapping[Generation, str]:
        """Return the digest of the definition of each generation."""
        stored = await self.stored(index)
        if not stored:
            return {}
        answer = await self._client.look(f"/{','.join(stored.values())}/_mapping")
        return {one: answer[name]["mappings"].get("_meta", {}).get(mapping.DIGEST, "") for one, name in stored.items()}

    async def create_first(self, definition: SearchDefinition) -> None:
        """Create the live generation if the index has none. Several processes may do it at the same time."""
        if Generation.LIVE not in await self.stored(definition.name):
            try:
                await self._create(definition, "first", Generation.LIVE)
            except RequestRefused as error:
                if error.kind != EXISTS:
                    raise

    async def begin(self, definition: SearchDefinition) -> None:
        """Create an empty generation beside the live one, in place of one that was not swapped in."""
        stored = await self.stored(definition.name)
        if Generation.BUILDING in stored:
            await self._client.call("DELETE", f"/{stored[Generation.BUILDING]}", ignore_unavailable="true")
        await self._create(definition, uuid4().hex, Generation.BUILDING)

    async def swap(self, index: str) -> None:
        """Make the generation that is being built live. Raises `Conflict` if there is none."""
        stored = await self.stored(index)
        if Generation.BUILDING not in stored:
            raise Conflict(f"No generation of the index {index!r} is being built. Begin a reindex first.")
        building = stored[Generation.BUILDING]
        actions = [self._remove(index, Generation.BUILDING, building)]
        if (live := stored.get(Generation.LIVE)) is not None:  # an operator may have lost or deleted it
            if Generation.PREVIOUS in stored:
                actions.append({"remove_index": {"index": stored[Generation.PREVIOUS]}})
            actions += [self._remove(index, Generation.LIVE, live), self._add(index, Generation.PREVIOUS, live)]
        await self._change([*actions, self._add(index, Generation.LIVE, building)])

    async def revert(self, index: str) -> None:
        """Exchange the live and the previous generation. Raises `Conflict` if there is no previous one."""
        stored = await self.stored(index)
        if Generation.PREVIOUS not in stored:
            raise Conflict(f"The index {index!r} has no previous generation: it has not been rebuilt, or not yet.")
        previous = stored[Generation.PREVIOUS]
        actions = [self._remove(index, Generation.PREVIOUS, previous)]
        if (live := stored.get(Generation.LIVE)) is not None:
            actions += [self._remove(index, Generation.LIVE, live), self._add(index, Generation.PREVIOUS, live)]
        await self._change([*actions, self._add(index, Generation.LIVE, previous)])

    async def _create(self, definition: SearchDefinition, name: str, generation: Generation) -> None:
        aliases: Mapping[str, Any] = {self.alias(definition.name, generation): {}}
        await self._client.call("PUT", f"/{self._prefix}.{definition.name}.{name}", {**mapping.body(definition), "aliases": aliases})

    async def _change(self, actions: Sequence[Mapping[str, Any]]) -> None:
        await self._client.call("POST", "/_aliases", {"actions": actions})

    def _add(self, index: str, generation: Generation, name: str) -> Mapping[str, Any]:
        return {"add": {"index": name, "alias": self.alias(index, generation)}}

    def _remove(self, index: str, generation: Generation, name: str) -> Mapping[str, Any]:
        return {"remove": {"index": name, "alias": self.alias(index, generation), "must_exist": True}}
