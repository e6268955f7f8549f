"""``restoreproof profile learn``: a run's findings as a proposed profile."""

from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import TYPE_CHECKING

from restoreproof.fixtures.endpoints.program import is_ours
from restoreproof.fixtures.learning import Leaving, learn
from restoreproof.providers.problems import ProfileError
from restoreproof.providers.profile import load_profile
from restoreproof.reports.lines import RunFileError
from restoreproof.reports.reader import read_run
from restoreproof.reports.register import load_register

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Collection, Sequence

    from restoreproof.fixtures.learning import Change
    from restoreproof.providers.profile import Profile
    from restoreproof.reports.record import Run

OK = 0
BAD_USAGE = 4

_ABOUT = """\
Reads a run and proposes a profile that says what the run found: declarations that no longer hold go, what failed is
declared with the symptom that was seen, and capabilities that the profile does not know get what was found. The old
file is left as it is, its comments and links are kept. Each change is printed with its reason; look at every one,
for a deviation may be a fault of the set-up, or one that the vendor should mend.

exit status: 0 when there is nothing to change or the proposal was written, 4 when it was not
"""
_EXAMPLES = """\
examples:
  restoreproof profile learn runs/acme/20261120-091500-7f3a0c
  restoreproof profile learn runs/acme/20261120-091500-7f3a0c --output acme-12.1.toml
"""


def add_learn(actions: _SubParsersAction[ArgumentParser]) -> None:
    """Hang ``profile learn`` into the command line."""
    parser = actions.add_parser(
        "learn",
        help="propose a profile from what a run found",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_file", type=Path, metavar="RUN", help="a run's folder, or its run.jsonl")
    parser.add_argument(
        "--provider", metavar="NAME|FILE", help="the profile that the run was made with, where it lies elsewhere now"
    )
    parser.add_argument(
        "--output", metavar="FILE", type=Path, help="where to write the proposal (default: NAME.learned.toml)"
    )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Write the proposal, and say what is different in it.

    :returns: 0, or 4 with one line on standard error.
    """
    known_ids = load_register().requirements
    try:
        seen = read_run(args.run_file)
        profile = _profile_of(seen, args.provider, known_ids)
        changes = learn(seen, profile, known_ids)
        if seen.header.defects:
            sys.stderr.write(f"warning: {', '.join(seen.header.defects)} played in this run; what that broke, it did\n")
        sys.stdout.writelines(f"{change.sentence}\n" for change in changes)
        if all(isinstance(change, Leaving) for change in changes):
            sys.stdout.write(f"{profile.name} says all that this run found; nothing was written\n")
            return OK
        output = args.output or Path(f"{profile.name}.learned.toml")
        _write(output, _proposal(profile, changes, seen.header.run, output), seen, known_ids)
    except (RunFileError, ProfileError, _RefusedError) as problem:
        sys.stderr.write(f"restoreproof profile learn: {problem}\n")
        return BAD_USAGE
    sys.stdout.write(f"wrote {output}; look at each change, then: restoreproof certify --provider {_path(output)}\n")
    return OK


class _RefusedError(Exception):
    """Nothing can be learned, or nothing written; one line that says why and what to do."""


def _profile_of(seen: Run, word: str | None, known_ids: Collection[str]) -> Profile:
    """The profile that a run was made with, as it was then."""
    named = word or seen.header.provider.get("file") or seen.header.provider["name"]
    try:
        profile = load_profile(named, known_ids=known_ids, require_keys=False, labels=seen.header.labels)
    except ProfileError as problem:
        raise _RefusedError(f"{problem}; name the profile of this run with --provider") from None
    if profile.digest != seen.header.provider["digest"]:
        fix = "run again, or name the file of that time with --provider"
        raise _RefusedError(f"{named} is not what it was when the run was made (another SHA-256): {fix}")
    if seen.header.endpoint["kind"] != profile.endpoint.kind or _is_rehearsed(seen, profile):
        raise _RefusedError("the run was a rehearsal on the embedded endpoint, which says nothing of the vendor's")
    return profile


def _is_rehearsed(seen: Run, profile: Profile) -> bool:
    """Whether a server of ours stood in for the one that the profile starts."""
    return bool(seen.header.endpoint["ours"]) and not is_ours(profile.endpoint)


def _proposal(profile: Profile, changes: Sequence[Change], run_id: str, output: Path) -> str:
    from restoreproof.providers.draft import Draft  # noqa: PLC0415 - needs tomlkit, and no other command does

    holding = [text for text, holds in profile.ranges.items() if holds]
    draft = Draft(profile.path.read_text(encoding="utf-8-sig"), holding)
    for change in changes:
        change.apply(draft, run_id)
    draft.move(profile.path.parent, output.absolute().parent)
    return draft.text


def _write(output: Path, text: str, seen: Run, known_ids: Collection[str]) -> None:
    """Write a file that is not there yet, and leave none behind that does not load."""
    try:
        with output.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        raise _RefusedError(f"{output} exists and is left as it is; name another file with --output") from None
    except OSError as problem:
        raise _RefusedError(f"{output} cannot be written: {problem.strerror}") from None
    try:
        labels = seen.header.labels
        load_profile(str(output.absolute()), known_ids=known_ids, require_keys=False, labels=labels)
    except ProfileError as problem:
        output.unlink()
        raise _RefusedError(f"the proposal does not load, which is a fault of RestoreProof: {problem}") from None


def _path(file: Path) -> str:
    """The file so that it is taken for a path and not for a shipped name."""
    return str(file) if len(file.parts) > 1 else f"./{file}"
