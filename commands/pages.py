"""``restoreproof profile page``: writes vendors' pages."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from restoreproof.commands.vendor import load_vendor
from restoreproof.commands.vendor_page import OPERATORS, page
from restoreproof.commands.vendor_table import comparison, operators
from restoreproof.providers.problems import ProfileError
from restoreproof.providers.profile import load_profile, shipped_profiles
from restoreproof.reports.register import load_register
from restoreproof.reports.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OK = 0
BAD_USAGE = 4
TABLE = "README.md"


def write_pages(names: Sequence[str], folder: Path | None, *, everything: bool) -> int:
    """Write the pages of some profiles, or of all with the table and the rules.

    :returns: 0, or 4 with one line on standard error.
    """
    if everything == bool(names):
        return _refuse("give profiles or --all, and not both")
    try:
        written = all_pages() if everything else pages(names)
    except ProfileError as problem:
        return _refuse(str(problem))
    if folder is None:
        sys.stdout.write("\n".join(written.values()))
        return OK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in written.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as problem:
        return _refuse(f"{folder} cannot be written: {problem.strerror}")
    sys.stdout.write(f"wrote {counted(len(written), 'page')} to {folder}\n")
    return OK


def pages(names: Sequence[str]) -> dict[str, str]:
    """The pages of some profiles by the names of their files.

    :raises ProfileError: a profile can't be used or names no facts.
    """
    vendors = [load_vendor(name) for name in names]
    return {f"{vendor.profile.name}.md": page(vendor) for vendor in vendors}


def all_pages() -> dict[str, str]:
    """The pages of every shipped profile that has facts, the table of them, and the rules for all."""
    known = load_register().requirements
    profiles = [load_profile(name, {}, known, require_keys=False) for name in shipped_profiles()]
    names = [profile.name for profile in profiles if profile.facts]
    vendors = [load_vendor(name) for name in names]
    return {TABLE: comparison(vendors), OPERATORS: operators(), **pages(names)}


def _refuse(text: str) -> int:
    sys.stderr.write(f"restoreproof profile page: {text}\n")
    return BAD_USAGE
