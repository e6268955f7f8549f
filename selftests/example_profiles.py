"""Example profiles for the self-tests: three good ones, what surrounds them, and how to load them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from restoreproof.providers.profile import Profile, ProfileError, load_profile

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "cAnArY0123456789/+secret"
ENVIRON = {"ACME_ID": "ACMEID", "ACME_SECRET": CANARY, "EMPTY_ID": ""}
CHECKS = ("ABORT-03.list-by-prefix", "TLS-02.trusted", "MPU-01.parts")
DIGEST = "sha256:" + "0123456789abcdef" * 4

GOOD = """\
name = "acme"
title = "Acme, two nodes"

[endpoint]
url = "https://s3.acme.test:9000"

[keys.backup]
id = "ACME_ID"
secret = "ACME_SECRET"
"""
STARTED = """\
name = "acme"
title = "Acme"

[endpoint]
program = "restoreproof.standins.endpoint"
"""
CONTAINED = f"""\
name = "acme"
title = "Acme"

[endpoint]
image = "quay.io/acme/s3@{DIGEST}"
port = 9000
certificate = "/certs/public.crt"
key = "/certs/private.key"
"""
DEVIATION = """\
[[deviations]]
check = "TLS-02.trusted"
symptom = "timeout"
reason = "r"
link = "https://acme.test/1"
"""
EXAMPLES = {
    "url": GOOD,
    "program": STARTED,
    "image": CONTAINED,
    "deviations": GOOD + DEVIATION.replace("TLS-02.trusted", "MPU-01.parts") + DEVIATION,
}


def load(folder: Path, text: str | bytes, **options: Any) -> Profile:
    """The profile that the text describes, as a file in a folder."""
    file = folder / "acme.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return load_profile(str(file), ENVIRON, CHECKS, **options)


def problems(folder: Path, text: str | bytes, **options: Any) -> list[str]:
    """What is told of a profile that must be refused, each problem without the file's name."""
    with pytest.raises(ProfileError) as error:
        load(folder, text, **options)
    file = str(folder / "acme.toml")
    assert all(line.startswith(file) for line in str(error.value).splitlines())
    return [line.removeprefix(file).removeprefix(":") for line in str(error.value).splitlines()]


def spell_toml(value: Any) -> str:
    """A value as TOML, tables inline; None becomes a date, for TOML has no null."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {spell_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",\n ".join(map(spell_toml, value)) + "]"
    return "2026-01-01" if value is None else json.dumps(value)
