"""Runs the suites against the embedded endpoint behind the defect proxy, as a user would, and reads what came out."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from restoreproof.fixtures.endpoints.starting import start_endpoint
from restoreproof.providers.keys import ROLES
from restoreproof.providers.profile import load_profile
from restoreproof.reports.reader import read_run
from restoreproof.reports.register import load_register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from restoreproof.fixtures.endpoints import Endpoint
    from restoreproof.providers.profile import Profile
    from restoreproof.reports.record import Run

ENGINELESS = ("--engine", "none")
"""Most self-tests are about the wire; those about an engine say so."""

REGISTER = load_register()

PROFILE = """\
name  = "{name}"
title = "An endpoint of the self-tests"

[endpoint]
url       = "{url}"
ca        = "ca.pem"
region    = "{region}"
domain    = "{domain}"
addresses = {addresses}
{bucket}

[capabilities]
virtual_host = true
versioning   = true

[limits]
part_minimum = {part_minimum}
"""

CONSENT = "--consent-to-retained-objects"
"""Some defects say that the bucket keeps what is written to it."""

DEVIATION = """
[[deviations]]
check   = "{check}"
symptom = "{symptom}"
reason  = "Declared by the server's own profile."
link    = "{link}"
"""

KEYS = """
[keys.{role}]
id     = "SELFTEST_{variable}_ID"
secret = "SELFTEST_{variable}_SECRET"
"""


@dataclass(frozen=True)
class Laboratory:
    """A running endpoint, and a profile that names it by its URL.

    :ivar stop: ends the endpoint before its time.
    :ivar own: the checks that deviate without any defect, as the server's own profile declares, and this one with it.
    """

    endpoint: Endpoint
    folder: Path
    profile: Path
    environment: dict[str, str]
    own: frozenset[str] = frozenset()
    stop: Callable[[], None] = lambda: None

    def certify(self, *arguments: str, report_dir: str | None = None) -> tuple[subprocess.CompletedProcess[str], Run]:
        """Run ``restoreproof certify`` against the endpoint and read its run file."""
        reports = Path(report_dir or tempfile.mkdtemp(dir=self.folder))
        done = self.command("certify", "--provider", str(self.profile), "--report-dir", str(reports), *arguments)
        files = sorted(reports.glob("*/*/run.jsonl"))
        assert files, done.stdout + done.stderr
        return done, read_run(files[-1])

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a ``restoreproof`` command to its end."""
        engine = ENGINELESS if arguments[0] == "certify" and "--engine" not in arguments else ()
        words = [sys.executable, "-m", "restoreproof.commands.main", *arguments, *engine]
        return subprocess.run(
            words, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=600, check=False
        )

    def observe(self, defect: str, checks: Sequence[str] = (), scale: str = "smoke") -> Run:
        """The run of these checks (all of them when none is named) behind one defect."""
        chosen = [word for check in checks for word in ("--check", check)]
        engine = ("--engine", "standin") if any(REGISTER[check].phase == "engine" for check in checks) else ENGINELESS
        words = ("--defect", defect, "--scale", scale, "--require", "as-declared", CONSENT, *engine)
        return self.certify(*words, *chosen)[1]


def declared(profile: Profile) -> str:
    """What a profile declares, without the releases."""
    return "".join(
        DEVIATION.format_map(vars(deviation)) + ("intermittent = true\n" if deviation.intermittent else "")
        for deviation in profile.deviations
    )


@contextmanager
def laboratory(name: str = "laboratory", bucket: str = "", provider: str = "embedded") -> Iterator[Laboratory]:
    """A server, the embedded endpoint unless another is named, started once for many runs, with a state of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="restoreproof-laboratory-")))
        profile = load_profile(provider, os.environ, load_register().requirements)
        server = stack.enter_context(ExitStack())
        endpoint = start_endpoint(profile, (), server)
        file = write_profile(folder, endpoint, name, bucket or endpoint.bucket, profile.limits["part_minimum"])
        with file.open("a", encoding="utf-8") as more:
            more.write(declared(profile))
        own = frozenset(deviation.check for deviation in profile.deviations)
        yield Laboratory(endpoint, folder, file, environment(folder, endpoint), own, server.close)


def many_parts_laboratory() -> AbstractContextManager[Laboratory]:
    """A program that takes parts of any size in a millisecond each, so that thousands of them cost seconds."""
    return laboratory("many_parts", provider="rclone")


def write_profile(
    folder: Path, endpoint: Endpoint, name: str, bucket: str = "", part_minimum: int = 5 * 1024 * 1024
) -> Path:
    """A profile that names a running endpoint by its URL and its keys by variables."""
    (folder / "ca.pem").write_text(endpoint.ca, encoding="ascii")
    text = PROFILE.format(
        name=name,
        url=endpoint.url,
        region=endpoint.region,
        domain=endpoint.domain,
        addresses=list(endpoint.addresses),
        bucket=f'bucket = "{bucket}"' if bucket else "",
        part_minimum=part_minimum,
    )
    profile = folder / f"{name}.toml"
    profile.write_text(
        text
        + "".join(KEYS.format(role=role, variable=role.upper()) for role in dict.fromkeys((*ROLES, *endpoint.keys))),
        encoding="utf-8",
    )
    return profile


def environment(folder: Path, endpoint: Endpoint) -> dict[str, str]:
    """This process' environment with the endpoint's keys, and with a state directory in the folder."""
    keys = {}
    for role, pair in endpoint.keys.items():
        keys[f"SELFTEST_{role.upper()}_ID"] = pair.id.reveal()
        keys[f"SELFTEST_{role.upper()}_SECRET"] = pair.secret.reveal()
    return {**os.environ, **keys, "XDG_STATE_HOME": str(folder / "state")}
