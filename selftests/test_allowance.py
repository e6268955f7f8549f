"""What a bucket allows is asked before anything is written, and what it would keep is not written without consent."""

from contextlib import ExitStack, contextmanager

import pytest
from defective_runs import CONSENT, laboratory
from recording_server import answer_with, recording

from restoreproof.fixtures.allowance import Allowance, ConsentError, look_at_bucket
from restoreproof.fixtures.housekeeper import housekeeper_of
from restoreproof.fixtures.ledger import PREFIX, Intent

VERSIONED = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
LOCK = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{}</ObjectLockConfiguration>"
RULE = "<Rule><DefaultRetention><Mode>{}</Mode>{}</DefaultRetention></Rule>"
LIST = "<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
OBJECT = "<ListVersionsResult><Version><Key>ours/k</Key><VersionId>v1</VersionId></Version></ListVersionsResult>"


def error(code):
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>"


@contextmanager
def housekeeper(answers, **settings):
    """A housekeeper of a store that answers by the query; all else is an empty list."""

    def answer(request):
        status, body = next((said for query, said in answers.items() if query in request.line), (200, LIST))
        return answer_with(status, body.encode())(request)

    with recording(answer) as server, ExitStack() as stack:
        yield housekeeper_of(server.endpoint, {}, stack, **settings), server


@pytest.mark.parametrize(
    ("versioning", "lock", "expected"),
    [
        ((200, VERSIONED), (200, LOCK.format("")), Allowance("Enabled", "on")),
        (
            (200, VERSIONED),
            (200, LOCK.format(RULE.format("GOVERNANCE", "<Days>1</Days>"))),
            Allowance("Enabled", "on", "GOVERNANCE", "1 day"),
        ),
        (
            (200, VERSIONED),
            (200, LOCK.format(RULE.format("COMPLIANCE", "<Years>7</Years>"))),
            Allowance("Enabled", "on", "COMPLIANCE", "7 years"),
        ),
        ((200, LIST), (200, LIST), Allowance("off", "off")),
        ((501, error("NotImplemented")), (405, ""), Allowance("not offered", "not offered")),
        (
            (200, "<VersioningConfiguration/>"),
            (404, error("ObjectLockConfigurationNotFoundError")),
            Allowance("off", "off"),
        ),
        (
            (403, error("AccessDenied")),
            (503, error("SlowDown")),
            Allowance("not told (AccessDenied)", "not told (SlowDown)"),
        ),
    ],
    ids=["can-lock", "governance", "compliance", "ignores-the-question", "not-offered", "unlocked", "refuses"],
)
def test_bucket_is_asked_what_it_allows(versioning, lock, expected):
    with housekeeper({"versioning": versioning, "object-lock": lock}) as (keeper, _):
        assert look_at_bucket(keeper.s3, "b") == expected


def test_answer_that_is_no_xml_tells_nothing():
    with housekeeper({"versioning": (200, "<html>"), "object-lock": (200, "<html>")}) as (keeper, _):
        seen = look_at_bucket(keeper.s3, "b")

    assert (seen.versioning[:8], seen.lock[:8], seen.retains) == ("not told", "not told", False)


def test_only_what_keeps_things_asks_for_consent():
    Allowance("Enabled", "on").ask_consent("b", given=False)
    Allowance("Enabled", "on", "GOVERNANCE", "1 day").ask_consent("b", given=True)

    with pytest.raises(ConsentError, match=r"(?s)bucket b keeps.*COMPLIANCE, 7 years.*by nobody.*add --consent-to-"):
        Allowance("Enabled", "on", "COMPLIANCE", "7 years").ask_consent("b", given=False)


@pytest.mark.parametrize("bypass", [True, False])
def test_governed_objects_are_removed_with_the_right_to(bypass):
    with housekeeper({"versions": (200, OBJECT)}, bypass=bypass) as (keeper, server):
        keeper.sweep([Intent(PREFIX, "b", "ours/")])
        removals = [request for request in server.requests if request.line.startswith("POST")]

    assert removals
    assert ["x-amz-bypass-governance-retention" in request.headers for request in removals] == [bypass] * len(removals)


@pytest.fixture(scope="module")
def lab():
    with laboratory() as running:
        yield running


def test_nothing_is_written_to_a_bucket_that_keeps_it(lab, tmp_path):
    words = ["--provider", str(lab.profile), "--defect", "bucket-keeps-for-a-day", "--report-dir", str(tmp_path)]
    done = lab.command("certify", *words, "--check", "WIRE-09.read-after-write")

    assert done.returncode == 1
    assert "Default retention          COMPLIANCE, 1 day" in done.stderr
    assert f"add {CONSENT}" in done.stderr
    assert "proving" not in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert list((lab.folder / "state" / "restoreproof" / "ledger").iterdir()) == []


def test_what_the_bucket_allows_is_reported(lab, tmp_path):
    words = ["--defect", "bucket-keeps-for-a-day", CONSENT, "--check", "LCK-01.target-not-locked"]
    done, run = lab.certify(*words, report_dir=tmp_path)

    assert done.returncode == 1
    assert run.header.bucket == {
        "Versioning": "off",
        "Object Lock": "on",
        "Default retention": "COMPLIANCE, 1 day",
        "Retention can be bypassed": "by nobody, whatever rights one has",
    }
    for report in ("report.md", "report.html"):
        text = next(tmp_path.glob(f"*/*/{report}")).read_text(encoding="utf-8")
        assert "What the bucket allows" in text
        assert "COMPLIANCE, 1 day" in text
