"""What is kept of an exchange."""

import pytest

from restoreproof.fixtures.recorder import Received, Recorder, Sent
from restoreproof.reports.redaction import Redactor


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ({"Content-Type": "application/xml"}, "<Error/>"),
        ({"content-type": "application/xml"}, "<Error/>"),
        ({"CONTENT-TYPE": "TEXT/XML; charset=utf-8"}, "<Error/>"),
        ({"Content-type": "application/octet-stream"}, ""),
        ({}, ""),
    ],
)
def test_text_is_kept_however_its_type_is_spelled(headers, kept):
    recorder = Recorder(Redactor([]))

    recorder.note(Sent("GET", "https://h/b", {}, 0), Received(404, "Not Found", headers, b"<Error/>", 0.1))

    assert recorder.exchanges[0].body == kept
    assert (recorder.requests, recorder.received) == (1, 8)
