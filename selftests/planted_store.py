"""A small store that checks signatures and rights, and in which any misconfiguration can be planted; many at a time."""

from __future__ import annotations

import dataclasses
import secrets
import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hostile_server import BUCKET, HostileStore, Request, hostile, xml

from restoreproof.fixtures.budget import Budget
from restoreproof.fixtures.doctor import examining
from restoreproof.fixtures.doctor.patient import TYPICAL_KEY, Patient
from restoreproof.fixtures.endpoints.remote import find_remote
from restoreproof.providers.profile import load_profile
from restoreproof.standins.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from restoreproof.reports.findings import Examination

SOURCES = examining.load_sources()
HOUR, DAY = 3600, 86_400
HOUSE, OTHERS = Authority("Example Works CA"), Authority("Somebody Else CA")
MIDDLE = HOUSE.intermediate("Example Works issuing CA")
NAMES = ("localhost", "s3.localhost", "*.s3.localhost", "127.0.0.1")
ROLES = ("backup", "restore", "housekeeping")
NEEDED = {
    "backup": {"list", "put"},
    "restore": {"list", "get"},
    "housekeeping": {"list", "put", "get", "delete", "rules"},
}
RIGHT_OF = {
    **dict.fromkeys(("open", "complete", "part", "put"), "put"),
    **dict.fromkeys(("read", "head"), "get"),
    **dict.fromkeys(("uploads", "parts", "abort", "delete"), "delete"),
    **dict.fromkeys(("object-lock", "versioning", "lifecycle"), "rules"),
    "list": "list",
}
LOCKED = "<R><ObjectLockEnabled>Enabled</ObjectLockEnabled>{}</R>"
RETENTION = "<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>30</Days></DefaultRetention></Rule>"
ABORT = "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
PROFILE = """\
name  = "planted"
title = "Planted faults"
{facts}

[endpoint]
url    = "https://{host}:{port}"
ca     = "ca.pem"
region = "{region}"
style  = "{style}"
{bucket}
{addresses}

[keys.backup]
id     = "BACKUP_ID"
secret = "BACKUP_SECRET"
[keys.restore]
id     = "RESTORE_ID"
secret = "RESTORE_SECRET"
[keys.housekeeping]
id     = "HOUSEKEEPING_ID"
secret = "HOUSEKEEPING_SECRET"

[capabilities]
virtual_host = true

[limits]
{limits}

{cleanup}
"""


@dataclass
class Plan:
    """All that can be planted: at the store, in its certificate, and in the profile that leads to it."""

    rights: dict[str, set[str]] = field(default_factory=lambda: {role: set(NEEDED[role]) for role in ROLES})
    skew: timedelta = timedelta()
    region: str = ""
    bucket: str = BUCKET
    rules: str = "<Rule><ID>orphans</ID><Status>Enabled</Status>{}</Rule>"
    abort: str = ABORT
    lock: str = ""
    versioning: bool = False
    wrong_secrets: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    names: tuple[str, ...] = NAMES
    until: timedelta = timedelta(days=40)
    since: timedelta = timedelta(days=-5)
    issuer: Authority = HOUSE
    given: Authority = HOUSE
    sent: bool = True
    speaks: str = "tls"
    console: bool = False
    host: str = "localhost"
    style: str = "path"
    domain: str = ""
    virtual: bool = True
    only_virtual: bool = False
    signs: str = "us-east-1"
    named: bool = True
    addresses: tuple[str, ...] = ("127.0.0.1",)
    extra: dict[str, str] = field(default_factory=dict)
    prefix: dict[str, str] = field(default_factory=dict)
    limits: str = ""
    cleanup: str = ""
    facts: str = ""
    key: str = TYPICAL_KEY
    window: float | None = 2 * HOUR
    environ: dict[str, str] = field(default_factory=dict)

    def secret(self, role):
        """The secret as both sides know it."""
        return f"{role}{'x' * 24}{self.extra.get(role, '')}"

    def id(self, role):
        """The key id as both sides know it."""
        return f"{self.prefix.get(role, '')}{role.upper():Z<20}"


@dataclass(frozen=True)
class Addressed(Request):
    """A request whose bucket stood in the host name, as if it stood in the path; what was signed is kept."""

    sent_target: str = ""


