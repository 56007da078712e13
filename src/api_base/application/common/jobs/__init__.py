"""Commands executed later: how contexts declare them, and how a worker executes one."""

from api_base.application.common.jobs.declared import Job, Jobs, Schedule
from api_base.application.common.jobs.runner import JobRunner, Outcome

__all__ = ["Job", "JobRunner", "Jobs", "Outcome", "Schedule"]
