"""The closed vocabulary of what there is to know of an offering, and how a run finds out what nobody documents.

The names are ``group.leaf``, as in the survey of the offerings. A file of facts says of every one of them what is
known, or that nothing is.
"""

from __future__ import annotations

from dataclasses import dataclass

ASK = "ask the vendor"
"""The probe of what no run can see from outside."""


@dataclass(frozen=True)
class Word:
    """One thing to know: what it is, and what shows it in a run.

    :ivar probe: the id of a check, the name of a capability or limit (whose checks show it), or :data:`ASK`.
    """

    name: str
    sentence: str
    probe: str

    @property
    def group(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]


_WORDS = (
    Word("endpoint.url_shape", "How a URL of the endpoint is put together.", "URL-02.path-style"),
    Word("endpoint.http_port", "The port for plain HTTP, which SQL Server never uses.", ASK),
    Word("endpoint.https_port", "The port for HTTPS.", "TLS-01.handshake"),
    Word("addressing.path_style", "Whether the bucket may stand in the path.", "path_style"),
    Word("addressing.virtual_host", "Whether the bucket may stand in the host name.", "virtual_host"),
    Word("addressing.virtual_host_needs", "What has to be set up for that.", "TLS-14.virtual-host-name"),
    Word("region.default", "The region that a new installation has.", "REG-05.us-east-1-accepted"),
    Word(
        "region.validates_sigv4_region",
        "Whether a signature for another region is refused.",
        "region_checked",
    ),
    Word("tls.certificate_configuration", "Where the certificate comes from and how it is set.", ASK),
    Word(
        "tls.default_self_signed",
        "Whether a new installation shows a certificate that nobody trusts.",
        "TLS-02.chain-to-given-ca",
    ),
    Word("tls.min_version", "The oldest version of TLS that is taken.", "tls_minimum"),
    Word("credentials.access_key_format", "What a key id looks like.", "CRED-03.key-id-without-colon"),
    Word("credentials.secret_key_format", "What a secret looks like.", "CRED-05.secret-alphabet"),
    Word(
        "credentials.colon_possible",
        "Whether key id or secret may hold a colon, which SQL Server's credential can't carry.",
        "CRED-04.secret-without-colon",
    ),
    Word(
        "credentials.non_alphanumeric_secret_risk",
        "Whether a secret may hold more than letters and digits.",
        "CRED-05.secret-alphabet",
    ),
    Word("credentials.create_user", "How a user with keys is made.", ASK),
    Word("credentials.create_bucket", "How a bucket is made.", ASK),
    Word("multipart.min_part_bytes", "The fewest bytes of a part that is not the last.", "part_minimum"),
    Word("multipart.max_part_bytes", "The most bytes of a part.", "MPU-03.part-of-20-mib"),
    Word("multipart.max_parts", "The most parts of an upload.", "MPU-02.ten-thousand-parts"),
    Word("multipart.max_object_bytes", "The largest object.", "MPU-08.largest-object"),
    Word("multipart.equal_part_size_required", "Whether all parts must have one size.", "equal_parts"),
    Word("multipart.list_parts", "Whether the parts of an open upload can be listed.", "MPU-13.parts-listed"),
    Word(
        "multipart.list_multipart_uploads",
        "Whether open uploads can be listed, and how.",
        "list_uploads_by_prefix",
    ),
    Word("multipart.complete_rules", "What a completion must say.", "complete_names_all_parts"),
    Word(
        "abort_cleanup.lifecycle_abort_incomplete_mpu",
        "Whether a lifecycle rule removes what failed backups leave open.",
        "lifecycle_rules",
    ),
    Word("abort_cleanup.builtin_gc", "Whether the server removes it by itself.", ASK),
    Word("abort_cleanup.default_expiry", "After what time that happens unless it is set.", "ABORT-02.no-early-end"),
    Word("abort_cleanup.scan_interval", "How often the server looks.", ASK),
    Word("etag.multipart_format", "The form of the ETag of an object made of parts.", "etag"),
    Word("checksums.x_amz_checksum", "Which x-amz-checksum algorithms are known.", "checksums"),
    Word(
        "checksums.new_sdk_defaults", "How the checksums fare that AWS SDKs have added since 2025.", "checksum_trailers"
    ),
    Word("checksums.unsigned_payload", "Whether UNSIGNED-PAYLOAD is taken.", "WIRE-03.unsigned-payload-accepted"),
    Word("checksums.aws_chunked", "Whether bodies in signed chunks are taken.", ASK),
    Word("http.expect_100_continue", "Whether Expect: 100-continue is answered.", ASK),
    Word("conditional_writes.support", "What becomes of a write with If-None-Match or If-Match.", "conditional_writes"),
    Word("versioning_and_lock.versioning", "Whether a bucket can keep versions.", "versioning"),
    Word(
        "versioning_and_lock.object_lock",
        "Whether a bucket can have Object Lock, which must be off for SQL Server.",
        "object_lock",
    ),
    Word("consistency.model", "When a write, an overwrite and a delete are seen.", "WIRE-09.read-after-overwrite"),
    Word("sqlserver_guidance.vendor_paper", "What the vendor has published on SQL Server 2022 and S3.", ASK),
    Word("sqlserver_guidance.recommended_settings", "Settings for SQL Server that somebody recommends.", ASK),
    Word("sqlserver_guidance.throughput", "A throughput that somebody has published.", ASK),
    Word("lab.kind", "What it takes to try the offering out.", ASK),
    Word("lab.image", "The image of a container or machine, if there is one.", ASK),
    Word("lab.command", "How it is started.", ASK),
)

VOCABULARY = {word.name: word for word in _WORDS}
"""Every name that a file of facts may use."""

GROUPS = tuple(dict.fromkeys(word.group for word in _WORDS))
"""The parts of the names before the dot, in order."""
