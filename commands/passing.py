"""Hands a command line on to pytest, whose complaints about it become one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

HELP = "see restoreproof certify --help, and pytest --help for what is handed on"


def run_pytest(words: Sequence[str]) -> int:
    """Run pytest in this process and return its exit code."""
    return int(pytest.main(list(words), plugins=[_CommandLine()]))


class _CommandLine:
    """Refuses unknown words before anything is started."""

    @pytest.hookimpl(wrapper=True)
    def pytest_cmdline_parse(self) -> Generator[None, pytest.Config, pytest.Config]:
        """Parse the command line; only our own suites may be named."""
        try:
            config = yield
        except pytest.UsageError as problem:
            complaint = next((line for line in str(problem).splitlines() if "error: " in line), str(problem))
            raise pytest.UsageError(f"{complaint.rpartition('error: ')[2].strip()}; {HELP}") from None
        stray = config.getoption("file_or_dir")[1:]
        if stray:
            raise pytest.UsageError(f"unknown argument {stray[0]!r}; {HELP}")
        return config
