"""A receiver of OTLP/HTTP for tests: it stores spans and answers questions about them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def values(attributes: Sequence[KeyValue]) -> dict[str, str | int]:
    """Attributes of texts and numbers, by name."""
    return {one.key: one.value.int_value if one.value.HasField("int_value") else one.value.string_value for one in attributes}


@dataclass(slots=True)
class Trace:
    """The spans of one trace."""

    spans: Sequence[Span]

    def named(self, name: str) -> Span:
        """The only span with this name."""
        (found,) = (one for one in self.spans if one.name == name)
        return found

    def names(self) -> list[str]:
        return [one.name for one in self.spans]

    def roots(self) -> list[str]:
        """The names of the spans whose parent was not received."""
        known = {one.span_id for one in self.spans}
        return [one.name for one in self.spans if one.parent_span_id not in known]

    def way_to(self, span: Span) -> list[str]:
        """The names from the root to `span`."""
        by_id = {one.span_id: one for one in self.spans}
        way = [span.name]
        while (parent := by_id.get(span.parent_span_id)) is not None:
            way.insert(0, parent.name)
            span = parent
        return way


@dataclass(slots=True)
class Receiver:
    """`status` is what it answers, after `delay` seconds; `headers` are those of the last request."""

    url: str = ""
    status: int = 200
    delay: float = 0.0
    spans: list[Span] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def trace(self, id: str) -> Trace:
        return Trace([one for one in list(self.spans) if one.trace_id.hex() == id])

    def text(self) -> str:
        """Everything that was received."""
        return "\n".join(map(str, list(self.spans)))


@contextmanager
def receiving() -> Iterator[Receiver]:
    """An endpoint on the loopback interface."""
    receiver, answering = Receiver(), Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
            answering.wait(receiver.delay)
            receiver.headers = {name.lower(): value for name, value in self.headers.items()}
            if receiver.status == 200:
                receiver.spans += [span for resource in sent.resource_spans for scope in resource.scope_spans for span in scope.spans]
            self.send_response(receiver.status if self.path == "/v1/traces" else 404)
            self.send_header("content-length", "0")
            self.end_headers()

        def handle_one_request(self) -> None:
            with suppress(ConnectionError):  # the exporter did not wait
                super().handle_one_request()

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever).start()
    try:
        yield receiver
    finally:
        answering.set()
        server.shutdown()
        server.server_close()
