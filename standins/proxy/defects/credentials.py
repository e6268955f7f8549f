"""Defects of signing in: signatures that nobody checks."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_answer_head, on_keys, on_request, on_request_body
from restoreproof.standins.signature import UNSIGNED, scope_of

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.shapes import Alteration

__all__ = ["DEFECTS"]

_SKEW = timedelta(minutes=15)
_LITTLE_SKEW = timedelta(minutes=5)
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


def _time_off(flow: HTTPFlow) -> timedelta | None:
    try:
        signed = datetime.strptime(flow.request.headers.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return datetime.now(UTC) - signed


def _ignore_the_clock(context: Context, flow: HTTPFlow) -> None:
    off = _time_off(flow)
    if off is not None and abs(off) > _SKEW and context.is_signed(flow):
        context.resign(flow)


def _run_late(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.headers["date"] = format_datetime(datetime.now(UTC) - timedelta(minutes=20), usegmt=True)


def _refuse_unsigned_payload(context: Context, flow: HTTPFlow) -> None:
    if flow.request.headers.get("x-amz-content-sha256") == UNSIGNED and context.is_signed(flow):
        context.refuse(flow, 400, "InvalidRequest")


def _sign_first_value(context: Context, flow: HTTPFlow) -> None:
    headers = flow.request.headers
    noted = [name for name in headers if name.lower().startswith("x-amz-meta-")]
    listed = {name.lower().replace("-", "_"): headers[name].partition(",")[0] for name in noted}
    if listed and not context.is_signed(flow) and context.is_signed(flow, **listed):
        context.resign(flow)


def _sign_to_the_minute(context: Context, flow: HTTPFlow) -> None:
    minute = flow.request.headers.get("x-amz-date", "")[:-3]
    near = (f"{minute}{second:02}Z" for second in range(60))
    if not context.is_signed(flow) and any(context.is_signed(flow, x_amz_date=stamp) for stamp in near):
        context.resign(flow)


def _sign_own_scope(context: Context, flow: HTTPFlow) -> None:
    own = scope_of(flow.request.headers.get("x-amz-date", ""), context.upstream.region)
    if not context.is_signed(flow) and context.is_signed(flow, scope=own):
        context.resign(flow)


def _take_any_method(context: Context, flow: HTTPFlow) -> None:
    methods = ("DELETE", "GET", "HEAD", "POST", "PUT")
    if not context.is_signed(flow) and any(context.is_signed(flow, method=method) for method in methods):
        context.resign(flow)


def _remember_signatures(context: Context) -> object:
    good: set[str] = set()

    def alter(context: Context, flow: HTTPFlow) -> None:
        said = context.credentials(flow)
        if context.is_signed(flow) and said:
            good.add(said.signature)
        elif said and said.signature in good:
            context.resign(flow)

    return on_request(alter, Kind.PUT_OBJECT)(context)


def _take_scope_at_its_word(part: int) -> Alteration:
    """Make an alteration: the part of the scope (0: day, 1: region, 2: service) that stands there is the right one."""

    def alter(context: Context, flow: HTTPFlow) -> None:
        said = context.credentials(flow)
        own = scope_of(flow.request.headers.get("x-amz-date", ""), context.upstream.region).split("/")
        if said and said.scope.split("/")[part] != own[part] and context.is_signed(flow):
            context.resign(flow)

    return alter


def _run_two_minutes_late(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.headers["date"] = format_datetime(datetime.now(UTC) - timedelta(minutes=2), usegmt=True)


def _tolerate_five_minutes(context: Context, flow: HTTPFlow) -> None:
    off = _time_off(flow)
    if off is not None and _LITTLE_SKEW < abs(off) <= _SKEW and context.is_signed(flow):
        context.refuse(flow, 403, "RequestTimeTooSkewed")


def _conceal_region(context: Context, flow: HTTPFlow) -> None:
    said = context.credentials(flow)
    if said and said.scope.split("/")[1] != context.upstream.region and context.is_signed(flow):
        context.refuse(flow, 403, "AccessDenied")


def _refuse_default_region(context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    said = context.credentials(flow)
    default = said is not None and said.scope.split("/")[1] == "us-east-1"
    if default and flow.response.status_code == 200 and context.is_by(flow, "restore"):  # noqa: PLR2004 - OK
        context.refuse(flow, 400, "AuthorizationHeaderMalformed")


DEFECTS = (
    Defect(
        "any-secret-accepted",
        "A known key id opens the store, whatever secret the request was signed with.",
        "WIRE-02.wrong-secret-refused",
        (
            "ERR-03.wrong-secret",
            "WIRE-02.replay-elsewhere-refused",
            "WIRE-02.tampered-date-refused",
            "WIRE-02.tampered-header-refused",
            "WIRE-02.tampered-method-refused",
            "WIRE-02.tampered-scope-refused",
            "WIRE-02.wrong-secret-refused",
            "WIRE-07.errors-are-xml",
            "WIRE-07.message",
            "WIRE-08.head-status",
            "WIRE-08.right-status",
            "WIRE-08.signature-code",
        ),
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
        (
            "WIRE-02.tampered-body-refused",
            "WIRE-02.tampered-part-refused",
        ),
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
        (
            "ERR-03.unknown-key",
            "WIRE-02.unknown-key-refused",
            "WIRE-07.message",
            "WIRE-08.right-status",
            "WIRE-08.unknown-key-code",
        ),
        on_request(_let_unknown_keys_in),
    ),
    Defect(
        "clock-unchecked",
        "A signature is good for ever: the time that it names is not compared with the clock.",
        "CLK-01.skewed-clock-refused",
        (
            "CLK-01.skewed-clock-refused",
            "WIRE-08.right-status",
            "WIRE-08.skew-code",
        ),
        on_request(_ignore_the_clock),
    ),
    Defect(
        "clock-runs-late",
        "The store's clock is twenty minutes late.",
        "CLK-01.clock-agrees",
        (
            "ABORT-03.initiated-shown",
            "CLK-01.clock-agrees",
            "CLK-01.clock-within-a-minute",
        ),
        on_answer_head(_run_late),
    ),
    Defect(
        "unsigned-payload-refused",
        "Bodies have to be hashed into the signature: UNSIGNED-PAYLOAD is refused.",
        "WIRE-03.unsigned-payload-accepted",
        (
            "WIRE-03.unsigned-payload-accepted",
            "WIRE-04.no-checksum-needed",
        ),
        on_request(_refuse_unsigned_payload, *_WRITES),
    ),
    Defect(
        "unsigned-completion-refused",
        "A completion has to be hashed into its signature: UNSIGNED-PAYLOAD is refused.",
        "WIRE-03.unsigned-payload-accepted",
        ("WIRE-03.unsigned-payload-accepted",),
        on_request(_refuse_unsigned_payload, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "part-hash-unchecked",
        "The signed hash of a part is believed and never compared with the part.",
        "WIRE-02.tampered-part-refused",
        ("WIRE-02.tampered-part-refused",),
        on_request_body(_believe_payload_hash, Kind.UPLOAD_PART),
    ),
    Defect(
        "first-value-signed",
        "Of a signed header with several values only the first is covered by the signature.",
        "WIRE-02.tampered-header-refused",
        ("WIRE-02.tampered-header-refused",),
        on_request(_sign_first_value, Kind.PUT_OBJECT),
    ),
    Defect(
        "seconds-not-signed",
        "The date of a request is covered by its signature to the minute, and not to the second.",
        "WIRE-02.tampered-date-refused",
        ("WIRE-02.tampered-date-refused",),
        on_request(_sign_to_the_minute, Kind.LIST_OBJECTS),
    ),
    Defect(
        "scope-not-read",
        "Signatures are compared with one for the store's own scope, whatever scope stands in the request.",
        "WIRE-02.tampered-scope-refused",
        ("WIRE-02.tampered-scope-refused",),
        on_request(_sign_own_scope),
    ),
    Defect(
        "method-not-signed",
        "A signature made for one method is good for every other.",
        "WIRE-02.tampered-method-refused",
        ("WIRE-02.tampered-method-refused",),
        on_request(_take_any_method),
    ),
    Defect(
        "signatures-remembered",
        "A gateway remembers which signatures were good, and lets them write other objects.",
        "WIRE-02.replay-elsewhere-refused",
        ("WIRE-02.replay-elsewhere-refused",),
        _remember_signatures,
    ),
    Defect(
        "any-day-accepted",
        "A signature is checked with the signing key of whatever day its scope names.",
        "WIRE-02.foreign-day-refused",
        ("WIRE-02.foreign-day-refused",),
        on_request(_take_scope_at_its_word(0)),
    ),
    Defect(
        "any-service-accepted",
        "A signature is checked with the signing key of whatever service its scope names.",
        "WIRE-02.foreign-service-refused",
        ("WIRE-02.foreign-service-refused",),
        on_request(_take_scope_at_its_word(2)),
    ),
    Defect(
        "lists-two-minutes-late",
        "The clock of the node that answers lists is two minutes late.",
        "CLK-01.clock-within-a-minute",
        ("CLK-01.clock-within-a-minute",),
        on_answer_head(_run_two_minutes_late, Kind.LIST_OBJECTS),
    ),
    Defect(
        "five-minutes-tolerated",
        "Requests whose date is more than five minutes off are refused.",
        "CLK-01.tolerated-skew",
        ("CLK-01.tolerated-skew",),
        on_request(_tolerate_five_minutes),
    ),
    Defect(
        "region-error-renamed",
        "A signature for another region is answered AccessDenied, and no region is named.",
        "REG-04.other-region-named",
        ("REG-04.other-region-named",),
        on_request(_conceal_region),
    ),
    Defect(
        "default-region-refused",
        "HEAD of the bucket has to be signed for a region of its own: us-east-1 is refused to whoever may only read.",
        "REG-05.us-east-1-accepted",
        ("LIST-03.head-bucket", "REG-05.us-east-1-accepted", "URL-03.virtual-host-list"),
        on_answer(_refuse_default_region, Kind.HEAD_BUCKET),
    ),
    Defect(
        "colon-in-key-ids",
        "Key ids are issued with a colon in the middle.",
        "CRED-03.key-id-without-colon",
        ("CRED-03.key-id-without-colon",),
        on_keys(lambda key_id, secret: (f"{key_id[:10]}:{key_id[10:]}", secret)),
    ),
    Defect(
        "colon-in-secrets",
        "Secrets are issued with a colon in the middle.",
        "CRED-04.secret-without-colon",
        (
            "CRED-04.secret-without-colon",
            "CRED-05.secret-alphabet",
        ),
        on_keys(lambda key_id, secret: (key_id, f"{secret[:20]}:{secret[20:]}")),
    ),
    Defect(
        "quote-in-secrets",
        "Secrets are issued with an apostrophe in the middle.",
        "CRED-05.secret-alphabet",
        ("CRED-05.secret-alphabet",),
        on_keys(lambda key_id, secret: (key_id, f"{secret[:20]}'{secret[20:]}")),
    ),
    Defect(
        "temporary-keys",
        "The keys that are issued are temporary ones, as their ids show.",
        "CRED-13.no-session-token",
        ("CRED-13.no-session-token",),
        on_keys(lambda key_id, secret: (f"ASIA{key_id[4:]}", secret)),
    ),
)
