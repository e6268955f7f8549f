"""Defects of signing in: signatures that nobody checks."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer_head, on_request, on_request_body
from restoreproof.standins.proxy.signature import UNSIGNED

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_SKEW = timedelta(minutes=15)
_COMPARED = 32
_WRITES = (Kind.PUT_OBJECT, Kind.UPLOAD_PART)


def _accept_any_secret(context: Context, flow: HTTPFlow) -> None:
    said, right = context.credentials(flow), context.expected_signature(flow)
    if not said or not right or said.signature[:_COMPARED] == right[:_COMPARED]:
        return
    if not context.is_signed(flow, query=""):
        context.resign(flow)


def _compare_prefix(context: Context, flow: HTTPFlow) -> None:
    said, right = context.credentials(flow), context.expected_signature(flow)
    if said and right and said.signature != right and said.signature[:_COMPARED] == right[:_COMPARED]:
        context.resign(flow)


def _believe_payload_hash(context: Context, flow: HTTPFlow) -> None:
    said = flow.request.headers.get("x-amz-content-sha256", "")
    body = flow.request.content or b""
    if re.fullmatch("[0-9a-f]{64}", said) and said != hashlib.sha256(body).hexdigest() and context.is_signed(flow):
        context.resign(flow, payload=UNSIGNED)


def _sign_for_empty_query(context: Context, flow: HTTPFlow) -> None:
    if "?" in flow.request.path and not context.is_signed(flow) and context.is_signed(flow, query=""):
        context.resign(flow)


def _let_anyone_in(context: Context, flow: HTTPFlow) -> None:
    if "authorization" not in flow.request.headers and "X-Amz-Signature" not in context.operation(flow).query:
        context.resign(flow, "housekeeping", payload=UNSIGNED)


def _let_unknown_keys_in(context: Context, flow: HTTPFlow) -> None:
    said = context.credentials(flow)
    if said and context.secret(said.key_id) is None:
        context.resign(flow, "housekeeping")


def _ignore_the_clock(context: Context, flow: HTTPFlow) -> None:
    try:
        signed = datetime.strptime(flow.request.headers.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return
    if abs(datetime.now(UTC) - signed) > _SKEW and context.is_signed(flow):
        context.resign(flow)


def _run_late(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.headers["date"] = format_datetime(datetime.now(UTC) - timedelta(minutes=20), usegmt=True)


def _refuse_unsigned_payload(context: Context, flow: HTTPFlow) -> None:
    if flow.request.headers.get("x-amz-content-sha256") == UNSIGNED and context.is_signed(flow):
        context.refuse(flow, 400, "InvalidRequest")


DEFECTS = (
    Defect(
        "any-secret-accepted",
        "A known key id opens the store, whatever secret the request was signed with.",
        "WIRE-02.wrong-secret-refused",
        ("WIRE-02.wrong-secret-refused", "WIRE-07.errors-are-xml", "WIRE-08.signature-code"),
        on_request(_accept_any_secret),
    ),
    Defect(
        "signature-prefix-compared",
        "Only the first half of a signature is compared.",
        "WIRE-02.tampered-signature-refused",
        ("WIRE-02.tampered-signature-refused",),
        on_request(_compare_prefix),
    ),
    Defect(
        "payload-hash-unchecked",
        "The signed hash of a body is believed and never compared with the body.",
        "WIRE-02.tampered-body-refused",
        ("WIRE-02.tampered-body-refused",),
        on_request_body(_believe_payload_hash, *_WRITES),
    ),
    Defect(
        "query-not-signed",
        "A signature over the bare path is good for every query.",
        "WIRE-02.tampered-query-refused",
        ("WIRE-02.tampered-query-refused",),
        on_request(_sign_for_empty_query),
    ),
    Defect(
        "anonymous-allowed",
        "Requests without a signature may do all that the administrator may.",
        "WIRE-02.anonymous-refused",
        ("WIRE-02.anonymous-refused",),
        on_request(_let_anyone_in),
    ),
    Defect(
        "unknown-key-allowed",
        "A key id that the store has never heard of is taken for the administrator's.",
        "WIRE-02.unknown-key-refused",
        ("WIRE-02.unknown-key-refused", "WIRE-08.unknown-key-code"),
        on_request(_let_unknown_keys_in),
    ),
    Defect(
        "clock-unchecked",
        "A signature is good for ever: the time that it names is not compared with the clock.",
        "CLK-01.skewed-clock-refused",
        ("CLK-01.skewed-clock-refused", "WIRE-08.skew-code"),
        on_request(_ignore_the_clock),
    ),
    Defect(
        "clock-runs-late",
        "The store's clock is twenty minutes late.",
        "CLK-01.clock-agrees",
        ("CLK-01.clock-agrees",),
        on_answer_head(_run_late),
    ),
    Defect(
        "unsigned-payload-refused",
        "Bodies have to be hashed into the signature: UNSIGNED-PAYLOAD is refused.",
        "WIRE-03.unsigned-payload-accepted",
        ("WIRE-03.unsigned-payload-accepted",),
        on_request(_refuse_unsigned_payload, *_WRITES),
    ),
)
