"""What weighs is imported where it is needed, and not before."""

import subprocess
import sys

import pytest

HEAVY = (
    "boto3",
    "botocore",
    "cryptography",
    "hypothesis",
    "jsonschema",
    "mitmproxy",
    "pyodbc",
    "requests",
    "swift",
    "tomlkit",
)
ASK = """
import sys
from restoreproof.commands.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print([name for name in {heavy} if name in sys.modules])
"""


def imported(program, *words):
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["certify", "--help"],
        ["certify", "--list"],
        ["measure", "--help"],
        ["profile", "learn", "--help"],
    ],
    ids=" ".join,
)
def test_help_and_lists_import_nothing_heavy(words):
    heavy = [name for name in HEAVY if words[-1] != "--list" or name not in ("cryptography", "requests")]

    assert imported(ASK.format(heavy=heavy), *words) == "[]"


def test_boto3_waits_until_something_is_made_or_removed():
    program = (
        "import sys, restoreproof.fixtures.conducting, restoreproof.fixtures.subjects; print('boto3' in sys.modules)"
    )

    assert imported(program) == "False"


def test_a_profile_is_checked_without_what_only_learning_needs():
    program = f"import sys; sys.modules['tomlkit'] = None\n{ASK.format(heavy=())}"

    assert imported(program, "profile", "check", "embedded") == "[]"
    assert (
        "embedded: "
        in subprocess.run(
            [sys.executable, "-c", program, "profile", "check", "embedded"], capture_output=True, text=True, check=True
        ).stdout
    )
