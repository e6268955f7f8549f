"""``restoreproof serve``: start a provider's local endpoint alone, for any client."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoreproof.fixtures.endpoints import EndpointError
from restoreproof.fixtures.endpoints.starting import give_bucket, put_defects_before, start_endpoint
from restoreproof.fixtures.housekeeper import CleanupError
from restoreproof.fixtures.rehearsing import composition, rehearsed
from restoreproof.providers.keys import ROLES
from restoreproof.providers.problems import ProfileError
from restoreproof.providers.profile import load_profile
from restoreproof.providers.ranges import LabelError, parse_labels
from restoreproof.reports.register import load_register
from restoreproof.standins.proxy.catalogue import chosen

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from restoreproof.fixtures.endpoints import Endpoint
    from restoreproof.providers.profile import Profile

DESCRIPTION = """\
Starts the embedded endpoint (or another local one) over TLS on a free loopback port, prints settings to paste, and
serves until Ctrl-C. A bucket is there; keys and data are made for this run and gone after it."""

USAGE = 4


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser("serve", help=summary, description=DESCRIPTION)
    parser.add_argument("--provider", default="embedded", metavar="NAME|FILE", help="a local provider (embedded)")
    parser.add_argument(
        "--defect", action="append", default=[], metavar="NAME", help="play this defect; may be repeated"
    )
    parser.add_argument(
        "--like", metavar="NAME|FILE", help="the embedded endpoint with the capabilities and limits of this profile"
    )
    parser.add_argument(
        "--label", action="append", default=[], metavar="NAME=VALUE", help="the release that it is like"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        profile, defects = _asked(args)
        chosen(defects)
    except (LabelError, ProfileError, LookupError) as problem:
        return _fail(str(problem), USAGE)
    if profile.endpoint.kind == "url":
        return _fail(f"{profile.name} is served by others at {profile.endpoint.url}; name a local provider", USAGE)
    try:
        with contextlib.ExitStack() as stack:
            endpoint = _start(profile, defects, stack)
            _say(_settings(endpoint, stack.enter_context(_ca_file(endpoint))))
            while not stop.wait(1):
                pass
    except KeyboardInterrupt:
        return 0
    except (EndpointError, CleanupError) as problem:
        return _fail(str(problem), 1)
    return 0


def _asked(args: argparse.Namespace) -> tuple[Profile, Sequence[str]]:
    """The profile to serve, and the defects to put before it."""
    known = load_register().requirements
    if not args.like:
        return load_profile(args.provider, os.environ, known, require_keys=False), args.defect
    labels = parse_labels(args.label)
    like = load_profile(args.like, os.environ, known, require_keys=False, labels=labels)
    return rehearsed(like, known), (*composition(like, known), *args.defect)


def _start(profile: Profile, defects: Sequence[str], stack: contextlib.ExitStack) -> Endpoint:
    """Start the endpoint with a bucket in it, for SQL Server can make none, and put the defects before it."""
    endpoint = start_endpoint(profile, (), stack)
    if not endpoint.bucket:
        endpoint = give_bucket(endpoint, profile.capabilities)
    return put_defects_before(endpoint, defects, stack)


@contextlib.contextmanager
def _ca_file(endpoint: Endpoint) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="restoreproof-serve-") as folder:
        path = Path(folder) / "ca.pem"
        path.write_text(endpoint.ca, encoding="ascii", newline="\n")
        yield path


def _settings(endpoint: Endpoint, ca: Path) -> str:
    """Two blocks, each to be pasted by itself: lines for a shell, and T-SQL."""
    pair = endpoint.keys["housekeeping"]
    url = endpoint.url.removeprefix("https://")
    lines = [
        f"# {endpoint.software} at {endpoint.url}, bucket {endpoint.bucket}; stop with Ctrl-C",
        "",
        "# for a shell:",
        f"export AWS_ENDPOINT_URL={endpoint.url}",
        f"export AWS_CA_BUNDLE={ca}",
        f"export AWS_REGION={endpoint.region}",
        f"export AWS_ACCESS_KEY_ID={pair.id.reveal()}",
        f"export AWS_SECRET_ACCESS_KEY={pair.secret.reveal()}",
    ]
    for role in ROLES if endpoint.separate_keys else ():
        named = endpoint.keys[role]
        lines.append(f"export RESTOREPROOF_{role.upper()}_ID={named.id.reveal()}")
        lines.append(f"export RESTOREPROOF_{role.upper()}_SECRET={named.secret.reveal()}")
    place = f"s3://{url}/{endpoint.bucket}"
    lines += [
        "",
        f"-- for SQL Server, once it trusts the CA in {ca}:",
        f"CREATE CREDENTIAL [{place}] WITH IDENTITY = 'S3 Access Key',",
        f"    SECRET = '{endpoint.keys['backup'].id.reveal()}:{endpoint.keys['backup'].secret.reveal()}';",
        f"BACKUP DATABASE [YourDatabase] TO URL = '{place}/YourDatabase.bak' WITH COMPRESSION;",
    ]
    return "\n".join(lines)


def _fail(message: str, code: int) -> int:
    print(f"restoreproof serve: {message}", file=sys.stderr)  # noqa: T201 - a command's own error line
    return code


def _say(text: Any) -> None:
    print(text, flush=True)  # noqa: T201 - what the command is for