class PlantedStore(HostileStore):
    """Checks who asks and whether he may, and answers what was planted."""

    plan: Plan

    def answer(self, request, body):
        if self.plan.virtual and request.headers["host"].startswith(f"{BUCKET}."):
            request = Addressed(request.method, f"/{BUCKET}{request.target}", request.headers, request.target)
        refused = self.refusal(request)
        status, headers, content = refused or self.respond(request, body)
        bare = request.method == "HEAD"
        date = format_datetime(datetime.now(UTC) + self.plan.skew, usegmt=True)
        words = {"Content-Length": len(content), "Content-Type": "application/xml", "Date": date, **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in words.items())
        return f"HTTP/1.1 {status} Something\r\n{lines}\r\n".encode() + (b"" if bare else content)

    def respond(self, request, body):
        name = kind_of(request)
        if "versions" in request.query:
            return self.do_versions(request)
        if name in ("object-lock", "versioning", "lifecycle"):
            return getattr(self, f"do_{name.replace('-', '_')}")()
        return getattr(self, f"do_{request.kind}")(request, body)

    def do_object_lock(self):
        return xml(self.plan.lock) if self.plan.lock else error(404, "ObjectLockConfigurationNotFoundError")

    def do_versions(self, request):
        keys = [key for key in self.objects if key.startswith(request.query.get("prefix", ""))]
        rows = "".join(f"<Version><Key>{key}</Key><VersionId>v1</VersionId></Version>" for key in keys)
        return xml(f"<L><IsTruncated>false</IsTruncated>{rows if self.plan.versioning else ''}</L>")

    def do_versioning(self):
        return xml("<V><Status>Enabled</Status></V>" if self.plan.versioning else "<V/>")

    def do_lifecycle(self):
        rules = self.plan.rules.format(self.plan.abort)
        return xml(f"<L>{rules}</L>") if self.plan.abort or "Expiration" in rules else error(404, "NoSuchLifecycle")

    def refusal(self, request):
        """Why a request is refused, in the order in which stores look; None where it is not."""
        if self.plan.console:
            return 200, {}, b"<html>Welcome</html>"
        signed = request.headers.get("authorization", "")
        return self.stranger(request, signed) or self.beyond(request, signed)

    def role(self, signed):
        key = signed.partition("Credential=")[2].split("/")[0]
        return next((role for role in ROLES if self.plan.id(role) == key and role not in self.plan.unknown), "")

    def stranger(self, request, signed):
        plan, role, region = self.plan, self.role(signed), signed.partition("Credential=")[2].split("/")[2:3]
        if not role:
            return error(403, "InvalidAccessKeyId" if signed else "AccessDenied")
        if plan.region and region != [plan.region]:
            return error(400, "AuthorizationHeaderMalformed", f"<Region>{plan.region}</Region>")
        if role in plan.wrong_secrets or self.signature(request, role, *region) not in signed:
            return error(403, "SignatureDoesNotMatch")
        return None

    def beyond(self, request, signed):
        by_path = self.plan.only_virtual and not isinstance(request, Addressed)
        if by_path or request.target.lstrip("/").partition("/")[0].partition("?")[0] != self.plan.bucket:
            return error(404, "NoSuchBucket")
        needed = RIGHT_OF.get(kind_of(request), "")
        return None if not needed or needed in self.plan.rights[self.role(signed)] else error(403, "AccessDenied")

    def signature(self, request, role, region):
        """What the role's secret makes of the request, as it came."""
        headers = request.headers
        names = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
        signed = AWSRequest(
            method=request.method,
            url=f"https://{headers['host']}{getattr(request, 'sent_target', request.target)}",
            headers={name: headers[name] for name in names},
        )
        signed.context["timestamp"] = headers["x-amz-date"]
        auth = S3SigV4Auth(Credentials(self.plan.id(role), self.plan.secret(role)), "s3", region)
        text = auth.string_to_sign(signed, auth.canonical_request(signed))
        return auth.signature(text, signed)


def kind_of(request):
    return next((name for name in ("object-lock", "versioning", "lifecycle") if name in request.query), request.kind)


def error(status, code, more=""):
    return status, {}, f"<Error><Code>{code}</Code>{more}</Error>".encode()


def leaf_of(plan):
    leaf = plan.issuer.leaf(*plan.names, since=plan.since, until=plan.until)
    return leaf if plan.sent else dataclasses.replace(leaf, intermediates="")


@contextmanager
def served(plan: Plan) -> Iterator[tuple[Any, int]]:
    """The store as planned, and the port that it has; no store where nothing listens, or nothing that speaks TLS."""
    if plan.speaks == "nothing":
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        yield None, port
    elif plan.speaks == "http":
        with http() as port:
            yield None, port
    else:
        store = partial(make, plan)
        with hostile(kind=store, leaf=leaf_of(plan)) as found:
            yield found, found.listener.getsockname()[1]


@contextmanager
def http():
    """A server of plain HTTP, which takes a greeting of TLS for a bad request; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=complain, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def complain(listener):
    with suppress(OSError):
        while True:
            with listener.accept()[0] as connection:
                connection.recv(16384)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def make(plan, listener, misdeeds):
    store = PlantedStore(listener, misdeeds)
    store.plan = plan
    return store


def patient_of(plan: Plan, port: int, folder: Path, budget: Budget | None = None) -> Patient:
    """Who goes to the doctor: a profile on disk, loaded as the command loads it."""
    folder = folder / secrets.token_hex(4)
    folder.mkdir()
    (folder / "ca.pem").write_text(plan.given.pem, encoding="ascii")
    addresses = f"addresses = {list(plan.addresses)!r}".replace("'", '"') if plan.addresses else ""
    domain = "s3.localhost" if plan.style == "virtual" else plan.domain
    style = f'{plan.style}"\ndomain = "{domain}' if domain else plan.style
    text = PROFILE.format(
        host=plan.host,
        port=port,
        region=plan.signs,
        style=style,
        bucket=f'bucket = "{BUCKET}"' if plan.named else "",
        addresses=addresses,
        limits=plan.limits,
        cleanup=plan.cleanup,
        facts=f'facts = "{plan.facts}"' if plan.facts else "",
    )
    (folder / "planted.toml").write_text(text, encoding="utf-8")
    environ = {f"{role.upper()}_ID": plan.id(role) for role in ROLES}
    environ |= {f"{role.upper()}_SECRET": plan.secret(role) for role in ROLES}
    profile = load_profile(str(folder / "planted.toml"), environ, colons=True)
    patient = Patient(profile, find_remote(profile), plan.window, plan.key, plan.environ)
    return dataclasses.replace(patient, budget=budget or Budget(120), patience=20)


def examined(plan: Plan, folder: Path, budget: Budget | None = None) -> tuple[Examination, Any]:
    """What the doctor finds, and the store afterwards."""
    with ExitStack() as stack:
        store, port = stack.enter_context(served(plan))
        visit = examining.begin(patient_of(plan, port, folder, budget), SOURCES)
        visit.examine()
        return visit.report(), store
