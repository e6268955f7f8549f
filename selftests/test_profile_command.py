"""``restoreproof profile new`` and ``check``, as a user types them."""

import argparse
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from restoreproof.commands import profile as command
from restoreproof.providers.profile import ProfileError, load_profile, shipped_profiles
from restoreproof.reports.register import load_register

PORTS = {"minio": 9000, "ceph_rgw": None}
CANARY = "cAnArY0123456789/+secret"


@pytest.fixture
def restoreproof(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser(prog="restoreproof")
    command.add_parser(parser.add_subparsers(), "profiles")

    def main(*words):
        args = parser.parse_args(words)
        return args.run(args)

    return main


WARNED = "restoreproof profile check: warning"
CHECKS = ("ABORT-03.list-by-prefix", "WIRE-08.no-parts-once-complete")


@pytest.fixture
def check(capsys):
    def check_and_read(*profiles):
        status = max(command.check_profile(str(profile), CHECKS) for profile in profiles)
        out, err = capsys.readouterr()
        return status, out, err

    return check_and_read


@pytest.mark.parametrize("name", ["acme", "9acme", "_"])
def test_a_new_profile_is_complete_but_for_its_keys(restoreproof, check, name, tmp_path):
    assert restoreproof("profile", "new", name) == 0
    status, out, err = check(f"./{name}.toml")

    assert (status, err) == (0, f"{WARNED}: [endpoint].url is an example; write the host and port of your store\n")
    assert "NOT SET" in out
    assert len((tmp_path / f"{name}.toml").read_text().splitlines()) <= 60


def test_every_line_of_the_starter_that_is_commented_out_is_valid_too(restoreproof, tmp_path):
    restoreproof("profile", "new", "acme")
    file = tmp_path / "acme.toml"
    lines = [line.removeprefix("# ") if " = " in line or re.match(r"# \[+(deviations|cleanup|labels)\]", line) else line
             for line in file.read_text().splitlines()]  # fmt: skip
    whole = [line for line in lines if not line.startswith("ca ")]
    file.write_text("\n".join(whole) + "\n")

    profile = load_profile(str(file), {}, load_register().requirements, require_keys=False)

    assert profile.capabilities["virtual_host"]
    assert profile.cleanup.mechanism == "lifecycle"
    assert profile.deviations


def test_new_never_overwrites(restoreproof, capsys, tmp_path):
    (tmp_path / "acme.toml").write_text("mine")

    assert restoreproof("profile", "new", "acme") == 4
    assert (tmp_path / "acme.toml").read_text() == "mine"
    assert capsys.readouterr().err == (
        "restoreproof profile new: acme.toml exists and is left as it is; name another file with --output\n"
    )


@pytest.mark.parametrize("like", shipped_profiles())
def test_a_profile_like_a_shipped_one_says_the_same_of_its_vendor(restoreproof, like):
    assert restoreproof("profile", "new", "mine", "--like", like) == 0
    known = load_register().requirements
    shipped, mine = (load_profile(word, {}, known, require_keys=False) for word in (like, "./mine.toml"))

    alike = ("capabilities", "limits", "cleanup", "deviations", "facts")
    assert [getattr(mine, name) for name in alike] == [getattr(shipped, name) for name in alike]
    assert (mine.endpoint.style, mine.endpoint.region) == (shipped.endpoint.style, shipped.endpoint.region)
    assert (mine.name, mine.endpoint.kind, "lab" in mine.labels) == ("mine", "url", False)
    port = urlsplit(shipped.endpoint.url).port if shipped.endpoint.url else mine.facts and PORTS[like]
    assert urlsplit(mine.endpoint.url).port == (port or None)


def test_the_links_of_a_shipped_profile_are_taken_along(restoreproof, tmp_path):
    like = "minio"
    restoreproof("profile", "new", "mine", "--like", like)
    [shipped] = Path(command.__file__).parents[1].glob(f"providers/{like}.toml")
    facts = shipped.read_text().partition("[capabilities]")[2]
    facts = re.sub(r"\[labels\]\n(.+\n)+\n", "", facts)

    assert (tmp_path / "mine.toml").read_text().partition("[capabilities]")[2] == facts


@pytest.mark.parametrize("name", shipped_profiles())
def test_an_example_of_a_url_stops_a_run_in_one_line_that_says_how(name):
    profile = load_profile(name, {}, load_register().requirements, require_keys=False)
    if not profile.endpoint.is_placeholder:
        pytest.skip("its endpoint is there")

    with pytest.raises(ProfileError) as error:
        load_profile(name, {}, load_register().requirements)

    said = str(error.value)
    assert said.endswith(
        f"[endpoint].url: is an example; write a profile of your own with restoreproof profile new NAME --like {name}"
    )
    assert "\n" not in said
    assert said.rpartition("; ")[2] in profile.warnings[0]


def test_an_example_of_a_url_in_a_profile_of_ones_own_asks_for_ones_own(restoreproof, monkeypatch):
    restoreproof("profile", "new", "acme")
    monkeypatch.setenv("ACME_KEY_ID", CANARY + "id")

    with pytest.raises(ProfileError, match=r"acme\.toml:6: .endpoint.\.url: is an example; write the host and port"):
        load_profile("./acme.toml")


def test_new_writes_where_it_is_told(restoreproof, capsys, tmp_path):
    assert restoreproof("profile", "new", "acme", "--output", "other.toml") == 0
    assert (tmp_path / "other.toml").exists()
    assert "restoreproof profile check ./other.toml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Ac-me",), "small letters, digits and _"),
        (("../acme",), "small letters, digits and _"),
        ((shipped_profiles()[0],), "is shipped already"),
        (("acme", "--like", "nobody"), "--like nobody: no profile of that name is shipped"),
        (("acme", "--output", "no/where.toml"), "cannot be written: No such file or directory"),
    ],
)
def test_new_refuses_what_cannot_be_a_profile(restoreproof, capsys, words, said):
    assert restoreproof("profile", "new", *words) == 4
    assert said in capsys.readouterr().err


