"""Jobs."""

from typing import Final

from api_base.application.jobs.dtos import JobDTO
from api_base.application.jobs.get_job import GetJob
from api_base.interface.graphql.declared import GraphQL, Lookup

JOBS: Final = GraphQL(
    lookups=(
        Lookup(name="job", dto=JobDTO, query=lambda job: GetJob(id=job), description="A job that the caller started. Null for any other."),
    )
)
