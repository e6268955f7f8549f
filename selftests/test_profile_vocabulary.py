"""The vocabulary of profiles is well formed, and expresses everything the survey of providers found."""

import json
import tomllib

import pytest
import trustme
from example_profiles import CONTAINED, GOOD, load, spell_toml

from restoreproof.fixtures.declaring import declared_by
from restoreproof.providers.capabilities import CAPABILITIES, LIMITS
from restoreproof.providers.knobs import KNOBS
from restoreproof.providers.profile import load_profile


def test_the_vocabulary_is_well_formed():
    for capability in CAPABILITIES.values():
        assert capability.sentence.endswith(".")
        assert bool(capability.choices) == (capability.kind in ("choice", "set"))
        assert not capability.symptoms or capability.kind == "bool"
        values = capability.default if capability.kind == "set" else (capability.default,)
        assert not capability.choices or set(values) <= set(capability.choices)


KNOBS_OF_THE_SURVEY = """
endpoint.scheme_port
addressing.styles
addressing.strict_host_allowlist
region.sign_as
region.validated
tls.ca_bundle / tls.self_signed_default / tls.min_version
credentials.secret_alphabet
credentials.colon_allowed_by_product
credentials.single_active_key / propagation_delay_s
bucket.create_via
bucket.name_reuse_delay
multipart.min_part / max_part / max_parts
multipart.equal_parts / contiguous_numbers
multipart.complete_must_list_all_parts
multipart.list_parts_page
multipart.list_uploads
multipart.max_concurrent_uploads_per_bucket
cleanup.mechanism
cleanup.expiry / cleanup.scan_interval / cleanup.retroactive
cleanup.debug_accelerator
cleanup.max_backup_duration
abort.is_noop
etag.multipart
checksum.algorithms / checksum.trailers
sdk.request_checksum_calculation
integrity.server_verifies_payload_hash
delete_objects.needs_content_md5
conditional_writes
object_lock_must_be_off
consistency.overwrite / consistency.delete / consistency.list
errors.missing_key_head
read.range_timeout_s
keys.max_segment_len / keys.slash_is_directory
listing.order / listing.delimiter / listing.v1_only
namespace_in_host
gateways
variant
lab
""".strip().splitlines()

EXAMPLES = {
    "endpoint.url": '"https://ns.acme.test:9021"', "endpoint.port": "9000", "endpoint.style": '"path"',
    "endpoint.region": '"us-west-2"', "endpoint.ca": '"ca.pem"', "endpoint.bucket": '"sqlbackups"',
    "endpoint.domain": '"ns.acme.test"', "endpoint.addresses": '["192.0.2.1", "2001:db8::1"]',
    "cleanup.mechanism": '"admin-rule"', "cleanup.after": '"15d"', "cleanup.scan": '"6h"', "cleanup.window":
    '"00:00-06:00"', "cleanup.retroactive": "false", "cleanup.accelerator": '"rgw_lc_debug_interval"',
    "cleanup.longest_backup": '"12h"', "labels.variant": '"nas bucket"', "labels.lab": '"licensed"',
}  # fmt: skip
BY_KIND = {"bool": "true", "int": "1", "duration": '"2m"'}


def test_all_38_knobs_of_the_survey_have_a_place():
    assert list(KNOBS) == KNOBS_OF_THE_SURVEY
    assert len(KNOBS) == 38
    assert all(len(places) >= knob.count(" / ") + 1 for knob, places in KNOBS.items())


@pytest.mark.parametrize("place", sorted({place for places in KNOBS.values() for place in places}))
def test_every_place_of_a_knob_can_be_written(tmp_path, place):
    (tmp_path / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    table, key = place.split(".")
    value = EXAMPLES.get(place) or _example(table, key)
    document = tomllib.loads(CONTAINED if place == "endpoint.port" else GOOD)
    document.setdefault(table, {})[key] = tomllib.loads(f"v = {value}")["v"]
    if table == "cleanup" and key != "mechanism":
        document[table]["mechanism"] = "manual"

    assert load(tmp_path, "".join(f"{name} = {spell_toml(item)}\n" for name, item in document.items())).name == "acme"


def _example(table, key):
    if table == "limits":
        return str(LIMITS[key].default)
    capability = CAPABILITIES[key]
    if capability.kind == "set":
        return json.dumps(list(capability.choices))
    return BY_KIND.get(capability.kind) or f'"{capability.choices[0]}"'


SPARSE = """
name = "acme"
title = "ACME"
[endpoint]
url = "https://s3.acme.test"
[keys.backup]
id = "ACME_ID"
secret = "ACME_SECRET"
[capabilities]
object_lock = false
[[variants]]
when = "firmware < 12"
[variants.capabilities]
virtual_host = false
"""


@pytest.mark.parametrize(("firmware", "denied"), [("11.9", {"object_lock", "virtual_host"}), ("12.1", {"object_lock"})])
def test_only_what_a_profile_spells_out_is_denied(tmp_path, firmware, denied):
    file = tmp_path / "acme.toml"
    file.write_text(SPARSE, encoding="utf-8")

    declared = declared_by(load_profile(str(file), {}, require_keys=False, labels={"firmware": firmware}))

    assert set(declared.denied) == denied
    assert {"lifecycle_rules", "default_encryption"} <= set(declared.unknown)
    assert not denied & set(declared.unknown)
