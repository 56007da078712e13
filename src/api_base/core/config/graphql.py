"""What GraphQL accepts."""

from pathlib import Path

from pydantic import Field

from api_base.core.config.values import Section


class GraphQLSettings(Section):
    """Variables `GRAPHQL__…`. Every limit is checked before execution, and before the document is validated."""

    trusted_documents: Path | None = None
    """JSON file of the only documents that are executed: an object from document identifiers (`sha256:…` or names of your own) to documents.
    Requests name one by `documentId`. Default: any document."""
    max_document_bytes: int = Field(16_384, ge=256, le=1_048_576)
    """Maximum size of a document, in bytes of UTF-8."""
    max_tokens: int = Field(1000, ge=50, le=100_000)
    """Maximum tokens of a document, comments included."""
    max_depth: int = Field(16, ge=2, le=100)
    """Maximum depth of the fields of an operation."""
    max_cost: int = Field(10_000, ge=10, le=10_000_000)
    """Maximum cost of an operation: fields and objects that it may return, page sizes multiplied."""
    batch: int = Field(1, ge=1, le=20)
    """Operations that one request may contain as a JSON array; 1 refuses arrays."""
    timeout_seconds: float = Field(10.0, gt=0, le=600)
    """Seconds that the execution of an operation may take."""
    subscriptions: int = Field(20, ge=1, le=1000)
    """Operations that one WebSocket may run at the same time."""
    cache_bytes: int = Field(16 * 1_048_576, ge=0)
    """Memory for parsed documents, in bytes, of one server process."""
