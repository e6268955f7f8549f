"""Keys that a user hands over are in nothing that a run prints, writes or starts, whatever the endpoint says."""

import base64
import hashlib
import hmac
import html
import json
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from defective_runs import Laboratory, environment, write_profile
from live_runs import PYTEST, live_run, sessions
from recording_server import recording

from restoreproof.providers.keys import ROLES, KeyPair
from restoreproof.providers.secrets import Secret

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is that of Linux")

CANARIES = {
    "backup": ("AKIACANARYBACKUP0001", "canary/Back+up&secret=<one>\"two\"'three'"),
    "restore": ("AKIACANARYRESTORE002", "canary/Re+store%20secret\\with\\slashes"),
    "housekeeping": ("AKIACANARYKEEPING003", "canary/House+keeping~secret~of~40~letters"),
}
KEYS = {role: KeyPair(Secret(id_), Secret(secret)) for role, (id_, secret) in CANARIES.items()}
FILES = """
[keys.restore]
id_file     = "restore.id"
secret_file = "restore.secret"
"""
CRASH = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid, location):
    raise RuntimeError(f"crash {SEEN}")

SEEN = []

def pytest_collection_modifyitems(config, items):
    SEEN.extend([str(vars(config.stash)), str([vars(item.config.stash) for item in items[:1]])])
