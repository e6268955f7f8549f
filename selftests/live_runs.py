"""Runs that are watched while they live, and what they leave at their endpoint and on this machine."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import boto3
from botocore.config import Config
from defective_runs import ENGINELESS

from restoreproof.standins.waiting import wait_until

COMMAND = (sys.executable, "-m", "restoreproof.commands.main")
PYTEST = (
    sys.executable,
    "-m",
    "pytest",
    "--pyargs",
    "restoreproof.suites",
    *ENGINELESS,
    "-p",
    "no:cacheprovider",
    "-p",
    "no:randomly",
)
PATIENCE = 60


def with_engine(words):
    """The words of a command; a run that names no engine has none."""
    return [*words, *(ENGINELESS if words[:1] == ("certify",) and "--engine" not in words else ())]


class LiveRun:
    """A command in a session of its own, as a terminal starts it; its output goes to a file."""

    def __init__(self, lab, output, *words, environment=None, command=COMMAND):
        self.output = output
        with output.open("wb") as stream:
            self.process = subprocess.Popen(
                [*command, *with_engine(words)],
                env={**lab.environment, **(environment or {})},
                cwd=lab.folder,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self):
        return self.output.read_text(encoding="utf-8")

    def wait_until_it_says(self, text):
        wait_until(lambda: text in self.said or self.process.poll() is not None, PATIENCE, f"{text!r}: {self.said}")

    def press_ctrl_c(self):
        """What a terminal does: every process of the foreground group is told."""
        self.tell_all(signal.SIGINT)

    def tell_all(self, number):
        os.killpg(self.process.pid, number)

    def code(self):
        return self.process.wait(PATIENCE)

    def processes(self):
        """The processes of its session that still live, whatever their group."""
        return [pid for pid, session in sessions() if session == self.process.pid]

    def wait_until_nothing_lives(self):
        wait_until(lambda: not self.processes(), PATIENCE, "the end of every process of the run")


@contextmanager
def live_run(lab, output, *words, **special):
    """A run that is killed with all its processes should the test fail before it ends."""
    run = LiveRun(lab, output, *words, **special)
    try:
        yield run
    finally:
        for pid in run.processes():
            os.kill(pid, signal.SIGKILL)
        run.process.wait()


def sessions():
    """Process and session of everything that lives on this machine; zombies do not."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, _group, session = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if state != "Z":
            yield int(stat.parent.name), int(session)


class Store:
    """Everything the endpoint holds, as its operator sees it."""

    def __init__(self, lab, role="housekeeping"):
        pair = lab.endpoint.keys[role]
        self.s3 = boto3.client(
            "s3",
            endpoint_url=lab.endpoint.url,
            region_name=lab.endpoint.region,
            aws_access_key_id=pair.id.reveal(),
            aws_secret_access_key=pair.secret.reveal(),
            verify=str(lab.folder / "ca.pem"),
            config=Config(proxies={}, request_checksum_calculation="when_required"),
        )

    def holds(self):
        """Every bucket with its keys and its open uploads; not one that a run removes meanwhile."""
        found = {}
        for row in self.s3.list_buckets()["Buckets"]:
            with suppress(self.s3.exceptions.NoSuchBucket):
                found[row["Name"]] = (self.keys(row["Name"]), self.uploads(row["Name"]))
        return found

    def keys(self, bucket):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(row["Key"] for page in pages for row in page.get("Contents", ()))

    def uploads(self, bucket):
        pages = self.s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
        return sorted((row["Key"], row["UploadId"]) for page in pages for row in page.get("Uploads", ()))

    def plant(self, bucket, *keys):
        """A bucket with objects of these names, and an open upload beside each."""
        self.s3.create_bucket(Bucket=bucket)
        for key in keys:
            self.s3.put_object(Bucket=bucket, Key=key, Body=b"somebody else's")
            self.s3.create_multipart_upload(Bucket=bucket, Key=key + ".open")


def ledgers(lab):
    """The folders of all ledgers in the laboratory's state directory."""
    return sorted((lab.folder / "state").glob("restoreproof/ledger/*"))
