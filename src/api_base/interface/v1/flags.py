"""/api/v1/flags: the administration of feature flags, for administrators of the platform."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import ListRequest, Page
from api_base.application.flags.commands.change_flag import ChangeFlag, CreateFlag, SwitchFlag
from api_base.application.flags.commands.propose_change import ApproveProposal, ProposeFlagChange, RejectProposal
from api_base.application.flags.dtos import FlagDTO, ProposalDTO, StaleFlagDTO
from api_base.application.flags.queries import FLAG_FIELDS, PROPOSAL_FIELDS, GetFlag, GetProposal, ListFlags, ListProposals, ListStaleFlags
from api_base.interface.routes import ExpectedVersion, ListQuery, OptionalVersion, RouteOptions, Router
from api_base.interface.v1.bodies.flags import CreateFlagBody, PatchFlagBody

EXAMPLE = {
    "definition": {
        "key": "new-checkout",
        "type": "boolean",
        "variants": {"on": True, "off": False},
        "default_variant": "off",
        "off_variant": "off",
        "rules": [{"conditions": [{"attribute": "plan", "operator": "in", "values": ["pro"]}], "variant": "on"}],
    },
    "description": "The checkout in one step",
    "owner": "payments team",
}
PATCH = {"definition": {"default_variant": "on"}}


def routes(bus: Bus) -> Router:
    router = Router(tags=["flags"])

    @router.post(
        "/flags",
        RouteOptions(versioned=True, location="./flags/{key}", example={"body": EXAMPLE}),
        status_code=201,
        summary="Create a feature flag (platform administrators)",
    )
    async def create_flag(body: CreateFlagBody) -> FlagDTO:
        return await bus.execute(CreateFlag(document=body.sent()))

    @router.get(
        "/flags",
        RouteOptions(sparse=True, example={"query": "archived=false&sort=-key&limit=2"}),
        summary="List feature flags (platform administrators)",
    )
    async def list_flags(request: Annotated[ListRequest, Depends(ListQuery(FLAG_FIELDS))]) -> Page[FlagDTO]:
        return await bus.execute(ListFlags(request=request))

    @router.get("/stale-flags", RouteOptions(), summary="List flags that are ready to be removed from the code (platform administrators)")
    async def list_stale_flags() -> Page[StaleFlagDTO]:
        return Page(items=await bus.execute(ListStaleFlags()), next_cursor=None)

    @router.get("/flags/{key}", RouteOptions(versioned=True, sparse=True), summary="Read a feature flag (platform administrators)")
    async def get_flag(key: str) -> FlagDTO:
        return await bus.execute(GetFlag(key=key))

    @router.patch(
        "/flags/{key}", RouteOptions(versioned=True, example={"body": PATCH}), summary="Change a feature flag (platform administrators)"
    )
    async def change_flag(key: str, expected: ExpectedVersion, body: PatchFlagBody) -> FlagDTO:
        return await bus.execute(ChangeFlag(key=key, expected_version=expected, patch=body.sent()))

    @router.post("/flags/{key}/off", RouteOptions(versioned=True), summary="Switch a feature flag off (platform administrators)")
    async def switch_flag_off(key: str, expected: OptionalVersion) -> FlagDTO:
        return await bus.execute(SwitchFlag(key=key, expected_version=expected, enabled=False))

    @router.post("/flags/{key}/on", RouteOptions(versioned=True), summary="Switch a feature flag on (platform administrators)")
    async def switch_flag_on(key: str, expected: OptionalVersion) -> FlagDTO:
        return await bus.execute(SwitchFlag(key=key, expected_version=expected, enabled=True))

    _proposals(router, bus)
    return router


def _proposals(router: Router, bus: Bus) -> None:
    """Routes for changes that a second person approves."""

    @router.post(
        "/flags/{key}/proposals",
        RouteOptions(versioned=True, location="./flag-proposals/{id}", example={"body": PATCH}),
        status_code=201,
        summary="Propose a change of a protected flag (platform administrators)",
    )
    async def propose_flag_change(key: str, expected: ExpectedVersion, body: PatchFlagBody) -> ProposalDTO:
        return await bus.execute(ProposeFlagChange(key=key, expected_version=expected, patch=body.sent()))

    @router.get(
        "/flag-proposals",
        RouteOptions(sparse=True, example={"query": "status=pending&sort=-created_at&limit=2"}),
        summary="List proposals (platform administrators)",
    )
    async def list_flag_proposals(request: Annotated[ListRequest, Depends(ListQuery(PROPOSAL_FIELDS))]) -> Page[ProposalDTO]:
        return await bus.execute(ListProposals(request=request))

    @router.get("/flag-proposals/{id}", RouteOptions(versioned=True, sparse=True), summary="Read a proposal (platform administrators)")
    async def get_flag_proposal(id: UUID) -> ProposalDTO:
        return await bus.execute(GetProposal(id=id))

    @router.post(
        "/flag-proposals/{id}/approve", RouteOptions(versioned=True), summary="Approve the proposal of another administrator, and apply it"
    )
    async def approve_flag_proposal(id: UUID, expected: OptionalVersion) -> ProposalDTO:
        return await bus.execute(ApproveProposal(id=id, expected_version=expected))

    @router.post("/flag-proposals/{id}/reject", RouteOptions(versioned=True), summary="Reject a proposal, or withdraw one's own")
    async def reject_flag_proposal(id: UUID, expected: OptionalVersion) -> ProposalDTO:
        return await bus.execute(RejectProposal(id=id, expected_version=expected))
