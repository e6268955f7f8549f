"""A real browser opens the report: it renders, asks for nothing else, prints, and fits a phone."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import threading
from functools import partial
from html import unescape

import example_runs as examples
import pytest

from restoreproof.reports.formats import write

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--no-proxy-server",
)  # fmt: skip

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: install the package 'chromium'")

PROBE = """{
const wide = [...document.querySelectorAll("main *")].filter((part) =>
  !part.closest(".scroll, pre, .sr, thead") && part.getBoundingClientRect().right > innerWidth + 0.5);
const shown = (verdict) => [...document.querySelectorAll(`tr[data-verdict="${verdict}"]`)]
  .filter((row) => row.getClientRects().length).length;
const before = shown("conforms");
document.querySelector("#show-fails").click();
const fails = {conforms: shown("conforms"), fails: shown("fails")};
document.querySelector("#show-all").click();
const search = document.querySelector("#search");
search.value = "part-number-10000";
search.dispatchEvent(new Event("input"));
const found = document.querySelector("#shown").textContent;
search.value = "";
search.dispatchEvent(new Event("input"));
document.querySelector("[data-open]").click();
const opened = document.querySelectorAll("#findings details:not([open])").length;
const probe = {
  width: innerWidth, scroll: document.documentElement.scrollWidth,
  wide: wide.map((part) => part.outerHTML.slice(0, 120)),
  before, fails, found, opened, dialogs: window.dialogs,
  paper: getComputedStyle(document.body).backgroundColor,
};
const mark = document.createElement("output");
mark.id = "probe";
mark.textContent = JSON.stringify(probe);
parent.document.body.append(mark);
}"""
"""What a reader would try by hand, tried by script; served beside the report, never a part of it."""


@pytest.fixture
def served(tmp_path):
    """A folder served on loopback, its address, and the paths that were asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def browse(tmp_path, *flags):
    profile = tmp_path / "browser"
    shutil.rmtree(profile, ignore_errors=True)
    done = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={profile}", *flags], capture_output=True, timeout=90, check=True
    )
    return done.stdout.decode("utf-8")


def probed(tmp_path, page, address, *flags, width=1280):
    """What the probe saw in a frame of some width; a window of its own is never narrower than 500 pixels."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    spy = "<script>window.dialogs = 0; window.alert = () => { window.dialogs += 1; };</script>"
    text = text.replace("<style>", spy + "<style>", 1).replace("</body>", f"<script>{PROBE}</script></body>")
    page.with_name("probed.html").write_text(text, encoding="utf-8")
    frame = f'<iframe src="probed.html" width="{width}" height="900" style="border: 0"></iframe>'
    page.with_name("frame.html").write_text(f"<!doctype html><body>{frame}</body>", encoding="utf-8")
    dom = browse(tmp_path, "--dump-dom", "--window-size=1400,1000", *flags, f"{address}/frame.html")
    found = re.search(r'<output id="probe">(.*?)</output>', dom, re.DOTALL)
    assert found, dom[-2000:]
    return json.loads(unescape(found.group(1)))


@pytest.mark.parametrize("make", [examples.mixed_run, examples.hostile_run, examples.green_run])
def test_the_report_renders_and_asks_for_nothing_else(served, tmp_path, make):
    folder, address, asked = served
    write("html", [make()], folder / "report.html")
    dom = browse(tmp_path, "--dump-dom", f"{address}/report.html")
    assert asked == ["/report.html"]
    assert '<h1 id="answer">' in dom
    # The script ran under the report's own policy: what needs it was shown.
    assert not re.search(r'class="search scripted"[^>]*hidden', dom)


def test_the_matrix_asks_for_nothing_else(served, tmp_path):
    folder, address, asked = served
    write("matrix", [examples.mixed_run(), examples.hostile_run(), examples.green_run()], folder / "matrix.html")
    assert "Only rows in which the runs differ" in browse(tmp_path, "--dump-dom", f"{address}/matrix.html")
    assert asked == ["/matrix.html"]


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
@pytest.mark.parametrize("make", [examples.mixed_run, examples.hostile_run])
def test_the_report_fits_and_its_tools_work(served, tmp_path, make, width):
    folder, address, _ = served
    page = write("html", [make()], folder / "report.html")
    seen = probed(tmp_path, page, address, width=width)
    assert seen["width"] == width
    assert seen["scroll"] <= width
    assert seen["wide"] == []
    assert seen["dialogs"] == 0
    assert seen["opened"] == 0
    if make is examples.mixed_run:
        assert seen["before"] == 17
        assert seen["fails"] == {"conforms": 0, "fails": 2}
        assert seen["found"] == "1 of 27 checks shown"


def test_dark_readers_get_a_dark_page(served, tmp_path):
    folder, address, _ = served
    page = write("html", [examples.mixed_run()], folder / "report.html")
    light = probed(tmp_path, page, address)["paper"]
    dark = probed(tmp_path, page, address, "--blink-settings=preferredColorScheme=0")["paper"]
    assert (light, dark) == ("rgb(247, 247, 244)", "rgb(20, 23, 26)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["1280,2000", "390,2000"], ids=["desktop", "phone"])
def test_screenshots_can_be_taken(tmp_path, scheme, size):
    page = write("html", [examples.mixed_run()], tmp_path / "report.html")
    picture = tmp_path / "picture.png"
    flags = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    browse(tmp_path, *flags, f"--window-size={size}", f"--screenshot={picture}", page.as_uri())
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert int.from_bytes(content[16:20], "big") == int(size.split(",")[0])
    assert len(content) > 30_000, "an almost empty picture"


def test_the_report_prints(tmp_path):
    page = write("html", [examples.mixed_run()], tmp_path / "report.html")
    paper = tmp_path / "report.pdf"
    browse(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    content = paper.read_bytes()
    assert content.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", content))
    assert 3 <= pages <= 14
