"""What a defect may use: the run's keys, the operation that a request is, signatures, answers, the store itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.front import node_at
from restoreproof.standins.proxy.operation import Kind, Operation, parse
from restoreproof.standins.proxy.uploads import Uploads
from restoreproof.standins.proxy.upstream import stamp_now
from restoreproof.standins.signature import UNSIGNED, Authorization, Signable, authorization, scope_of, signature

if TYPE_CHECKING:
    from random import Random

    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.front import Front
    from restoreproof.standins.proxy.upstream import Keys, Upstream

__all__ = ["HOLD_ANSWER", "HOLD_REQUEST", "Context"]

HOLD_REQUEST, HOLD_ANSWER = "restoreproof hold request", "restoreproof hold answer"
_OPERATION, _ANSWERED = "restoreproof operation", "restoreproof answered"
_BARE = ("host", "x-amz-content-sha256", "x-amz-date")


@dataclass
class Context:
    """One run of the proxy; every add-on holds it.

    :ivar keys: role (backup, restore, housekeeping) to key id and secret; one pair may serve all.
    :ivar domain: base of virtual hosts, None where there are none.
    :ivar front: what every node shows, unless a defect gives some of them another.
    :ivar random: seeded by the settings.
    :ivar issued: the keys that clients are told; the store's own unless a defect issues others.
    """

    upstream: Upstream
    keys: Keys = field(repr=False)
    domain: str | None
    front: Front
    random: Random
    uploads: Uploads = field(init=False)
    issued: Keys = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.uploads = Uploads(self)
        self.issued = self.keys

    def operation(self, flow: HTTPFlow) -> Operation:
        """Tell which operation the client asked for; asked again, it answers the same, whatever was altered since."""
        if _OPERATION not in flow.metadata:
            request = flow.request
            host = request.headers.get("host", "")
            flow.metadata[_OPERATION] = parse(request.method, host, request.path, self.domain)
        found = flow.metadata[_OPERATION]
        assert isinstance(found, Operation)
        return found

    def is_(self, flow: HTTPFlow, *kinds: Kind) -> bool:
        """Tell whether a request is one of these operations."""
        return self.operation(flow).kind in kinds

    def node(self, flow: HTTPFlow) -> int:
        """Tell which node the client came to, 0 for the first: each listens on a loopback address of its own."""
        return node_at(flow.client_conn.sockname)

    # who asks

    def credentials(self, flow: HTTPFlow) -> Authorization | None:
        """Read the request's Authorization header; None where it has none that can be read."""
        return Authorization.read(flow.request.headers.get("authorization", ""))

    def secret(self, key_id: str) -> str | None:
        """Give the secret of a key id of this run; None for a stranger's."""
        return dict(self.keys.values()).get(key_id)

    def expected_signature(self, flow: HTTPFlow, query: str | None = None, **other: str) -> str | None:
        """Compute what the signature should be, `query` in the place of the one that came. None for strangers.

        :param other: likewise a `method`, `scope`, or header (underscores for hyphens).
        """
        said = self.credentials(flow)
        secret = self.secret(said.key_id) if said else None
        if said is None or secret is None:
            return None
        scope = other.pop("scope", said.scope)
        return signature(_signable(flow, query, **other), said.names, scope, secret)

    def is_signed(self, flow: HTTPFlow, query: str | None = None, **other: str) -> bool:
        """Tell whether the signature is right, or would be with what is given in the place of what came."""
        said = self.credentials(flow)
        return said is not None and said.signature == self.expected_signature(flow, query, **other)

    def is_by(self, flow: HTTPFlow, role: str) -> bool:
        """Tell whether the request is rightly signed by the key of this role."""
        said = self.credentials(flow)
        return said is not None and said.key_id == self.keys[role][0] and self.is_signed(flow)

    # altering requests

    def resign(self, flow: HTTPFlow, role: str = "", *, payload: str = "") -> None:
        """Sign an altered request anew: same headers covered, same key unless `role` names another, the time of now."""
        said = self.credentials(flow)
        pair = self.keys[role] if role else self._same_pair(said)
        headers = flow.request.headers
        headers["x-amz-date"] = stamp_now()
        headers["x-amz-content-sha256"] = payload or headers.get("x-amz-content-sha256", UNSIGNED)
        names = said.names if said else _BARE
        scope = scope_of(headers["x-amz-date"], self.upstream.region)
        headers["authorization"] = authorization(_signable(flow, None), names, scope, pair)

    def translate(self, flow: HTTPFlow, told: tuple[str, str], pair: tuple[str, str]) -> None:
        """Put the store's own key pair where the one that the client was told stands; a wrong signature stays wrong."""
        said = self.credentials(flow)
        if said is None or said.key_id != told[0]:
            return
        request = _signable(flow, None)
        right = said.signature == signature(request, said.names, said.scope, told[1])
        header = authorization(request, said.names, said.scope, pair)
        wrong = f"{header.rpartition('=')[0]}={said.signature}"
        flow.request.headers["authorization"] = header if right else wrong

    def replace_body(self, flow: HTTPFlow, body: bytes) -> None:
        """Give a held request another body and sign it anew."""
        flow.request.content = body
        flow.request.headers.pop("content-md5", None)
        self.resign(flow, payload=UNSIGNED)

    def _same_pair(self, said: Authorization | None) -> tuple[str, str]:
        secret = self.secret(said.key_id) if said else None
        if said is None or secret is None:
            raise ValueError("Only a request by a key of this run can be signed anew.")
        return said.key_id, secret

    # answering in the store's place

    def hold_request(self, flow: HTTPFlow) -> None:
        """Collect the request's body before anything is sent on; only from `requestheaders`."""
        flow.metadata[HOLD_REQUEST] = True

    def hold_answer(self, flow: HTTPFlow) -> None:
        """Collect the answer's body before anything is sent on; only from `responseheaders`."""
        flow.metadata[HOLD_ANSWER] = True

    def answer(self, flow: HTTPFlow, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer with this status and body; underscores in header names stand for hyphens."""
        from mitmproxy.http import Response  # noqa: PLC0415 - the catalogue is read where there is no mitmproxy

        kind = {"content-type": "application/xml"} if body else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        flow.response = Response.make(status, b"" if flow.request.method == "HEAD" else body, {**kind, **named})
        flow.metadata[_ANSWERED] = True

    def refuse(self, flow: HTTPFlow, status: int, code: str) -> None:
        """Answer with an S3 error."""
        self.answer(flow, status, documents.error(code, "A defect of the RestoreProof proxy says so."))

    def is_answered(self, flow: HTTPFlow) -> bool:
        """Tell whether the answer is a defect's own and not the store's."""
        return _ANSWERED in flow.metadata


def _signable(flow: HTTPFlow, query: str | None, method: str = "", **other: str) -> Signable:
    request = flow.request
    path, _, sent = request.path.partition("?")
    headers = {name.lower(): request.headers[name] for name in request.headers}
    headers |= {name.replace("_", "-"): value for name, value in other.items()}
    return Signable(method or request.method, path, sent if query is None else query, headers)
