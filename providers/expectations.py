"""What follows from capabilities and limits: the checks that must then fail, and the lines that no check looks at.

Where the register names a capability for a check (``capability = "..."``), that is enough for a ``bool``. Here stand
the limits, and the capabilities that are no mere yes or no. A check that is foretold to fail is *unsupported* when it
does, and *stale* when it passes, so that a wrong line is red either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoreproof.providers.capabilities import CAPABILITIES, LIMITS, MIB, NOT_THERE, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Foresight = Callable[[Value], Mapping[str, tuple[str, ...]]]

KIB = 1024

NOT_TAKEN = ("InvalidArgument", "InvalidRequest", "InvalidPart", "HTTP-400")
"""How a server refuses what is beyond its bounds, whatever these are."""

TOO_SMALL = ("EntityTooSmall", *NOT_TAKEN)
TOO_LARGE = ("EntityTooLarge", "HTTP-413", *NOT_TAKEN)
TOO_MANY = ("SlowDown", "ServiceUnavailable", "TooManyUploads", "HTTP-503", "HTTP-429", "LimitExceeded", *NOT_TAKEN)
TOO_LONG = ("KeyTooLongError", "KeyTooLong", "InvalidURI", "InvalidObjectName", "HTTP-414", *NOT_TAKEN)
NO_FOLDER = ("not-side-by-side", "InternalError", "NoSuchKey", "ObjectExistsAsDirectory", "HTTP-409", *NOT_TAKEN)
TAKEN = ("HTTP-200",)
TOLD_TOO_MANY = ("Msg-3202", "Msg-3236")
"""How SQL Server tells of a part too many."""

LONGEST_SEGMENT_SEEN = 128
"""Bytes: the longest URL that SQL Server takes has a longer segment than this under any host and bucket."""

MANY_PARTS, FEW_PARTS = "MPU-01.more-than-a-hundred-parts", 100
"""The check that has SQL Server send more parts than that."""

LISTS = (
    *(f"LIST-02.{claim}" for claim in ("paged-list", "no-neighbours", "prefix-as-typed", "grouped-by-folder")),
    *(f"LIST-02.{claim}" for claim in ("missing-folder", "encoded-names", "rows-agree-with-head", "order")),
    *(f"LIST-02.{claim}" for claim in ("max-keys", "key-count", "start-after")),
)
"""The checks of nothing but ListObjectsV2."""

OF_FIVE_MIB = (
    "MPU-03.part-of-5-mib",
    *(f"MPU-14.{claim}" for claim in ("out-of-order-arrival", "parallel-parts", "numbers-with-gaps")),
    *("MPU-15.bytes-exact", "MPU-05.unequal-parts", "MPU-06.tiny-last-part", "MPU-06.small-last-part"),
    *("WIRE-08.part-order", "WIRE-17.idle-upload", "WIRE-01.model-agrees"),
)
"""The checks that send parts of 5 MiB, the least that SQL Server does."""


@dataclass(frozen=True)
class Foretold:
    """A check that must fail, the line of the profile that says so, and the symptoms that it may show."""

    line: str
    symptoms: tuple[str, ...]


def _when(wanted: Value) -> Callable[[Mapping[str, tuple[str, ...]]], Foresight]:
    return lambda checks: lambda value: checks if value == wanted else {}


def _parts(value: Value) -> Mapping[str, tuple[str, ...]]:
    most = _number(value)
    if 0 < most < LIMITS["parts"].default:
        wire = dict.fromkeys(("MPU-02.part-number-10000", "MPU-02.ten-thousand-parts"), NOT_TAKEN)
        return wire | ({MANY_PARTS: TOLD_TOO_MANY} if most <= FEW_PARTS else {})
    return {"MPU-02.number-beyond-limits-refused": TAKEN} if most > LIMITS["parts"].default else {}


def _part_minimum(value: Value) -> Mapping[str, tuple[str, ...]]:
    if _number(value) <= KIB:
        return {"WIRE-08.too-small-part": TAKEN}
    return dict.fromkeys(OF_FIVE_MIB, TOO_SMALL) if _number(value) > LIMITS["part_minimum"].default else {}


def _part_maximum(value: Value) -> Mapping[str, tuple[str, ...]]:
    sizes = {"MPU-03.part-of-20-mib": 20, "MPU-08.largest-object": 20}
    sizes |= {"MPU-03.part-of-10-mib": 10, "META-06.far-end-at-once": 10}
    return {check: TOO_LARGE for check, size in sizes.items() if 0 < _number(value) < size * MIB}


def _open_uploads(value: Value) -> Mapping[str, tuple[str, ...]]:
    return {"PERF-07.uploads-open-at-once": TOO_MANY} if 0 < _number(value) < 256 else {}  # noqa: PLR2004 - its claim


def _key_segment(value: Value) -> Mapping[str, tuple[str, ...]]:
    return {"URL-06.longest-url": TOO_LONG} if 0 < _number(value) <= LONGEST_SEGMENT_SEEN else {}


def _missing_head(value: Value) -> Mapping[str, tuple[str, ...]]:
    statuses = value if isinstance(value, tuple) else ()
    if not statuses or "404" in statuses:
        return {}
    shown = tuple(f"HTTP-{status}" for status in statuses)
    seen = {"META-07.head-and-get-agree": ("statuses-differ",), "LCK-05.marker-is-missing": ("not-missing",)}
    return {**seen, "PERM-06.absent-key-is-404": shown}


def _tls_minimum(value: Value) -> Mapping[str, tuple[str, ...]]:
    if value == "1.3":
        return {"TLS-10.tls12-offered": ("no-tls-1-2", "no-handshake", "tls", "reset")}
    return {"TLS-10.old-versions-refused": ("old-version-served",)} if value != "1.2" else {}


def _etag(value: Value) -> Mapping[str, tuple[str, ...]]:
    """A completion that names no ETag worth the name can't agree with HEAD, whatever that shows."""
    if value == "zero-on-complete":
        return {"MPU-13.etag-agrees": ("etags-differ",)}
    return {"MPU-01.multipart-etag": ("another-form",)} if value == "sha256" else {}


