"""``restoreproof doctor``: exit codes, lines for people, a document for machines."""

import json
from importlib import resources
from io import StringIO

import jsonschema
import pytest
from planted_store import ROLES, Plan, patient_of, served
from rich.console import Console

from restoreproof.commands.main import main
from restoreproof.reports.doctor import print_examination
from restoreproof.reports.findings import GOOD, NOTE, PROBLEM, WARNING, Examination, Finding, Unlooked

SCHEMA = json.loads((resources.files("restoreproof.reports") / "doctor.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def doctor(tmp_path, monkeypatch, capsys):
    """``doctor(plan, *words)`` plays the command on a planted store: its exit code and what it said."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(plan, *words):
        for role in ROLES:
            monkeypatch.setenv(f"{role.upper()}_ID", plan.id(role))
            monkeypatch.setenv(f"{role.upper()}_SECRET", plan.secret(role))
        with served(plan) as (_, port):
            profile = patient_of(plan, port, tmp_path).profile
            code = main(["doctor", "--provider", str(profile.path), *words])
        return code, *capsys.readouterr()

    return run


def test_healthy_store_is_told_in_lines(doctor):
    code, out, err = doctor(Plan())

    assert (code, err) == (0, "")
    assert "Planted faults, https://localhost:" in out
    assert "0 problems, 0 warnings, 2 notes; " in out.splitlines()[-1]
    assert out.splitlines()[-1].endswith(" s")


def test_problem_is_told_with_what_sql_server_shows_and_the_fix(doctor):
    plan = Plan(names=("other.example",))
    code, out, _ = doctor(plan)

    lines = out.splitlines()
    [at] = [number for number, line in enumerate(lines) if line.startswith("  PROBLEM")]
    assert code == 1
    assert lines[at].endswith("[TLS-03.host-name]")
    assert lines[at + 1].split()[:3] == ["SQL", "Server", "Msg"]
    assert lines[at + 2].split()[0] == "fix"
    assert any("not looked at: keys and bucket, because the certificate" in line for line in lines)


def test_json_keeps_to_its_schema(doctor):
    code, out, err = doctor(Plan(window=None, skew=Plan().until), "--json", "--backup-window", "8h")

    document = json.loads(out)
    jsonschema.validate(document, SCHEMA)
    assert (code, err) == (1, "")
    assert document["well"] is False
    assert {finding["name"] for finding in document["findings"] if finding["severity"] == PROBLEM} == {"clock-apart"}


def test_colon_in_a_secret_is_found_and_not_refused(doctor):
    code, out, _ = doctor(Plan(extra={"backup": ":"}))

    assert code == 1
    assert "CRED-04" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--backup-window", "soon"], "write it as 8h, 90m or 2d"),
        (["--key", ""], "--key has 1 to 1024 characters"),
        (["--engine", "oracle"], "oracle"),
        (["--engine", "instance"], "--engine-host"),
        (["--nonsense"], "unknown argument"),
    ],
)
def test_bad_usage_is_one_line(words, said, doctor):
    code, out, err = doctor(Plan(speaks="nothing"), *words)

    assert (code, out, len(err.splitlines())) == (4, "", 1)
    assert said in err


def test_profile_that_can_not_be_used_is_bad_usage(capsys, tmp_path):
    assert main(["doctor", "--provider", str(tmp_path / "none.toml")]) == 4
    assert "none.toml" in capsys.readouterr().err


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit) as end:
        main(["doctor", "--help"])

    assert end.value.code == 0
    assert "restoreproof doctor --provider ./acme.toml --backup-window 8h" in capsys.readouterr().out


def examination():
    findings = (
        Finding("tls", PROBLEM, "wrong-ca", "TLS-02.x", "wrong " * 40, "claim", "Msg 3201", "mend it " * 30),
        Finding("tls", WARNING, "expires-soon", "TLS-12.x", "soon [red]not markup[/]", "claim", "nothing yet", "renew"),
        Finding("tls", NOTE, "ca-on-linux", "TLS-06", "noted", "claim", "Msg 3201", "put it there"),
        Finding("route", GOOD, "addresses", "PLAT-04", "reached"),
    )
    gaps = (Unlooked("rights", "putting", "of that"), Unlooked("rights", "getting", "of that"))
    return Examination("a", "Acme", "https://s3.acme.test", "b", "2026-11-26T00:00:00+00:00", 1.25, findings, gaps)


@pytest.mark.parametrize("terminal", [False, True])
def test_lines_are_grouped_and_aligned(terminal):
    console = Console(file=StringIO(), width=80, force_terminal=terminal, color_system=None, highlight=False)

    print_examination(examination(), console)

    lines = console.file.getvalue().splitlines()
    assert lines.index("Name and route") < lines.index("TLS") < lines.index("Rights")
    assert lines[-1].strip() == "1 problem, 1 warning, 1 note, 2 not looked at; 1.2 s"
    assert any("not looked at: putting, getting, because of that" in line for line in lines)
    assert any("soon [red]not markup[/]" in line for line in lines)
    assert max(map(len, lines)) <= 80 or not terminal
