"""Starts stand-ins as their users do, and looks at what is left of them."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from restoreproof.standins.waiting import wait_until


class RunningStandin:
    """A stand-in with its own temporary folder, the line it said, and its process."""

    def __init__(self, command, temporary, settings=None):
        self.temporary = temporary
        environment = {**os.environ, "TMPDIR": str(temporary)}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self.process.stdin.write(json.dumps(settings or {}).encode() + b"\n")
        self.process.stdin.flush()
        self.ready = json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(timeout=20)

    def folders(self):
        return sorted(self.temporary.glob("restoreproof-*"))

    def client(self, role="housekeeping", pair=None, **shape):
        return client(self.ready, pair or self.ready["keys"][role], **shape)


def module(name):
    return [sys.executable, "-m", f"restoreproof.standins.{name}"]


def client(ready, pair, **shape):
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as authority:
        authority.write(ready["ca"])
    made = boto3.client(
        "s3",
        endpoint_url=ready["url"],
        region_name=ready["region"],
        aws_access_key_id=pair["id"],
        aws_secret_access_key=pair["secret"],
        verify=authority.name,
        config=Config(
            retries={"total_max_attempts": 1},
            proxies={},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            **shape,
        ),
    )
    made.list_buckets  # noqa: B018 - the client reads its authority on the first call, so the file stays
    return made


def answer(call, **arguments):
    """The S3 code of a refusal, or None when the call was answered."""
    try:
        call(**arguments)
    except ClientError as refusal:
        return refusal.response["Error"]["Code"]
    return None


def groups_below(pid):
    """The process groups of a process's children."""
    return {group for parent, group, state in _processes() if parent == pid and state != "Z"} - {os.getpgid(pid)}


def wait_until_ended(groups):
    """Wait for every process of the groups to end; ended ones that nobody collects (zombies) count as ended."""
    wait_until(lambda: not {g for _, g, state in _processes() if g in groups and state != "Z"}, 10, f"end of {groups}")


def _processes():
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        yield int(parent), int(group), state
