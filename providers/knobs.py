"""Where a profile expresses each of the 38 ways in which the surveyed providers are known to differ."""

from __future__ import annotations

KNOBS: dict[str, tuple[str, ...]] = {
    "endpoint.scheme_port": ("endpoint.url", "endpoint.port"),
    "addressing.styles": ("endpoint.style", "capabilities.path_style", "capabilities.virtual_host"),
    "addressing.strict_host_allowlist": ("capabilities.host_allowlist",),
    "region.sign_as": ("endpoint.region",),
    "region.validated": ("capabilities.region_checked",),
    "tls.ca_bundle / tls.self_signed_default / tls.min_version": (
        "endpoint.ca",
        "capabilities.trusted_by_default",
        "capabilities.tls_minimum",
    ),
    "credentials.secret_alphabet": ("capabilities.secret_alphabet",),
    "credentials.colon_allowed_by_product": ("capabilities.colon_in_keys",),
    "credentials.single_active_key / propagation_delay_s": (
        "capabilities.single_key_pair",
        "capabilities.key_propagation",
    ),
    "bucket.create_via": ("capabilities.bucket_creation", "endpoint.bucket"),
    "bucket.name_reuse_delay": ("capabilities.bucket_name_reuse",),
    "multipart.min_part / max_part / max_parts": ("limits.part_minimum", "limits.part_maximum", "limits.parts"),
    "multipart.equal_parts / contiguous_numbers": ("capabilities.equal_parts", "capabilities.contiguous_parts"),
    "multipart.complete_must_list_all_parts": ("capabilities.complete_names_all_parts",),
    "multipart.list_parts_page": ("limits.parts_per_page",),
    "multipart.list_uploads": ("capabilities.list_uploads", "capabilities.list_uploads_by_prefix"),
    "multipart.max_concurrent_uploads_per_bucket": ("limits.open_uploads",),
    "cleanup.mechanism": ("cleanup.mechanism", "capabilities.lifecycle_rules"),
    "cleanup.expiry / cleanup.scan_interval / cleanup.retroactive": (
        "cleanup.after",
        "cleanup.scan",
        "cleanup.window",
        "cleanup.retroactive",
    ),
    "cleanup.debug_accelerator": ("cleanup.accelerator",),
    "cleanup.max_backup_duration": ("cleanup.longest_backup",),
    "abort.is_noop": ("capabilities.abort_frees_parts",),
    "etag.multipart": ("capabilities.etag",),
    "checksum.algorithms / checksum.trailers": ("capabilities.checksums", "capabilities.checksum_trailers"),
    "sdk.request_checksum_calculation": ("capabilities.sdk_checksums",),
    "integrity.server_verifies_payload_hash": ("capabilities.payload_hash_verified",),
    "delete_objects.needs_content_md5": ("capabilities.bulk_delete_needs_md5",),
    "conditional_writes": ("capabilities.conditional_writes",),
    "object_lock_must_be_off": (
        "capabilities.object_lock",
        "capabilities.versioning",
        "capabilities.default_encryption",
    ),
    "consistency.overwrite / consistency.delete / consistency.list": (
        "capabilities.overwrite_settles",
        "capabilities.delete_settles",
        "capabilities.list_settles",
    ),
    "errors.missing_key_head": ("capabilities.missing_head",),
    "read.range_timeout_s": ("limits.range_seconds",),
    "keys.max_segment_len / keys.slash_is_directory": ("limits.key_segment", "capabilities.slash_is_directory"),
    "listing.order / listing.delimiter / listing.v1_only": (
        "capabilities.listing_order",
        "capabilities.listing_delimiter",
        "capabilities.listing_v2",
    ),
    "namespace_in_host": ("endpoint.domain", "endpoint.url"),
    "gateways": ("endpoint.addresses",),
    "variant": ("labels.variant",),
    "lab": ("labels.lab",),
}
"""Places in a profile (``table.key``) by the name of the knob in the survey of providers."""
