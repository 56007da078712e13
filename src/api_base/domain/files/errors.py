"""Errors of files and their uploads."""

from api_base.core.errors import Conflict, NotFound, RuleViolated, TooLarge


class FileNotReady(Conflict):
    def __init__(self, state: str, reason: str | None) -> None:
        super().__init__(f"The file is {state}, so its content cannot be read.{f' {reason}' if reason else ''}")


class FileRefused(RuleViolated):
    """The bytes are not accepted. The message says why."""


class FileIsAttached(Conflict):
    def __init__(self) -> None:
        super().__init__("The file is attached to another resource. Detach it first.")


class QuotaExceeded(RuleViolated):
    """The tenant's storage is full. `bytes` and `files` are what it may hold."""

    def __init__(self, bytes: int, files: int) -> None:
        super().__init__(f"The tenant may store {bytes} bytes in {files} files, uploads included. Delete files first.")


class UploadExpired(NotFound):
    def __init__(self, id: object) -> None:
        super().__init__("upload", id)


class UploadLocked(Conflict):
    """Another request writes to the upload."""

    def __init__(self) -> None:
        super().__init__("Another request writes to this upload, or did so moments ago. Ask for the offset and try again.")


class UploadComplete(Conflict):
    def __init__(self) -> None:
        super().__init__("The upload is complete.")


class UploadIncomplete(Conflict):
    def __init__(self, offset: int, length: int | None) -> None:
        super().__init__(f"The upload has {offset} of {'an unknown number of' if length is None else length} bytes.")


class PartsExhausted(Conflict):
    def __init__(self) -> None:
        super().__init__("Too many requests of this upload have failed in the middle. Begin another upload.")


class OffsetMismatch(Conflict):
    """The client continues at another place than the upload has reached."""

    def __init__(self, *, expected: int, provided: int) -> None:
        super().__init__(f"The upload has {expected} bytes; the request continues at {provided}.")
        self.expected, self.provided = expected, provided


class LengthMismatch(RuleViolated):
    """The bytes do not fit the declared length, or a second length differs from the first."""


class FileTooLarge(TooLarge):
    def __init__(self, limit: int) -> None:
        super().__init__(f"A file may have at most {limit} bytes.")
        self.limit = limit
