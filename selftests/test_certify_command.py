"""What the command line takes, what it refuses in one line, and what becomes of an endpoint that is none."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import boto3
import example_runs as examples
import pytest
from botocore.config import Config
from defective_runs import Laboratory, environment, laboratory, write_profile
from live_runs import COMMAND, PYTEST, Store, ledgers, live_run
from recording_server import KEYS, recording

from restoreproof.fixtures.endpoints import Endpoint
from restoreproof.reports.reader import read_run
from restoreproof.standins.certificates import Authority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the embedded endpoint runs on Linux only")

ROOT = Path(__file__).parent.parent
USAGE = 4
FEW = ("--check", "TLS-02.chain-to-given-ca", "--check", "MPU-15.bytes-exact", "--check", "ABORT-03.abort-frees-upload")
OPTIONS = {
    "certify": "--provider --label --rehearse --check --area --level --require --defect --scale --max-bytes --max-rate "
    "--report-dir --list --plan --deadline --check-deadline",
    "serve": "--provider --defect --like --label",
    "sweep": "--provider",
    "report": "--format --output",
    "profile new": "--output",
    "compare": "RUN",
    "profile check": "NAME|FILE --label",
}


@pytest.fixture(scope="module")
def lab():
    with laboratory() as running:
        yield running


def call(*words, **special):
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=120, check=False, **special)


@pytest.mark.parametrize("command", OPTIONS)
def test_help_names_every_option(command):
    done = call(*command.split(), "--help")

    assert done.returncode == 0
    assert [option for option in OPTIONS[command].split() if option not in done.stdout] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "COMMAND"),
        ("certfy", "certfy"),
        ("certify", "--provider"),
        ("certify --provider embeded", "did you mean 'embedded'?"),
        ("certify --provider ./absent.toml", "absent.toml"),
        ("certify --provider embedded --check TLS-02.chain-to-given-c", "did you mean 'TLS-02.chain-to-given-ca'?"),
        ("certify --provider embedded --area abrot", "did you mean 'abort'?"),
        ("certify --provider embedded --level shuold", "did you mean 'should'?"),
        ("certify --provider embedded --require certifid", "did you mean 'certified'?"),
        ("certify --provider embedded --label firmware", "--label firmware=12.1"),
        ("certify --provider embedded --plan --label firmware=1 --label firmware=2", "given twice"),
        ("certify --provider embedded --bogus", "--bogus"),
        ("certify --provider embedded -n", "-n"),
        ("certify --provider embedded stray", "'stray'"),
        ("sweep", "--provider"),
        ("sweep --provider embeded", "did you mean 'embedded'?"),
        ("serve --provider embeded", "did you mean 'embedded'?"),
        ("serve stray", "'stray'"),
        ("report", "RUN"),
        ("compare runs/none runs/none", "there is no run file"),
    ],
)
def test_wrong_words_are_refused_in_one_line(words, said, tmp_path):
    done = call(*words.split(), cwd=tmp_path)

    assert (done.returncode, done.stdout) == (USAGE, "")
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_keys_that_nobody_set_are_named(lab, tmp_path):
    told = {name: value for name, value in lab.environment.items() if name != "SELFTEST_RESTORE_SECRET"}

    done = call("certify", "--provider", str(lab.profile), env=told, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (USAGE, "")
    assert "SELFTEST_RESTORE_SECRET" in done.stderr


def test_labels_are_recorded_and_a_range_without_its_label_starts_nothing(lab, tmp_path):
    ranged = lab.folder / "ranged.toml"
    deviation = 'check = "MPU-15.bytes-exact"\nsymptom = "x"\nreason = "r"\nlink = "https://x.test"'
    ranged.write_text(f'{lab.profile.read_text()}\n[[deviations]]\n{deviation}\nseen_in = "firmware < 12.1"\n')
    words = ("certify", "--provider", str(ranged), "--report-dir", str(tmp_path / "runs"), *FEW)

    refused = lab.command(*words)
    done = lab.command(*words, "--label", "firmware=12.1", "--label", "topology=4-node")

    assert (refused.returncode, refused.stdout, len(refused.stderr.strip().splitlines())) == (USAGE, "", 1)
    assert "[[deviations]].seen_in: the run has no label 'firmware'; say --label firmware=VERSION" in refused.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    run = read_run(next((tmp_path / "runs").glob("*/*")))
    assert {"firmware": "12.1", "topology": "4-node"}.items() <= run.header.labels.items()


def test_two_profiles_of_one_name_are_refused(lab, tmp_path):
    twin = write_profile(tmp_path, lab.endpoint, lab.profile.stem)

    done = lab.command("certify", "--provider", str(lab.profile), "--provider", str(twin))

    assert (done.returncode, done.stdout) == (USAGE, "")
    assert "two profiles are called 'laboratory'" in done.stderr


@pytest.mark.parametrize("words", [("--list",), ("--plan",), ("--list", "--area", "tls")])
def test_list_and_plan_start_nothing(words, tmp_path):
    done = call("certify", *words, cwd=tmp_path)

    assert (done.returncode, done.stderr, list(tmp_path.iterdir())) == (0, "", [])
    assert ("TLS-02.chain-to-given-ca" if "--list" in words else "rights:") in done.stdout
    assert ("ABORT-03" in done.stdout) == (words == ("--list",))


def verdicts(run):
    return {record.id: record.verdict for record in run.records}


def test_same_verdicts_however_it_is_called(lab, tmp_path):
    """Every process count, and plain pytest from the clone or on the installed package, say the same."""
    expected = verdicts(lab.certify(*FEW, "-n", "0")[1])
    assert sorted(set(expected.values())) == ["conforms", "not run"]
    for workers in ("2", "8"):
        assert verdicts(lab.certify(*FEW, "-n", workers)[1]) == expected
    for where, words in ((ROOT, [*PYTEST[:3], "-p", "no:randomly"]), (tmp_path, PYTEST)):
        reports = tmp_path / where.name
        whole = [*words, "--provider", str(lab.profile), "--report-dir", str(reports), *FEW]
        done = subprocess.run(whole, env=lab.environment, cwd=where, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout
        assert verdicts(read_run(next(reports.glob("*/*")))) == expected


def test_run_of_a_part_is_judged_by_what_the_profile_declares_alone(lab):
    done, run = lab.certify("--defect", "abort-ignored", "--check", "ABORT-03.abort-frees-upload")
    assert (done.returncode, run.footer.rung) == (1, "no outcome")
    done, run = lab.certify(*FEW, "--require", "certified")
    assert (done.returncode, run.footer.rung) == (0, "no outcome")


def test_several_providers_get_a_run_each(lab, tmp_path):
    second = write_profile(tmp_path, lab.endpoint, "second")

    done = lab.command(
        "certify",
        "--provider",
        str(lab.profile),
        "--provider",
        str(second),
        "--report-dir",
        str(tmp_path / "runs"),
        *FEW,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    runs = [read_run(folder) for folder in sorted((tmp_path / "runs").glob("*/*"))]
    assert [run.header.provider["name"] for run in runs] == ["laboratory", "second"]
    assert verdicts(runs[0]) == verdicts(runs[1])


def test_provider_that_cannot_be_reached_leaves_nothing_of_the_one_before(lab, tmp_path):
    before = Store(lab).holds()
    closed = write_profile(tmp_path, at(closed_port(), ca=lab.endpoint.ca), "closed")
    reports = tmp_path / "runs"

    done = lab.command(
        "certify", "--provider", str(lab.profile), "--provider", str(closed), "--report-dir", str(reports)
    )

    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
    assert Store(lab).holds() == before
    assert (ledgers(lab), list(reports.rglob("*"))) == ([], [])


def test_bucket_that_is_not_there_is_said_before_anything_is_judged(lab, tmp_path):
    profile = write_profile(tmp_path, lab.endpoint, "typo", "no-such-bucket")

    done = lab.command("certify", "--provider", str(profile), "--report-dir", str(tmp_path / "runs"), *FEW)

    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
    assert "there is no bucket no-such-bucket" in done.stderr
    assert (ledgers(lab), list(tmp_path.rglob("run.jsonl"))) == ([], [])


@pytest.mark.parametrize("role", ["backup", "restore", "housekeeping", "put_only"])
@pytest.mark.parametrize(("half", "code"), [("ID", "InvalidAccessKeyId"), ("SECRET", "SignatureDoesNotMatch")])
def test_key_that_the_endpoint_does_not_know_is_said_before_anything_is_judged(lab, tmp_path, role, half, code):
    before = Store(lab).holds()
    variable = f"SELFTEST_{role.upper()}_{half}"
    other = {variable: lab.environment[variable][::-1]}

    done = replace(lab, environment=lab.environment | other).command(
        "certify", "--provider", str(lab.profile), "--report-dir", str(tmp_path), *FEW
    )

    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
    assert f"refuses [keys.{role}] ({code}: " in done.stderr
    assert other[variable] not in done.stdout + done.stderr
    assert Store(lab).holds() == before
    assert (ledgers(lab), list(tmp_path.rglob("run.jsonl"))) == ([], [])


@pytest.mark.parametrize("words", [("--thorough", "-4"), ("--seed", "-1")])
def test_number_below_zero_is_no_number_of_sequences(tmp_path, words):
    done = call("certify", "--provider", "embedded", *words, cwd=tmp_path)

    assert (done.returncode, list(tmp_path.iterdir())) == (4, [])
    assert "not below 0" in done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["file", "below a file"])
def test_report_dir_that_cannot_be_written_is_said_before_anything_is_made(lab, tmp_path, kind):
    before = Store(lab).holds()
    (tmp_path / "file").write_text("in the way")
    place = tmp_path / "file" if kind == "file" else tmp_path / "file" / "below"

    done = lab.command("certify", "--provider", str(lab.profile), "--report-dir", str(place), *FEW)

    assert (done.returncode, len(done.stderr.strip().splitlines())) == (4, 1)
    assert "--report-dir" in done.stderr
    assert Store(lab).holds() == before
    assert ledgers(lab) == []


def at(port, host="localhost", ca="", addresses=("127.0.0.1",)):
    ca = ca or Authority().pem
    return Endpoint(f"https://{host}:{port}", ca, "us-east-1", "path", "s3.localhost", addresses, "", KEYS, "url")


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def blunt(reply):
    """A server that answers the first bytes of anybody with the same words."""

    def serve():
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(10)
                with connection, suppress(OSError):
                    connection.recv(4096)
                    connection.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield at(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def certify_at(endpoint, tmp_path):
    lab = Laboratory(
        endpoint, tmp_path, write_profile(tmp_path, endpoint, "odd", endpoint.bucket), environment(tmp_path, endpoint)
    )
    done = lab.command("certify", "--provider", str(lab.profile), "--report-dir", str(tmp_path / "runs"), *FEW)
    return done, sorted((tmp_path / "runs").glob("*/*/run.jsonl")), ledgers(lab)


@pytest.mark.parametrize(
    "words", [{}, {"host": "no-such-host.invalid", "addresses": ()}], ids=["closed port", "no name"]
)
def test_endpoint_that_nobody_answers_for_is_one_line(tmp_path, words):
    done, runs, left = certify_at(at(closed_port(), **words), tmp_path)

    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
    assert re.search(r"nothing listens on|no DNS entry", done.stderr)
    assert (runs, left) == ([], [])


@pytest.mark.parametrize(
    "reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 100, b""], ids=["http", "zeros", "hangs up"]
)
def test_endpoint_without_tls_comes_to_verdicts(tmp_path, reply):
    with blunt(reply) as endpoint:
        done, runs, left = certify_at(endpoint, tmp_path)

    assert done.returncode == 1
    assert verdicts(read_run(runs[0]))["TLS-02.chain-to-given-ca"] == "fails"
    assert left == []


@pytest.mark.parametrize("ca", ["", Authority().pem], ids=["its own CA", "another CA"])
def test_endpoint_that_talks_nonsense_over_tls_comes_to_verdicts(tmp_path, ca):
    with recording(lambda _: b"nonsense\r\n\r\n") as server:
        done, runs, _ = certify_at(at(server.endpoint.port, ca=ca or server.endpoint.ca), tmp_path)

    assert done.returncode == 1
    assert verdicts(read_run(runs[0]))["TLS-02.chain-to-given-ca"] == ("fails" if ca else "conforms")
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_settings_that_work_and_leaves_nothing(lab, tmp_path, number):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with live_run(lab, tmp_path / "said", "serve", environment={"TMPDIR": str(temporary)}) as run:
        run.wait_until_it_says("BACKUP DATABASE")
        told = dict(re.findall(r"^export (\w+)=(.*)$", run.said, re.MULTILINE))
        s3 = boto3.client(
            "s3",
            endpoint_url=told["AWS_ENDPOINT_URL"],
            region_name=told["AWS_REGION"],
            aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
            verify=told["AWS_CA_BUNDLE"],
            config=Config(proxies={}),
        )
        assert [row["Name"] for row in s3.list_buckets()["Buckets"]] == ["sqlbackups"]
        assert f"BACKUP DATABASE [YourDatabase] TO URL = 's3://{told['AWS_ENDPOINT_URL'][8:]}/sqlbackups/" in run.said
        s3.create_bucket(Bucket="mine")
        s3.put_object(Bucket="mine", Key="key", Body=b"hello")
        assert s3.get_object(Bucket="mine", Key="key")["Body"].read() == b"hello"
        os.killpg(run.process.pid, number) if number == signal.SIGINT else run.process.send_signal(number)

        assert run.code() == 0, run.said
        run.wait_until_nothing_lives()
    assert list(temporary.iterdir()) == []
    assert "Traceback" not in run.said


def test_report_renders_a_run_folder_in_every_format(lab, tmp_path):
    lab.certify(*FEW, report_dir=str(tmp_path))

    for chosen in ("html", "md", "junit", "matrix", "matrix-md"):
        done = call("report", str(next(tmp_path.glob("*/*"))), "--format", chosen)

        assert (done.returncode, done.stderr) == (0, "")
        assert "ABORT-03.abort-frees-upload" in done.stdout


def test_report_refuses_what_is_no_whole_run(tmp_path):
    (tmp_path / "run.jsonl").write_text("{}\n")

    for words in ((str(tmp_path),), (str(tmp_path / "absent"),), (str(tmp_path), str(tmp_path), "--format", "html")):
        done = call("report", *words)
        assert (done.returncode, done.stdout, len(done.stderr.strip().splitlines())) == (4, "", 1)


def test_report_makes_no_folder_that_nobody_asked_for(tmp_path):
    file = tmp_path / "absent" / "report.html"
    examples.write(examples.mixed_run(), tmp_path / "run.jsonl")

    done = call("report", str(tmp_path / "run.jsonl"), "--output", str(file))

    assert done.returncode == 4
    assert f"restoreproof report: --output {file}: there is no folder {file.parent}; make it" in done.stderr
    assert not file.parent.exists()
