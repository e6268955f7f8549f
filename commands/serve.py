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

from restoreproof.fixtures.endpoints import ROLES, EndpointError
from restoreproof.fixtures.endpoints.starting import start_endpoint
from restoreproof.providers.problems import ProfileError
from restoreproof.providers.profile import load_profile

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from restoreproof.fixtures.endpoints import Endpoint

DESCRIPTION = """\
Starts the embedded endpoint (or another local one) over TLS on a free loopback port, prints settings to paste, and
serves until Ctrl-C. Keys and data are made for this run and gone after it."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "serve", help="start the embedded endpoint alone, for any client", description=DESCRIPTION
    )
    parser.add_argument("--provider", default="embedded", metavar="NAME|FILE", help="a local provider (embedded)")
    parser.add_argument(
        "--defect", action="append", default=[], metavar="NAME", help="play this defect; may be repeated"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        with contextlib.ExitStack() as stack:
            profile = load_profile(args.provider, os.environ)
            endpoint = start_endpoint(profile, args.defect, stack)
            ca = stack.enter_context(_ca_file(endpoint))
            _say(_settings(endpoint, ca))
            while not stop.wait(1):
                pass
    except KeyboardInterrupt:
        return 0
    except (ProfileError, EndpointError) as problem:
        print(f"restoreproof serve: {problem}", file=sys.stderr)  # noqa: T201 - a command's own error line
        return 4 if isinstance(problem, ProfileError) else 1
    return 0


@contextlib.contextmanager
def _ca_file(endpoint: Endpoint) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="restoreproof-serve-") as folder:
        path = Path(folder) / "ca.pem"
        path.write_text(endpoint.ca, encoding="ascii", newline="\n")
        yield path


def _settings(endpoint: Endpoint, ca: Path) -> str:
    """Lines to paste into a shell, and the same as T-SQL."""
    pair = endpoint.keys["housekeeping"]
    url = endpoint.url.removeprefix("https://")
    lines = [
        f"# {endpoint.software} at {endpoint.url}; stop with Ctrl-C",
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
    bucket = endpoint.bucket or "BUCKET"
    lines += [
        "-- T-SQL, once SQL Server trusts the CA above:",
        f"CREATE CREDENTIAL [s3://{url}/{bucket}] WITH IDENTITY = 'S3 Access Key',",
        f"    SECRET = '{endpoint.keys['backup'].id.reveal()}:{endpoint.keys['backup'].secret.reveal()}';",
        f"BACKUP DATABASE [YourDatabase] TO URL = 's3://{url}/{bucket}/YourDatabase.bak' WITH COMPRESSION;",
    ]
    return "\n".join(lines)


def _say(text: Any) -> None:
    print(text, flush=True)  # noqa: T201 - what the command is for
