"""The closed vocabulary in which a profile says how a provider differs from what SQL Server hopes for.

A *capability* is something a provider has, lacks or does in its own way; a *limit* is a number it will not go beyond.
A check names the capabilities it needs; when one is declared false the check still runs, and the refusal must show one
of the capability's symptoms. The defaults are what a provider is taken for until its profile says otherwise: what
SQL Server needs is there; what only some products do is unknown, and may be there or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Value = bool | int | str | tuple[str, ...]
"""The value of a capability: durations are whole seconds, a ``set`` is a tuple of its choices."""

Kind = Literal["bool", "choice", "set", "int", "duration"]


@dataclass(frozen=True)
class Capability:
    """One word of the vocabulary.

    ``choices`` are the spellings allowed for a ``choice`` or ``set``. ``symptoms`` are what a refusal may show when a
    ``bool`` is declared false: an S3 error code, ``HTTP-<status>``, ``timeout``, ``reset`` or a check's claim name.
    """

    name: str
    kind: Kind
    default: Value
    sentence: str
    choices: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limit:
    """A number a provider will not go beyond; 0 says that no such limit is known."""

    name: str
    default: int
    sentence: str


NOT_THERE = ("NotImplemented", "HTTP-501", "MethodNotAllowed", "HTTP-405", "InvalidRequest", "HTTP-400")
"""How a server says that it does not know an operation."""

NO_SUCH_RULES = (*NOT_THERE, "MalformedXML", "InvalidArgument", "BucketAlreadyExists", "BucketAlreadyOwnedByYou")
"""How a server says that a bucket has no such rules: one that does not know the sub-resource takes the request for the
creation of a bucket, or chokes on its document."""

NOT_ADDRESSED = (
    "NoSuchBucket",
    "InvalidBucketName",
    "PermanentRedirect",
    "AccessDenied",
    "SignatureDoesNotMatch",
    "HTTP-400",
    "HTTP-403",
    "HTTP-404",
    "HTTP-421",
    "reset",
    "tls",
    "no-dns",
)
"""What comes of it when the bucket's name stands in another part of the URL than the server looks at: a refusal, or no
server at all under a host name that no DNS entry and no certificate knows."""

_VOCABULARY = (
    # addressing
    Capability(
        "path_style",
        "bool",
        True,
        "The bucket may stand in the path of the URL: https://HOST/BUCKET/KEY.",
        symptoms=NOT_ADDRESSED,
    ),
    Capability(
        "virtual_host",
        "bool",
        False,
        "The bucket may stand in the host name of the URL: https://BUCKET.DOMAIN/KEY.",
        symptoms=NOT_ADDRESSED,
    ),
    Capability("host_allowlist", "bool", False, "Only host names on a list kept by the server are answered."),
    # region and TLS
    Capability(
        "region_checked",
        "choice",
        "unknown",
        "Whether a signature for a wrong region is refused.",
        choices=("yes", "no", "unknown"),
    ),
    Capability(
        "trusted_by_default",
        "bool",
        True,
        "A new installation shows a certificate that its clients can be made to trust without replacing it.",
    ),
    Capability(
        "tls_minimum",
        "choice",
        "1.2",
        "The oldest TLS version that the endpoint takes.",
        choices=("1.0", "1.1", "1.2", "1.3"),
    ),
    # credentials and buckets
    Capability(
        "secret_alphabet",
        "choice",
        "base64",
        "What issued secrets are made of: letters and digits, also '+', '/' and '=', or what the operator types.",
        choices=("alphanumeric", "base64", "operator"),
    ),
    Capability("colon_in_keys", "bool", False, "The product lets a key id or secret hold ':', SQL Server's separator."),
    Capability("single_key_pair", "bool", False, "A user has one live key pair: a new one revokes the old one."),
    Capability("key_propagation", "duration", 0, "How long a new key pair takes until every node knows it."),
    Capability(
        "bucket_creation",
        "choice",
        "s3",
        "Who creates a bucket: an S3 call, an administrator's tool, or a platform operator.",
        choices=("s3", "admin", "operator"),
    ),
    Capability("bucket_name_reuse", "duration", 0, "How long the name of a removed bucket stays taken."),
    # multipart uploads
    Capability(
        "equal_parts",
        "choice",
        "free",
        "Whether all parts but the last must have one size.",
        choices=("required", "recommended", "free"),
    ),
    Capability(
        "contiguous_parts",
        "choice",
        "free",
        "Whether part numbers must follow each other without a gap.",
        choices=("required", "recommended", "free"),
    ),
    Capability("complete_names_all_parts", "bool", False, "A completion must list every part that was uploaded."),
    Capability(
        "list_uploads",
        "bool",
        True,
        "Open uploads can be listed, at least under their exact key.",
        symptoms=(*NOT_THERE, "not-listed"),
    ),
    Capability(
        "list_uploads_by_prefix",
        "bool",
        True,
        "Open uploads of a bucket can be listed, all of them or by prefix.",
        symptoms=(*NOT_THERE, "not-listed"),
    ),
    Capability(
        "abort_frees_parts",
        "bool",
        True,
        "Aborting an upload really removes its parts.",
        symptoms=(*NOT_THERE, "still-listed"),
    ),
    Capability(
        "lifecycle_rules",
        "bool",
        False,
        'An S3 lifecycle rule can abort incomplete uploads; true when cleanup says mechanism = "lifecycle".',
        symptoms=NO_SUCH_RULES,
    ),
    Capability(
        "etag",
        "choice",
        "opaque",
        "The form of a multipart object's ETag.",
        choices=("md5-of-md5s", "opaque", "sha256", "zero-on-complete"),
    ),
    # integrity
    Capability(
        "checksums",
        "set",
        (),
        "The x-amz-checksum algorithms that are verified.",
        choices=("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"),
    ),
    Capability("checksum_trailers", "bool", False, "A checksum may follow the body as a trailer.", symptoms=NOT_THERE),
    Capability(
        "sdk_checksums",
        "choice",
        "when_required",
        "When an AWS SDK may add checksums of its own accord.",
        choices=("when_required", "when_supported"),
    ),
    Capability("payload_hash_verified", "bool", True, "A body that differs from its signed hash is refused."),
    Capability("bulk_delete_needs_md5", "bool", True, "DeleteObjects is refused without a Content-MD5 header."),
    Capability(
        "conditional_writes",
        "choice",
        "unknown",
        "What becomes of a PUT with If-None-Match.",
        choices=("enforced", "ignored", "rejected", "unknown"),
    ),
    Capability(
        "object_lock",
        "bool",
        False,
        "Buckets can have Object Lock, which must be off for SQL Server.",
        symptoms=NO_SUCH_RULES,
    ),
    Capability("versioning", "bool", False, "Buckets can keep the versions of an object.", symptoms=NO_SUCH_RULES),
    Capability(
        "default_encryption",
        "bool",
        False,
        "A bucket can be told to encrypt all that is written to it.",
        symptoms=NO_SUCH_RULES,
    ),
    # consistency, reads and names
    Capability("overwrite_settles", "duration", 0, "How long a read may still give an overwritten object's old bytes."),
    Capability("delete_settles", "duration", 0, "How long a removed object may still be read."),
    Capability("list_settles", "duration", 0, "How long a list may lag behind what was written and removed."),
    Capability(
        "missing_head",
        "set",
        ("404",),
        "The statuses with which HEAD of an absent key is answered.",
        choices=("403", "404", "500", "503"),
    ),
    Capability("slash_is_directory", "bool", False, "A '/' in a key makes a directory, which can clash with a key."),
    Capability(
        "listing_order",
        "choice",
        "utf8",
        "The order of keys in a list.",
        choices=("utf8", "utf16", "none"),
    ),
    Capability(
        "listing_delimiter",
        "choice",
        "any",
        "Which delimiters a list can group by.",
        choices=("any", "slash", "none"),
    ),
    Capability("listing_v2", "bool", True, "ListObjectsV2 is offered.", symptoms=NOT_THERE),
)

CAPABILITIES = {capability.name: capability for capability in _VOCABULARY}
"""Every capability by its name."""

MIB = 1024 * 1024

LIMITS = {
    limit.name: limit
    for limit in (
        Limit("parts", 10_000, "The most parts an upload may have."),
        Limit("part_minimum", 5 * MIB, "The fewest bytes of a part that is not the last; 0: not enforced."),
        Limit("part_maximum", 5 * 1024 * MIB, "The most bytes a part may have."),
        Limit("parts_per_page", 1_000, "The most parts one ListParts answer names."),
        Limit("open_uploads", 0, "The most uploads that may be open in a bucket at a time."),
        Limit("range_seconds", 60, "The longest a ranged read may take, in seconds."),
        Limit("key_segment", 0, "The most bytes between two '/' of a key."),
    )
}
"""Every limit by its name."""

MECHANISMS = ("lifecycle", "admin-rule", "built-in", "manual")
"""Who removes the uploads a failed backup leaves: an S3 lifecycle rule, a rule set with the vendor's own tool, the
server by itself, or nobody."""