"""
AREAS = ("credentials", "multipart", "abort")


def spellings(text):
    """The text in every form in which it would still be of use to a reader."""
    raw = text.encode()
    yield from (text, raw.hex(), raw.hex().upper(), quote(text), quote(text, safe=""), quote_plus(text))
    yield from (quote(quote(text, safe=""), safe=""), json.dumps(text)[1:-1], json.dumps(json.dumps(text))[3:-3])
    yield from (html.escape(text), html.escape(text, quote=False), html.escape(text).replace("&#x27;", "&apos;"))
    for offset in range(3):
        core = base64.b64encode(b"\0" * offset + raw).decode()[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        yield from (core, core.replace("+", "-").replace("/", "_"), quote(core, safe=""))


def signing_keys(secret):
    """What SigV4 derives from a secret and signs with, for each day that a check may claim to live in."""
    for days in (-1, 0, 1):
        day = (datetime.now(UTC) + timedelta(days=days)).strftime("%Y%m%d")
        key = f"AWS4{secret}".encode()
        for word in (day, "us-east-1", "s3", "aws4_request"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
            yield from (key, key.hex().encode(), base64.b64encode(key))


def needles():
    for id_, secret in CANARIES.values():
        yield from (spelling.encode() for text in (id_, secret) for spelling in spellings(text))
        yield from signing_keys(secret)


NEEDLES = sorted(set(needles()))


def leaks(places):
    """Where a canary is found, and how it is spelt there."""
    return [(where, needle) for where, content in places.items() for needle in NEEDLES if needle in content]


def contents(*folders):
    return {str(path): path.read_bytes() for folder in folders for path in Path(folder).rglob("*") if path.is_file()}


def echo(status):
    """An endpoint that says everything it was told, and more than it should know, in every way it can."""

    def answer(request):
        known = [request.headers.get("authorization", ""), *(text for pair in CANARIES.values() for text in pair)]
        forms = [form for text in known for form in spellings(text)]
        escaped = "".join(f"<Echo>{html.escape(form)}</Echo>" for form in forms)
        body = f"<Error><Code>AccessDenied</Code><Message>{html.escape(' '.join(known))}</Message>{escaped}</Error>"
        if status.startswith("200"):
            body = f"<Result><UploadId>{html.escape(known[2])}</UploadId>{escaped}</Result>"
        shown = [form for form in forms if form.isprintable()]
        headers = "".join(f"X-Echo-{number}: {form}\r\n" for number, form in enumerate(shown[:80]))
        head = f'HTTP/1.1 {status} {known[1]} {known[2]}\r\nContent-Type: application/xml\r\nETag: "{known[2]}"\r\n'
        return f"{head}{headers}Server: {known[2]}\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}".encode()

    return answer


@contextmanager
def hostile(tmp_path, status):
    """A laboratory whose endpoint echoes, and whose profile names keys in variables and in files."""
    with recording(echo(status), keys=KEYS) as server:
        (tmp_path / "temporary").mkdir()
        profile = write_profile(tmp_path, server.endpoint, "hostile")
        text = profile.read_text(encoding="utf-8")
        start = text.index("[keys.restore]")
        profile.write_text(text[:start] + FILES + text[text.index("[keys.housekeeping]") :], encoding="utf-8")
        for half, value in zip(("id", "secret"), CANARIES["restore"], strict=True):
            (tmp_path / f"restore.{half}").write_text(value + "\n", encoding="utf-8")
            (tmp_path / f"restore.{half}").chmod(0o600)
        told = environment(tmp_path, server.endpoint)
        own = {name: value for name, value in told.items() if not name.startswith("SELFTEST_RESTORE")}
        yield Laboratory(server.endpoint, tmp_path, profile, {**own, "TMPDIR": str(tmp_path / "temporary")})


def command_lines(session, seen, over):
    """Collect the command line of everything that a run starts, until it is over."""
    while not over.wait(0.05):
        for pid in [pid for pid, its in sessions() if its == session]:
            try:
                seen[f"command line of {pid}"] = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue


def watched(lab, tmp_path, *words, **special):
    """Everything that a run shows to anybody: output, command lines, reports, ledgers, temporary files."""
    seen, over = {}, threading.Event()
    with live_run(lab, tmp_path / "said", *words, **special) as run:
        watcher = threading.Thread(target=command_lines, args=(run.process.pid, seen, over))
        watcher.start()
        run.process.wait(300)
        over.set()
        watcher.join()
    assert seen, "no process was seen"
    return run, {
        **seen,
        **contents(*(tmp_path / name for name in ("runs", "state", "temporary"))),
        "said": run.said.encode(),
    }


@pytest.mark.parametrize("status", ["200", "403"])
def test_endpoint_that_echoes_secrets_gets_them_into_nothing(tmp_path, status):
    with hostile(tmp_path, status) as lab:
        words = [word for area in AREAS for word in ("--area", area)]
        words += ["--provider", str(lab.profile), "--report-dir", str(tmp_path / "runs"), "-n", "2"]
        run, places = watched(lab, tmp_path, "certify", *words)
        swept = lab.command("sweep", "--provider", str(lab.profile))
        (tmp_path / "runs" / "swept").write_text(swept.stdout + swept.stderr)

    names = {Path(place).name for place in places}
    assert {"run.jsonl", "junit.xml", "report.md", "report.html", "said"} <= names, run.said
    assert run.process.returncode == 1
    assert leaks({**places, **contents(tmp_path / "runs")}) == []


def test_endpoint_that_echoes_secrets_gets_them_into_no_traceback_and_no_log(tmp_path):
    (tmp_path / "crashing.py").write_text(CRASH)
    with hostile(tmp_path, "403") as lab:
        lab.environment["PYTHONPATH"] = str(tmp_path)
        words = ["--provider", str(lab.profile), "--report-dir", str(tmp_path / "runs"), "--area", "abort"]
        talkative = ["-l", "--tb=long", "--log-level=DEBUG", f"--log-file={tmp_path / 'runs' / 'debug.log'}"]
        _, quiet = watched(lab, tmp_path, *words, *talkative, command=PYTEST)
        crashed, places = watched(lab, tmp_path, *words, *talkative, "-p", "crashing", command=PYTEST)

    assert "INTERNALERROR" in crashed.said
    assert "crash" in crashed.said
    assert leaks({**quiet, **places}) == []


def test_the_search_finds_what_it_looks_for(tmp_path):
    secret = CANARIES["backup"][1]
    (tmp_path / "said").write_text(f"token {base64.b64encode(f'user:{secret}'.encode()).decode()}")
    (tmp_path / "page").write_text(html.escape(f"<p>{secret}</p>"))

    assert {where for where, _ in leaks(contents(tmp_path))} == {str(tmp_path / "said"), str(tmp_path / "page")}
    assert len(NEEDLES) > len(ROLES) * 40
