"""Writes the profile that a user begins with: every line explained, or as a shipped profile has it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from restoreproof.providers.endpoint import NOBODY
from restoreproof.providers.facts import load_facts
from restoreproof.providers.profile import SLUG, Profile, ProfileError, load_profile, shipped_profiles
from restoreproof.reports.register import load_register

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OK = 0
BAD_USAGE = 4

STARTER = """\
# {name}: a RestoreProof profile. When done: restoreproof profile check {file}
name  = "{name}"
title = "{name}"  # the name shown in reports

[endpoint]
url    = "https://s3.example.test:9000"  # host and port as they will stand in SQL Server's s3:// URLs
# ca   = "{name}-ca.pem"  # certificates to trust, relative to this file; left out: the public CAs
region = "us-east-1"
style  = "path"  # or "virtual": the bucket in front of the host name
# bucket = "sqlbackups"  # a bucket that exists; left out, a run makes one and removes it again
{keys}
[capabilities]  # only what differs from the defaults
# virtual_host = true

# [cleanup]  # who removes what a failed backup leaves: lifecycle, admin-rule, built-in or manual
# mechanism = "lifecycle"
# after     = "7d"

# [[deviations]]  # a check that is known to fail; add one only when a run has shown it
# check   = "ABORT-03.listed-by-prefix"
# symptom = "not-listed"
# reason  = "one sentence"
# link    = "https://..."
# intermittent = true          # it comes and goes: a run that does not show it proves nothing
# seen_in = "firmware < 12.1"  # the releases that do so, by a label of the run: --label firmware=12.0

# [labels]  # what runs are labelled with, unless --label says otherwise
# firmware = "12.0"
"""
"""A profile that loads once its two variables are set."""

ALIKE = """\
# {name}: a RestoreProof profile, begun as {like}. When done: restoreproof profile check {file}
name  = "{name}"
title = "{title}"  # the name shown in reports; add the release
{facts}
[endpoint]
url    = "{url}"  # host and port as they will stand in SQL Server's s3:// URLs
# ca   = "{name}-ca.pem"  # certificates to trust, relative to this file; left out: the public CAs
region = "{region}"
style  = "{style}"
{bucket}bucket = "sqlbackups"  # a bucket that exists; left out, a run makes one and removes it again
{keys}
"""
"""What comes before the lines of the shipped profile."""

KEYS = """
[keys.backup]  # names of environment variables, never the keys themselves (or id_file and secret_file)
id     = "{variable}_KEY_ID"
secret = "{variable}_SECRET"
# [keys.restore] and [keys.housekeeping]: keys that may only read, and that clean up; left out, [keys.backup] serves.
# [keys.list_only], [keys.put_only], [keys.get_only]: keys with that one right each, to have each right shown apart.
"""

OWN = ("endpoint", "keys", "labels", "usage")
"""Tables of a shipped profile that belong to its own installation."""

_HEADER = re.compile(r"\[+([a-z_]+)[].]")
_NUMBER = re.compile(r"[0-9]+")
_HTTPS = 443


def write_starter(name: str, file: Path, like: str | None = None) -> int:
    """Write a commented profile to a file that does not exist yet.

    :param like: the shipped profile whose vendor it is; none for a store of which nothing is known.
    :returns: 0, or 4 with one line on standard error.
    """
    if not SLUG.fullmatch(name):
        return _refuse("the name of a provider is made of small letters, digits and _, such as acme_store")
    if name in shipped_profiles():
        return _refuse(f"a profile named {name} is shipped already; choose another name, such as {name}_site")
    try:
        text = _starter(name, file) if like is None else _alike(name, file, like)
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except ProfileError as problem:
        return _refuse(f"--like {problem}")
    except FileExistsError:
        return _refuse(f"{file} exists and is left as it is; name another file with --output")
    except OSError as problem:
        return _refuse(f"{file} cannot be written: {problem.strerror}")
    sys.stdout.write(f"wrote {file}; fill in url and keys, then: restoreproof profile check {_path(file)}\n")
    return OK


def _starter(name: str, file: Path) -> str:
    return STARTER.format(name=name, file=file, keys=KEYS.format(variable=_variable(name)))


def _alike(name: str, file: Path, like: str) -> str:
    """The head of a profile of one's own, then what the shipped one says of the vendor, with its links."""
    profile = load_profile(like, {}, load_register().requirements, require_keys=False)
    endpoint = profile.endpoint
    head = ALIKE.format(
        name=name,
        file=file,
        like=like,
        title=profile.title,
        facts=f'facts = "{profile.facts}"\n' if profile.facts else "",
        url=_url(name, profile),
        region=endpoint.region,
        style=endpoint.style,
        bucket="" if profile.capabilities["bucket_creation"] != "s3" else "# ",
        keys=KEYS.format(variable=_variable(name)),
    )
    yours = {key: value for key, value in profile.labels.items() if key != "lab"}
    labels = [f'{key} = "{value}"  # of {like}; is it yours?\n' for key, value in yours.items()]
    shared = "".join(_shared(profile.path.read_text(encoding="utf-8").splitlines(keepends=True)))
    return head + "".join(["[labels]\n", *labels, "\n"] if labels else []) + shared.strip("\n") + "\n"


def _shared(lines: list[str]) -> Iterator[str]:
    """The tables that speak of the vendor; a comment goes with the table below it."""
    kept = False
    waiting: list[str] = []
    for line in lines:
        header = _HEADER.match(line)
        if header:
            kept = header[1] not in OWN
        if line.startswith("#") or not line.strip():
            waiting.append(line)
            continue
        if kept:
            yield from (*waiting, line)
        waiting.clear()


def _url(name: str, profile: Profile) -> str:
    """An example with the vendor's port; an address that is the vendor's own for everybody is taken along."""
    endpoint = profile.endpoint
    if endpoint.url and not endpoint.is_placeholder:
        return endpoint.url
    port = port_of(profile)
    return f"https://{name.replace('_', '-')}{NOBODY}" + ("" if port == _HTTPS else f":{port}")


def port_of(profile: Profile) -> int:
    """The port of the URL, else the first that the facts name, else 443."""
    if profile.endpoint.url:
        return urlsplit(profile.endpoint.url).port or _HTTPS
    facts = load_facts(profile.facts, profile.labels.get("variant")) if profile.facts else None
    found = _NUMBER.search(str(facts.value("endpoint.https_port")) if facts else "")
    return int(found[0]) if found else _HTTPS


def _variable(name: str) -> str:
    """How the variables of a provider begin; none may begin with a digit."""
    return f"S3_{name.upper()}" if name[0].isdigit() else name.upper()


def _path(file: Path) -> str:
    """The file so that it is taken for a path and not for a shipped name."""
    return str(file) if len(file.parts) > 1 else f"./{file}"


def _refuse(text: str) -> int:
    sys.stderr.write(f"restoreproof profile new: {text}\n")
    return BAD_USAGE