def test_check_sums_up_a_profile_without_any_value_of_a_key(restoreproof, check, monkeypatch):
    restoreproof("profile", "new", "acme")
    monkeypatch.setenv("ACME_KEY_ID", CANARY + "id")
    monkeypatch.setenv("ACME_SECRET", CANARY)

    status, out, err = check("./acme.toml")

    assert status == 0
    assert "backup key        variable ACME_KEY_ID and variable ACME_SECRET: set" in out
    assert "restore key       the backup key" in out
    assert CANARY not in out + err


def test_check_shows_what_differs(check):
    _, out, _ = check("embedded")

    assert "differs     virtual_host = true" in out
    assert "keys        made by the run" in out


def test_check_tells_all_problems_of_all_profiles(check, tmp_path):
    (tmp_path / "a.toml").write_text('nam = "a"\n')
    (tmp_path / "b.toml").write_text("=\n")

    status, out, err = check(tmp_path / "a.toml", "embedded", tmp_path / "b.toml")

    assert status == 4
    assert out.startswith("embedded: ")
    assert "a.toml:1: nam: unknown key; did you mean 'name'?" in err
    assert "b.toml:1: no valid TOML" in err


def test_check_knows_the_ids_of_the_register(restoreproof, capsys, tmp_path):
    (tmp_path / "a.toml").write_text('[[deviations]]\ncheck = "NO-99.such"\n')

    assert restoreproof("profile", "check", "./a.toml") == 4
    assert "[[deviations]].check: no check has this id" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("profile",), ("profile", "check"), ("profile", "new"), ("profile", "lint")])
def test_bad_usage_is_argparse_s_own_error(restoreproof, words):
    with pytest.raises(SystemExit) as stop:
        restoreproof(*words)

    assert stop.value.code == 2


@pytest.mark.parametrize("words", [("profile", "-h"), ("profile", "new", "-h"), ("profile", "check", "-h")])
def test_help_shows_examples(restoreproof, capsys, words):
    with pytest.raises(SystemExit):
        restoreproof(*words)

    assert "examples:\n  restoreproof profile" in capsys.readouterr().out