def _listing_order(value: Value) -> Mapping[str, tuple[str, ...]]:
    return {"LIST-02.order": ("order-differs",)} if value != "utf8" else {}


_FORESIGHTS: Mapping[str, Foresight] = {
    "parts": _parts,
    "part_minimum": _part_minimum,
    "part_maximum": _part_maximum,
    "open_uploads": _open_uploads,
    "key_segment": _key_segment,
    "missing_head": _missing_head,
    "tls_minimum": _tls_minimum,
    "listing_order": _listing_order,
    "listing_delimiter": _when("none")({"LIST-02.grouped-by-folder": ("folders-differ", *NOT_THERE)}),
    "listing_v2": _when(wanted=False)(dict.fromkeys(LISTS, NOT_THERE)),
    "equal_parts": _when("required")({"MPU-05.unequal-parts": TOO_SMALL}),
    "contiguous_parts": _when("required")({"MPU-14.numbers-with-gaps": ("InvalidPartOrder", *NOT_TAKEN)}),
    "etag": _etag,
    "payload_hash_verified": _when(wanted=False)(
        dict.fromkeys(("WIRE-02.tampered-body-refused", "WIRE-02.tampered-part-refused"), TAKEN)
    ),
    "slash_is_directory": _when(wanted=True)({"URL-08.file-and-folder-of-one-name": NO_FOLDER}),
}

OF_THE_REGISTER = frozenset(
    {
        "path_style",
        "virtual_host",
        "list_uploads",
        "list_uploads_by_prefix",
        "abort_frees_parts",
        "lifecycle_rules",
        "object_lock",
        "versioning",
        "default_encryption",
    }
)
"""Capabilities that the register itself names for a check, as what it is about or as what it needs."""

OF_A_BUCKET = frozenset({"lifecycle_rules", "object_lock", "versioning", "default_encryption"})
"""Those of them that are rules of a bucket."""

OF_THE_RUN = frozenset({"bucket_creation"})
"""Capabilities that decide how a run is set up: what it then can't do is an error."""

