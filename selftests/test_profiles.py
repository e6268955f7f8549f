"""Profiles that load: every default filled in, keys from variables and files, and the ones that are shipped."""

import hashlib
import os
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from example_profiles import CANARY, CONTAINED, ENVIRON, GOOD, STARTED, load, problems

from restoreproof.providers.capabilities import CAPABILITIES, LIMITS
from restoreproof.providers.profile import ProfileError, load_profile, shipped_profiles
from restoreproof.reports.register import load_register


def test_a_small_profile_is_complete_with_its_defaults(tmp_path):
    profile = load(tmp_path, GOOD)

    assert (profile.name, profile.title, profile.path) == ("acme", "Acme, two nodes", tmp_path / "acme.toml")
    assert profile.digest == hashlib.sha256(GOOD.encode()).hexdigest()
    assert profile.endpoint.url == "https://s3.acme.test:9000"
    assert (profile.endpoint.kind, profile.endpoint.region, profile.endpoint.style) == ("url", "us-east-1", "path")
    assert profile.endpoint.domain == "s3.acme.test"
    assert profile.capabilities == {name: capability.default for name, capability in CAPABILITIES.items()}
    assert profile.limits == {name: limit.default for name, limit in LIMITS.items()}
    assert profile.cleanup.mechanism == "manual"


def test_one_pair_serves_all_three_roles(tmp_path):
    keys = load(tmp_path, GOOD).keys

    assert keys["backup"].secret.reveal() == CANARY
    assert keys["restore"] is keys["housekeeping"] is keys["backup"]


def test_each_role_can_have_its_own_pair(tmp_path):
    keys = load(tmp_path, GOOD + '[keys.restore]\nid = "ACME_SECRET"\nsecret = "ACME_ID"\n').keys

    assert keys["restore"].id.reveal() == CANARY
    assert keys["housekeeping"] == keys["backup"] != keys["restore"]


def test_keys_can_come_from_files_beside_the_profile(tmp_path):
    (tmp_path / "id").write_text("FILEID\n")
    (tmp_path / "secret").write_text(CANARY + "\n")
    (tmp_path / "secret").chmod(0o644)

    named = 'id_file = "id"\nsecret_file = "secret"\n'
    profile = load(tmp_path, GOOD.replace('id = "ACME_ID"\nsecret = "ACME_SECRET"\n', named))

    assert profile.keys["restore"].id.reveal() == "FILEID"
    assert profile.keys["restore"].secret.reveal() == CANARY
    assert os.name == "nt" or "chmod 600" in profile.warnings[-1]


def test_keys_that_nobody_set_are_absent_when_they_are_not_required(tmp_path):
    profile = load(tmp_path, GOOD.replace("ACME_ID", "UNSET_ID"), require_keys=False)

    assert profile.keys == {}
    assert not profile.key_sources["restore"].present


def test_a_profile_full_of_facts_loads(tmp_path):
    text = (
        GOOD.replace("[keys", '[keys . "restore"]\nid = "ACME_ID"\nsecret = "ACME_SECRET"\n[keys')
        + """
[capabilities]
virtual_host = true
key_propagation = "2m"
checksums = ["CRC32", "SHA256"]
conditional_writes = "ignored"

[limits]
parts = 1000

[cleanup]
mechanism = "built-in"
after = "24h"
retroactive = false
longest_backup = "23h"

[[deviations]]
check = "TLS-02.trusted"
symptom = "timeout"
reason = "seen in a run"
link = "https://acme.test/1"

[labels]
variant = "two nodes"
"""
    )
    profile = load(tmp_path, text)

    assert profile.capabilities["key_propagation"] == 120
    assert profile.capabilities["checksums"] == ("CRC32", "SHA256")
    assert profile.limits["parts"] == 1000
    assert (profile.cleanup.after, profile.cleanup.retroactive) == (86400, False)
    assert profile.deviations[0].symptom == "timeout"
    assert profile.labels == {"variant": "two nodes"}


def test_an_image_says_how_it_is_started(tmp_path):
    image = load(
        tmp_path,
        CONTAINED + 'command = ["server", "/data"]\n[endpoint.environment]\nROOT_PASSWORD = "{backup.secret}"\n',
    ).endpoint.image

    assert (image.port, image.certificate, image.key) == (9000, "/certs/public.crt", "/certs/private.key")
    assert image.command == ("server", "/data")
    assert image.environment == {"ROOT_PASSWORD": "{backup.secret}"}


def test_a_hook_is_found_beside_the_profile(tmp_path):
    (tmp_path / "start.sh").write_text("")

    assert (
        load(tmp_path, STARTED.replace("restoreproof.standins.endpoint", "start.sh")).endpoint.hook
        == tmp_path / "start.sh"
    )
    assert load(tmp_path, STARTED).endpoint.hook is None


def test_a_private_ca_is_read(tmp_path):
    pem = trustme.CA().cert_pem.bytes()
    (tmp_path / "ca.pem").write_bytes(pem)

    assert load(tmp_path, GOOD.replace("[keys", 'ca = "ca.pem"\n[keys')).endpoint.ca == pem.decode()


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(tmp_path):
    file = tmp_path / "acme.toml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())

    assert load_profile(str(file), ENVIRON).name == "acme"


@pytest.mark.parametrize("name", shipped_profiles())
def test_shipped_profiles_load_without_any_key(name):
    profile = load_profile(name, {}, load_register().requirements, require_keys=False)

    assert profile.name == name
    assert profile.keys == {}


def test_a_certificate_file_with_its_key_in_it_is_refused(tmp_path):
    leaf = trustme.CA().issue_cert("h", not_after=datetime.now(tz=UTC) + timedelta(days=1))
    (tmp_path / "both.pem").write_bytes(leaf.private_key_and_cert_chain_pem.bytes())

    assert problems(tmp_path, GOOD.replace("[keys", 'ca = "both.pem"\n[keys')) == [
        "7: [endpoint].ca: the file holds a private key; give a file with nothing but certificates"
    ]


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(ProfileError, match=r"is a directory; give a profile's \.toml file"):
        load_profile(f"{tmp_path}/", ENVIRON)


@pytest.mark.parametrize("name", ["embeded", "", "a\0b", "x" * 5000, "\udcff", "nul"])
def test_an_unknown_name_lists_the_shipped_ones(name):
    with pytest.raises(ProfileError) as error:
        load_profile(name, ENVIRON)

    assert all(shipped in str(error.value) for shipped in shipped_profiles())


def test_a_name_that_means_a_file_here_is_told_how_to_say_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.toml").write_text(GOOD)

    with pytest.raises(ProfileError, match=r"say \./acme\.toml"):
        load_profile("acme", ENVIRON)
