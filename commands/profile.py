"""``restoreproof profile``: start a provider's profile, check one before anything is started, write a vendor's page."""

from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import TYPE_CHECKING

from restoreproof.commands.learning import add_learn
from restoreproof.commands.pages import write_pages
from restoreproof.commands.starter import write_starter
from restoreproof.commands.vendor import span
from restoreproof.providers.capabilities import CAPABILITIES
from restoreproof.providers.expectations import differences, spell, unseen_lines
from restoreproof.providers.profile import ProfileError, load_profile, shipped_profiles
from restoreproof.providers.ranges import LabelError, parse_labels
from restoreproof.reports.register import load_register

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Collection, Iterator, Mapping

    from restoreproof.providers.capabilities import Value
    from restoreproof.providers.keys import KeySource
    from restoreproof.providers.profile import Deviation, Profile

OK = 0
BAD_USAGE = 4

_ABOUT = """\
A provider is one TOML file: where the endpoint is, which environment variables hold its keys, and how it differs
from what SQL Server hopes for. Secrets never go into it.
"""
_EXAMPLES = """\
examples:
  restoreproof profile new acme                  write acme.toml, every line explained
  restoreproof profile new acme --like embedded  the same, with what is known of that vendor filled in
  restoreproof profile check ./acme.toml         tell all that is wrong with it, and what it amounts to
  restoreproof certify --provider ./acme.toml    the real thing
"""
_CHECK_ABOUT = """\
Loads each profile as a run would, but connects to nothing. Prints what it amounts to, or every problem with file,
line and fix. Keys are reported as set or not set, never shown.

exit status: 0 when every profile can be used, 4 when one cannot
"""
_CHECK_EXAMPLES = """\
examples:
  restoreproof profile check ./acme.toml
  restoreproof profile check embedded
  restoreproof profile check ./acme.toml --label firmware=12.1    what applies to that release
"""
_NEW_ABOUT = """\
Writes a profile for a provider reached by URL, with every line explained; fill in what is yours. An existing file is
never overwritten. With --like it has the capabilities, limits, clean-up, port and style of a shipped profile, and the
deviations that were seen; url and keys are left for you.

exit status: 0 when the file was written, 4 when it was not
"""
_NEW_EXAMPLES = """\
examples:
  restoreproof profile new acme
  restoreproof profile new acme --like embedded
  restoreproof profile new acme --output providers/acme.toml
"""
_PAGE_ABOUT = """\
Writes what a DBA and a storage administrator need for one vendor: what to configure, what to expect, T-SQL to paste,
and what nobody documents, with how a run finds it out. It is made of the profile, the facts behind it and the rules for
operators, and says of everything how sure it is.

exit status: 0 when every page was written, 4 when one was not
"""
_PAGE_EXAMPLES = """\
examples:
  restoreproof profile page ./acme.toml                        one page, to standard output
  restoreproof profile page --all --output-dir docs/vendors    all vendors, a table of them, and the rules for all
"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser], summary: str) -> None:
    """Hang what can be done with profiles into the command line: new, check, page and learn."""
    parser = _parser(subparsers, "profile", summary, _ABOUT, _EXAMPLES)
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", dest="action", required=True)
    new = _parser(actions, "new", "write a starter profile", _NEW_ABOUT, _NEW_EXAMPLES)
    new.add_argument("name", metavar="NAME", help="what the provider is called: small letters, digits and _")
    new.add_argument("--like", metavar="SHIPPED", help="begin as this shipped profile does")
    new.add_argument("--output", metavar="FILE", type=Path, help="where to write it (default: NAME.toml)")
    new.set_defaults(run=run)
    check = _parser(
        actions, "check", "tell what a profile says, or what is wrong with it", _CHECK_ABOUT, _CHECK_EXAMPLES
    )
    shipped = ", ".join(shipped_profiles())
    check.add_argument(
        "profiles", nargs="+", metavar="NAME|FILE", help=f"a shipped profile ({shipped}) or the path of a .toml file"
    )
    check.add_argument(
        "--label", action="append", default=[], metavar="NAME=VALUE", help="show what applies to a run with this label"
    )
    check.set_defaults(run=run)
    page = _parser(actions, "page", "write a vendor's page", _PAGE_ABOUT, _PAGE_EXAMPLES)
    page.add_argument("profiles", nargs="*", metavar="NAME|FILE", help="a profile that names its facts")
    page.add_argument(
        "--all", action="store_true", help="every shipped one, with a table of them and the rules for all"
    )
    page.add_argument("--output-dir", metavar="DIR", type=Path, help="write DIR/NAME.md (default: standard output)")
    page.set_defaults(run=run)
    add_learn(actions)


def run(args: Namespace) -> int:
    """Do what the command line asks for.

    :returns: 0, or 4 when a profile cannot be written or used.
    """
    if args.action == "new":
        return write_starter(args.name, args.output or Path(f"{args.name}.toml"), args.like)
    if args.action == "page":
        return write_pages(args.profiles, args.output_dir, everything=args.all)
    known_ids = {requirement.id for requirement in load_register()}
    try:
        labels = parse_labels(args.label)
    except LabelError as problem:
        sys.stderr.write(f"restoreproof profile check: {problem}\n")
        return BAD_USAGE
    return max(check_profile(profile, known_ids, labels or None) for profile in args.profiles)


def check_profile(name_or_path: str, known_ids: Collection[str], labels: Mapping[str, str] | None = None) -> int:
    """Print what a profile amounts to, or all that is wrong with it.

    :param labels: what a run would be labelled with; None where nobody said.
    :returns: 0, or 4 when it cannot be used.
    """
    try:
        profile = load_profile(name_or_path, known_ids=known_ids, require_keys=False, labels=labels)
    except ProfileError as error:
        sys.stderr.write(f"restoreproof profile check: {error}\n")
        return BAD_USAGE
    rows = list(_rows(profile))
    width = max(len(label) for label, _ in rows)
    _say(f"{profile.name}: {profile.title}\n")
    _say("".join(f"  {label:<{width}}  {text}\n" for label, text in rows))
    for warning in profile.warnings:
        sys.stderr.write(f"restoreproof profile check: warning: {warning}\n")
    return OK


def _rows(profile: Profile) -> Iterator[tuple[str, str]]:
    yield "file", str(profile.path)
    yield from _endpoint_rows(profile)
    yield from _key_rows(profile)
    yield "differs", _listed(_differences(profile))
    yield from _unseen(profile)
    yield "clean-up", _cleanup(profile)
    yield "deviations", _listed([_deviation(deviation) for deviation in profile.deviations])
    if profile.elsewhere:
        yield "elsewhere", _listed([_deviation(deviation) for deviation in profile.elsewhere])
    if profile.labels:
        yield "labels", _listed([f"{name} = {value}" for name, value in profile.labels.items()])
    for text, holds in profile.ranges.items():
        yield "range", f"{text}: {_APPLIES[holds]}"


_APPLIES = {True: "applies", False: "does not apply", None: "not known; add --label NAME=VERSION"}
"""Whether a range of releases holds, in words."""


def _deviation(deviation: Deviation) -> str:
    seen_in = f" in {deviation.seen_in}" if deviation.seen_in else ""
    at_times = ", not in every run" if deviation.intermittent else ""
    return f"{deviation.check} ({deviation.symptom}{seen_in}{at_times})"


def _endpoint_rows(profile: Profile) -> Iterator[tuple[str, str]]:
    endpoint = profile.endpoint
    image = endpoint.image.name if endpoint.image else None
    yield "endpoint", f"{endpoint.kind} {endpoint.url or image or endpoint.program}"
    domain = f", buckets under {endpoint.domain}" if endpoint.domain and endpoint.style == "virtual" else ""
    yield "style", endpoint.style + domain
    yield "region", endpoint.region
    if endpoint.kind == "url":
        yield "trust", "the certificates in ca" if endpoint.ca else "the public CAs (certifi)"
    yield "bucket", endpoint.bucket or "made and removed by the run"


def _key_rows(profile: Profile) -> Iterator[tuple[str, str]]:
    if not profile.key_sources:
        yield "keys", "made by the run"
    backup = profile.key_sources.get("backup")
    for role, source in profile.key_sources.items():
        shared = role != "backup" and source == backup
        yield f"{role} key", "the backup key" if shared else _source(source)


def _source(source: KeySource) -> str:
    names = " and ".join(f"{origin.kind} {origin.name}" for origin in (source.id, source.secret))
    return f"{names}: {'set' if source.present else 'NOT SET'}"


def _differences(profile: Profile) -> Iterator[str]:
    for name, value in differences(profile.capabilities, profile.limits):
        yield f"{name} = {_value(name, value)}"


def _value(name: str, value: Value) -> str:
    """A value as the profile has it, but times in the unit that suits them."""
    known = CAPABILITIES.get(name)
    return span(value) if known and known.kind == "duration" and isinstance(value, int) else spell(value)


def _unseen(profile: Profile) -> Iterator[tuple[str, str]]:
    """What is documented of a provider, or said, and what no check will see; each with the reason."""
    for name, value, why in unseen_lines(profile.capabilities, profile.limits):
        yield "not seen", f"{name} = {_value(name, value)}: {why}"


def _cleanup(profile: Profile) -> str:
    after = profile.cleanup.after
    return profile.cleanup.mechanism + ("" if after is None else f" after {span(after)}")


def _listed(items: Iterator[str] | list[str]) -> str:
    return ", ".join(items) or "none"


def _parser(
    subparsers: _SubParsersAction[ArgumentParser], name: str, summary: str, about: str, examples: str
) -> ArgumentParser:
    return subparsers.add_parser(
        name, help=summary, description=about, epilog=examples, formatter_class=RawDescriptionHelpFormatter
    )


def _say(text: str) -> None:
    sys.stdout.write(text)
