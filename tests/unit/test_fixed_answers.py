"""Refusals that are written before the application, from a template: whatever the request contains, they are one answer with one JSON body."""

import json

from hypothesis import given
from hypothesis import strategies as st

from api_base.core.config import Settings
from api_base.core.errors import Unavailable
from api_base.interface.middleware.fixed_answers import FixedAnswers

ERROR = Unavailable("The server is busy.")
ANSWERS = FixedAnswers(Settings(_env_file=None, server={"cors_origins": ["https://app.test"]}).server)
HOSTILE = st.sampled_from([b'"', b"\\", b"\r\nSet-Cookie: a=b\r\n", b"</script>", b"%", b"%0d%0a", b"\x00", b"\xff", b"/", b"a"])
TEXTS = st.binary(max_size=20) | st.lists(HOSTILE, max_size=6).map(b"".join)


@given(path=TEXTS, request_id=TEXTS, origin=TEXTS)
def test_nothing_of_a_request_changes_the_structure_of_a_refusal(path: bytes, request_id: bytes, origin: bytes) -> None:
    request = [(b"x-request-id", request_id), (b"origin", origin)]
    ordinary = ANSWERS.render(ERROR, [], path=b"/a", head_only=False, request=[(b"origin", b"https://other.test")])
    head, _, body = ANSWERS.render(ERROR, [], path=path, head_only=False, request=request).partition(b"\r\n\r\n")
    names = [line.partition(b":")[0] for line in head.split(b"\r\n")]
    assert names == [line.partition(b":")[0] for line in ordinary.partition(b"\r\n\r\n")[0].split(b"\r\n")]
    problem = json.loads(body)
    assert problem.keys() == json.loads(ordinary.partition(b"\r\n\r\n")[2]).keys()
    assert problem["instance"].isascii()
    assert not set(problem["instance"]) & set('"\\<> ')