QUOTED = {
    "host_allowlist": "a run knows one host name, and that is on the list",
    "region_checked": "SQL Server lives with either answer, and REG-04.other-region-named takes both",
    "trusted_by_default": "a run is given the certificates that it is to trust",
    "secret_alphabet": "CRED-05.secret-alphabet looks at the secrets that a run is given, not at those it is not",
    "colon_in_keys": "CRED-03 and CRED-04 look at the keys that a run is given, not at those it is not",
    "single_key_pair": "no run makes a second pair of keys",
    "key_propagation": "no run makes keys and waits for them",
    "bucket_name_reuse": "every bucket that a run makes has a name of its own",
    "complete_names_all_parts": "WIRE-08.only-named-parts takes a refusal and an object of the named parts alike",
    "checksums": "SQL Server sends no x-amz-checksum header",
    "checksum_trailers": "SQL Server sends no trailers",
    "sdk_checksums": "no AWS SDK decides what a run sends",
    "bulk_delete_needs_md5": "SQL Server does not remove objects",
    "conditional_writes": "SQL Server sends no If-None-Match",
    "overwrite_settles": "a lag shows at times, and a line is judged by every time; WIRE-09 looks for it",
    "delete_settles": "a lag shows at times, and a line is judged by every time; WIRE-09 looks for it",
    "list_settles": "a lag shows at times, and a line is judged by every time; WIRE-09 looks for it",
    "parts_per_page": "MPU-13.parts-in-pages asks for pages of two, and follows them whatever their size",
    "range_seconds": "a check has its own deadline, --check-deadline",
}
"""Quoted only: shown as documented, not seen. Why no check looks at these."""

NOT_AT_THIS_VALUE = {
    "missing_head": "META-07.head-and-get-agree sees a status only where it always comes: here 404 is among them",
    "equal_parts": "what is recommended is not refused otherwise",
    "contiguous_parts": "what is recommended is not refused otherwise",
    "etag": "MPU-01.multipart-etag looks at its end alone, MPU-13.etag-agrees at whether a completion names the same",
    "listing_delimiter": "folders are asked for by '/' alone",
    "open_uploads": "PERF-07.uploads-open-at-once opens 256",
    "key_segment": "the longest URL that SQL Server takes has no longer segment, or one that hangs on the host's name",
    "part_minimum": "WIRE-08.too-small-part sends parts of 1 KiB, and no other is smaller than 5 MiB",
    "part_maximum": "SQL Server sends parts of 20 MiB at the most",
    "parts": "0 says that no limit is known",
}
"""Words that checks do look at, but not at every value: why not at the others."""


def foretell(capabilities: Mapping[str, Value], limits: Mapping[str, int]) -> dict[str, Foretold]:
    """The checks that must fail by what a profile says, by their ids."""
    values: Mapping[str, Value] = {**capabilities, **limits}
    return {
        check: Foretold(f"{word} = {spell(values[word])}", symptoms)
        for word, foresee in _FORESIGHTS.items()
        for check, symptoms in foresee(values[word]).items()
    }


def checks_of(word: str, value: Value) -> tuple[str, ...]:
    """The checks that must fail because of one line; those that the register names are not among them."""
    return tuple(_FORESIGHTS[word](value)) if word in _FORESIGHTS else ()


def unseen(word: str, value: Value, *, own_buckets: bool) -> str:
    """Why no check looks at a line; empty where one does.

    :param own_buckets: whether a run can make buckets, whose rules it may change.
    """
    if word in OF_A_BUCKET and not own_buckets:
        return "the checks of it need a bucket of their own, and none is created over S3"
    if word in OF_THE_REGISTER or word in OF_THE_RUN or checks_of(word, value):
        return ""
    return QUOTED[word] if word in QUOTED else NOT_AT_THIS_VALUE[word]


def unseen_lines(capabilities: Mapping[str, Value], limits: Mapping[str, int]) -> Iterator[tuple[str, Value, str]]:
    """Every line that differs from the default and that no check looks at, with the reason."""
    own_buckets = capabilities["bucket_creation"] == "s3"
    for word, value in differences(capabilities, limits):
        if why := unseen(word, value, own_buckets=own_buckets):
            yield word, value, why


def differences(capabilities: Mapping[str, Value], limits: Mapping[str, int]) -> Iterator[tuple[str, Value]]:
    """Every word of the vocabulary whose value is not its default."""
    for name, value in capabilities.items():
        if value != CAPABILITIES[name].default:
            yield name, value
    for name, number in limits.items():
        if number != LIMITS[name].default:
            yield name, number


def spell(value: Value) -> str:
    """A value as a profile writes it, but for quotes; the choices of a set are joined by ``+``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "+".join(value) if isinstance(value, tuple) else str(value)


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0
