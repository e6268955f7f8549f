"""Example runs for the self-tests of run files and reports: all eight verdicts, long texts, hostile texts."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from restoreproof.reports import outcome
from restoreproof.reports.census import answers
from restoreproof.reports.record import Exchange, Footer, Header, Record, Run, Variant
from restoreproof.reports.register import Requirement, Source
from restoreproof.reports.writer import RunWriter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

AREAS = (
    {"name": "tls", "title": "Certificates and TLS"},
    {"name": "credentials", "title": "Credentials and rights"},
    {"name": "multipart", "title": "Multipart uploads"},
    {"name": "abort", "title": "Aborted uploads"},
    {"name": "reads", "title": "Reads and restore"},
    {"name": "errors", "title": "Errors"},
)

HOSTILE = (
    "<script>alert('x')</script>",
    "]]> <![CDATA[",
    '"onmouseover="alert(1)',
    "\x00\x01\x1b[31mred\x1b[0m\x7f",
    "\u202eevil\u2066",
    "a|b `code` ``two`` *star* _under_ [link](javascript:alert(1)) # h <b>",
    "{{ 7 * 7 }} {% raw %}",
    "[bold red]markup[/bold red] [link=file:///etc/passwd]x[/link]",
    "\ufffe\uffff \udc80 lone",
    "Zażółć gęślą jaźń 日本語 😀 \u200f\u05e2\u05d1\u05e8\u05d9\u05ea",
    "line\r\nbreak\ttab",
    "w" * 3000,
)

SOURCE = Source(
    "SQL Server backup to URL for S3-compatible object storage",
    "Limitations; part size and number of parts",
    "https://learn.microsoft.com/en-us/sql/relational-databases/backup-restore/sql-server-backup-to-url-s3-compatible-object-storage",
)

CHAIN = [
    {
        "subject": "CN=s3.backup.example.test,O=Example Storage GmbH",
        "issuer": "CN=Example Storage Issuing CA 3,O=Example Storage GmbH",
        "not_before": "2026-05-01T00:00:00Z",
        "not_after": "2027-05-01T00:00:00Z",
        "sha256": "5f" * 32,
    },
    {
        "subject": "CN=Example Storage Issuing CA 3,O=Example Storage GmbH",
        "issuer": "CN=Example Storage Root CA,O=Example Storage GmbH",
        "not_before": "2024-01-01T00:00:00Z",
        "not_after": "2034-01-01T00:00:00Z",
        "sha256": "a0" * 32,
    },
]

CLAIMS = (
    (
        "TLS-02.chain-to-given-ca",
        "The presented certificate chain leads to the CA that the administrator installs on SQL Server",
        "stranger",
    ),
    ("TLS-03.host-name", "The certificate names the host that the backup URL names", "stranger"),
    ("TLS-10.tls12-offered", "The endpoint accepts a TLS 1.2 handshake", "blocks"),
    ("TLS-11.intermediates-sent", "The endpoint sends the intermediate certificates", "blocks"),
    ("TLS-12.not-expired", "No certificate of the chain has expired", "blocks"),
    ("TLS-14.virtual-host-name", "The certificate names the virtual host of the bucket", "nuisance"),
    ("WIRE-02.wrong-secret-refused", "A request signed with a wrong secret is refused", "stranger"),
    (
        "WIRE-02.tampered-body-refused",
        "A body that is not the one that was signed is refused, and nothing of it is stored",
        "data-loss",
    ),
    ("WIRE-02.anonymous-refused", "An unsigned request is refused", "stranger"),
    ("WIRE-08.unknown-key-refused", "A request with an unknown key is refused", "stranger"),
    ("CLK-01.skewed-clock-refused", "A request signed twenty minutes off is refused", "nuisance"),
    ("PERM-01.backup-key-cannot-read", "The key that writes backups can't read them", "stranger"),
    ("MPU-15.bytes-exact", "An object assembled from parts has exactly the bytes that were sent", "data-loss"),
    (
        "MPU-02.part-number-10000",
        "A part with the number 10,000 is accepted and lands at the end of the object",
        "blocks",
    ),
    ("MPU-06.tiny-last-part", "A last part of a single byte is kept", "data-loss"),
    (
        "MPU-14.out-of-order-arrival",
        "Parts that arrive out of order are joined in the order of their numbers",
        "data-loss",
    ),
    ("WIRE-12.last-copy-of-part-wins", "Of a part that was sent twice the last copy counts", "data-loss"),
    ("ABORT-03.open-upload-listed", "An open upload is listed under its prefix", "nuisance"),
    ("ABORT-03.abort-frees-upload", "An aborted upload is gone from every listing", "blocks"),
    (
        "ABORT-05.open-upload-keeps-old",
        "An upload that was begun over an existing backup leaves that backup readable until it completes",
        "data-loss",
    ),
    ("WIRE-05.range-bytes", "A ranged read gives exactly the bytes of the range", "data-loss"),
    ("WIRE-06.exact-size", "The size that HEAD reports is the size of the object", "data-loss"),
    ("WIRE-09.read-after-overwrite", "A read after an overwrite gives the new bytes", "data-loss"),
    ("LIST-02.paged-list", "A listing in pages names every object once", "blocks"),
    ("WIRE-08.missing-part-refused", "A list of parts that names a part never sent is refused", "data-loss"),
    ("WIRE-13.no-redirect", "No request is answered by a redirect", "blocks"),
    ("WIRE-07.malformed-is-400", "A malformed list of parts is answered by 400 MalformedXML", "nuisance"),
)
"""Real ids with titles made up for the tests."""

AREA_OF = {
    **dict.fromkeys(range(6), "tls"),
    **dict.fromkeys(range(6, 12), "credentials"),
    **dict.fromkeys(range(12, 17), "multipart"),
    **dict.fromkeys(range(17, 20), "abort"),
    **dict.fromkeys(range(20, 24), "reads"),
    **dict.fromkeys(range(24, 27), "errors"),
}


def requirement(index: int = 0, **changes: Any) -> Requirement:
    """An entry of the made-up register."""
    requirement_id, title, harm = CLAIMS[index]
    values: dict[str, Any] = {
        "id": requirement_id,
        "area": AREA_OF[index],
        "title": title,
        "harm": harm,
        "certainty": ("documented", "observed", "inferred")[index % 3] if harm != "blocks" else "documented",
        "phase": "wire",
        "dba_sees": "Msg 3201, Level 16: Cannot open backup device 's3://…/full.bak'. Operating system error 50(The "
        "request is not supported.). Msg 3013: BACKUP DATABASE is terminating abnormally.",
        "remedy": "Let the gateway keep parts apart by number, and raise its limit of parts per upload to 10,000.",
        "source": SOURCE,
        "symptom": "wrong-bytes",
        "requests": 6,
        "mib": 15,
    }
    return Requirement(**{**values, **changes})


def exchange(**changes: Any) -> Exchange:
    """A refused request for a part."""
    values: dict[str, Any] = {
        "method": "PUT",
        "url": "https://s3.backup.example.test:9000/sqlbackups/rp-7f3a/full.bak?partNumber=10000&uploadId=2~Zx81LqW",
        "request_headers": {
            "Host": "s3.backup.example.test:9000",
            "Authorization": "AWS4-HMAC-SHA256 Credential=***/20261120/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=***",
            "X-Amz-Date": "20261120T091502Z",
            "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
            "Content-Length": "1024",
        },
        "sent": 1024,
        "status": 400,
        "reason": "Bad Request",
        "response_headers": {
            "Content-Type": "application/xml",
            "Server": "ExampleStore/4.2",
            "x-amz-request-id": "tx0001",
        },
        "body": '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<Error><Code>InvalidArgument</Code><Message>Part number must be an integer between 1 and 1000, inclusive"
        "</Message><BucketName>sqlbackups</BucketName></Error>",
        "received": 188,
        "seconds": 0.0312,
    }
    return Exchange(**{**values, **changes})


def record(index: int = 0, verdict: str = "conforms", **changes: Any) -> Record:
    """A record with the fields that its verdict calls for."""
    entry = changes.pop("requirement", None) or requirement(index)
    values: dict[str, Any] = {
        "seconds": 0.05 + (index * 7 % 11) / 9,
        "requests": 3 + index % 9,
        "sent": 5_242_880 * (index % 4),
        "received": 3_145_728 * (index % 3),
        "reproduce": f"restoreproof certify --provider example --check {entry.id}",
    }
    values |= {
        "conforms up to": {"envelope": "1,000 parts"},
        "not run": {"reason": "not selected", "requests": 0, "sent": 0, "received": 0, "seconds": 0.0},
        "deviates": {
            "symptom": "NotImplemented",
            "reason": "Listing by prefix is not built.",
            "link": "https://example.test/issues/4711",
        },
        "unsupported": {"symptom": "HTTP-501", "reason": "The profile declares virtual_host = false."},
    }.get(verdict, {})
    return Record(requirement=entry, verdict=verdict, **{**values, **changes})


def failing(index: int = 13) -> Record:
    """A fails record with everything a card can show."""
    return record(
        index,
        "fails",
        symptom="InvalidArgument",
        expected="HTTP 200 and an ETag for part number 10,000; the object ends with the bytes of that part",
        observed="HTTP 400 InvalidArgument: Part number must be an integer between 1 and 1000, inclusive",
        variants=(
            Variant("1000", "conforms", "", 0.4),
            Variant("1001", "fails", "InvalidArgument", 0.1),
            Variant("10000", "fails", "InvalidArgument", 0.1),
        ),
        evidence={
            "highest_part_accepted": 1000,
            "etags": ['"9b2c"', '"77fe"'],
            "upload": {"id": "2~Zx81LqW", "parts": 2},
        },
        exchanges=(
            exchange(),
            exchange(
                method="GET",
                status=404,
                reason="Not Found",
                url="https://s3.backup.example.test:9000/sqlbackups/rp-7f3a/full.bak",
            ),
        ),
    )


def header(**changes: Any) -> Header:
    """What was judged: a remote endpoint with keys of its own for each role."""
    values: dict[str, Any] = {
        "run": "20261120T091500Z-7f3a",
        "started": "2026-11-20T09:15:00Z",
        "suite": "0.1.0",
        "register": hashlib.sha256(b"register").hexdigest(),
        "provider": {"name": "example", "title": "Example Store 4", "digest": hashlib.sha256(b"profile").hexdigest()},
        "endpoint": {
            "url": "https://s3.backup.example.test:9000",
            "kind": "url",
            "ours": False,
            "server": "ExampleStore/4.2",
            "software": "Example Store 4.2.1",
            "region": "us-east-1",
            "style": "path",
            "bucket_given": True,
            "separate_keys": True,
            "narrow_keys": False,
        },
        "tls": {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "chain": CHAIN},
        "selection": {"checks": [], "areas": [], "level": "", "scale": "smoke", "filtered": False},
        "areas": AREAS,
        "environment": {"python": "3.11.2", "platform": "Linux", "boto3": "1.44.5"},
    }
    return Header(**{**values, **changes})


def with_census(target: Run, answer: str = "") -> Run:
    """The run with a census without a single request, or with this answer to every question."""
    given = {"answer": answer, "requests": 1234} if answer else {}
    found = tuple({**asdict(each), **given} for each in answers([]))
    return replace(target, footer=replace(target.footer, census=found))


def run(records: Iterable[Record] = (), head: Header | None = None, *, cleanup_error: str = "") -> Run:
    """A whole run whose footer says what its records say."""
    head = head or header()
    chosen = tuple(records) or tuple(record(index) for index in range(len(CLAIMS)))
    rung, reason = outcome.judge(head, chosen)
    footer = Footer(
        finished="2026-11-20T09:15:12Z",
        rung=rung,
        reason=reason,
        as_declared=outcome.as_declared(chosen, cleanup_error),
        counts=outcome.counts(chosen),
        cleanup={"removed": 41, "left": [], "error": cleanup_error},
        seconds=12.34,
        requests=sum(entry.requests for entry in chosen) + 9,
    )
    return Run(head, chosen, footer)


def mixed_run(**head: Any) -> Run:
    """A run in which every verdict occurs."""
    given = {
        5: record(5, "unsupported"),
        10: record(10, "stale", reason="The gateway never looks at the clock.", link="https://example.test/issues/7"),
        11: record(11, "not run", reason="one pair of keys serves all three roles"),
        13: failing(),
        14: record(14, "conforms up to"),
        17: record(17, "deviates", exchanges=(exchange(status=501, reason="Not Implemented"),)),
        18: record(18, "not run", reason="blocked by ABORT-03.open-upload-listed"),
        19: record(19, "not run", reason="blocked by ABORT-03.open-upload-listed"),
        22: record(22, "error", observed="set-up: the bucket could not be filled (connection reset by peer)"),
        24: record(
            24,
            "fails",
            symptom="nothing-refused",
            expected="HTTP 400 InvalidPart and no object",
            observed="HTTP 200, and an object of 5,242,880 bytes",
        ),
    }
    made = run((given.get(index) or record(index) for index in range(len(CLAIMS))), header(**head))
    return with_census(made, "59,174 to 10,485,760 bytes")


def green_run(**head: Any) -> Run:
    """A run in which everything conforms."""
    return run((), header(**head))


def rehearsed_run() -> Run:
    """Everything conforms, but endpoint and engine are stand-ins and a defect is on."""
    engine = {"build": [16, 0, 4205, 1], "edition": "Developer Edition", "platform": "Linux", "standin": True}
    endpoint = {**header().endpoint, "ours": True, "kind": "program"}
    return with_census(green_run(engine=engine, endpoint=endpoint, defects=("verbose-xml",)))


def certified_run() -> Run:
    """Everything conforms, with a real SQL Server."""
    engine = {"build": [16, 0, 4215, 2], "edition": "Enterprise Edition", "platform": "Windows", "standin": False}
    return green_run(engine=engine)


def hostile_run() -> Run:
    """Texts that break formats, in every field that an endpoint or a profile can fill."""
    entries = []
    for index, text in enumerate(HOSTILE):
        verdict = ("fails", "error", "deviates", "not run", "stale", "unsupported")[index % 6]
        entries.append(
            record(
                index,
                verdict,
                requirement=requirement(index, title=f"Claim {text}", dba_sees=text, remedy=text, symptom=text),
                symptom=text,
                expected=text,
                observed=text,
                reason=text or "?",
                link="javascript:alert(1)",
                reproduce=text,
                variants=(Variant(text, "fails", text),),
                evidence={text: [text, {"deep": text}], "number": 1.5, "none": None},
                exchanges=(
                    exchange(
                        url=text, body=text, reason=text, request_headers={text: text}, response_headers={"x": text}
                    ),
                ),
            )
        )
    ends = {"server": "".join(HOSTILE[:6]), "software": HOSTILE[0], "url": "javascript:alert(1)"}
    endpoint = {**header().endpoint, **ends}
    provider = {**header().provider, "title": HOSTILE[0] + HOSTILE[5]}
    head = header(endpoint=endpoint, provider=provider, labels={HOSTILE[0]: HOSTILE[1]}, defects=(HOSTILE[2],))
    return with_census(run(entries, head), HOSTILE[0] + HOSTILE[5] + HOSTILE[11])


def write(target: Run, path: Path) -> Path:
    """The run as a file."""
    with RunWriter(path) as writer:
        writer.header(target.header)
        for entry in target.records:
            writer.record(entry)
        writer.footer(target.footer)
    return path


def with_record(target: Run, index: int, **changes: Any) -> Run:
    """The run with one record changed, and a footer that fits."""
    records = list(target.records)
    records[index] = replace(records[index], **changes)
    return run(records, target.header)


MAKERS = {
    "mixed": mixed_run,
    "green": green_run,
    "rehearsed": rehearsed_run,
    "certified": certified_run,
    "hostile": hostile_run,
    "filtered": lambda: run(
        [failing()],
        header(
            selection={
                "checks": ["MPU-02.part-number-10000"],
                "areas": [],
                "level": None,
                "scale": "smoke",
                "filtered": True,
            }
        ),
    ),
    "no answer": lambda: run(
        [record(index, "not run", reason="blocked by TLS-02") for index in range(27)],
        header(tls={"version": "", "cipher": "", "chain": [], "error": "refused"}),
    ),
    "clean-up broke": lambda: run(cleanup_error="the bucket could not be emptied"),
    "one check without areas": lambda: run([record(0)]),
}
"""Every example by name."""
