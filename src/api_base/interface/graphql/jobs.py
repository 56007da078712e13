"""Jobs of the caller, with their progress."""

from typing import Final

from api_base.application.common.importing.start_import import StartedImportDTO
from api_base.application.jobs.dtos import JobDTO
from api_base.application.jobs.get_job import GetJobsByIds
from api_base.interface.graphql.declared import GraphQL, Node, Relation

JOBS: Final = GraphQL(
    nodes=(Node(name="Job", dto=JobDTO, by_ids=lambda ids: GetJobsByIds(ids=ids), path="/jobs", channel="jobs"),),
    relations=(
        Relation(
            on=StartedImportDTO, name="job", to=JobDTO, key=lambda started: started.job_id, description="The job that imports the file."
        ),
    ),
)
