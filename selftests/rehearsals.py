"""Profiles judged against one embedded endpoint, behind a proxy that does what each of them says."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from defective_runs import KEYS, REGISTER, Laboratory, declared, environment

from restoreproof.fixtures.endpoints.starting import BUCKET, give_bucket, start_endpoint
from restoreproof.fixtures.rehearsing import composition
from restoreproof.fixtures.staging import declared_by
from restoreproof.fixtures.verdicts import FAILED, PASSED, Observation, combine
from restoreproof.providers.capabilities import CAPABILITIES, LIMITS
from restoreproof.providers.expectations import checks_of, differences, spell, unseen_lines
from restoreproof.providers.profile import load_profile
from restoreproof.reports.record import MET, NOT_RUN, RED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from restoreproof.providers.capabilities import Value
    from restoreproof.providers.profile import Profile
    from restoreproof.reports.record import Record, Run

Line = tuple[str, "Value"]

NEEDED = {"versioning": ("LCK-04.newest-size",), "bucket_creation": ("ABORT-03.lifecycle-rule", "MPU-07.put-object")}
"""Checks of what the run is to be set up for."""

HEAVY = (
    "MPU-08.largest-object",
    "META-06.far-end-at-once",
    "MPU-02.ten-thousand-parts",
    "WIRE-17.idle-upload",
    "WIRE-01.model-agrees",
)
"""Checks that cost seconds; where a line has others, these are left out."""


def lines_of(profile: Profile) -> list[Line]:
    """What a profile says other than the default, and some check sees."""
    unseen = [word for word, _, _ in unseen_lines(profile.capabilities, profile.limits)]
    return [line for line in differences(profile.capabilities, profile.limits) if line[0] not in unseen]


def checks_for(word: str, value: Value) -> tuple[str, ...]:
    """Two of the checks that look at a line, or one, and the dear ones only if there are no others."""
    named = tuple(entry.id for entry in REGISTER if entry.capability == word)
    found = (*checks_of(word, value), *named, *NEEDED.get(word, ()))
    return (tuple(check for check in found if check not in HEAVY) or found)[:2]


def without(profile: Profile, word: str) -> Profile:
    """The profile with one line left out, or turned round where leaving it out says nothing."""
    if word in LIMITS:
        return replace(profile, limits={**profile.limits, word: LIMITS[word].default})
    return having(profile, word, CAPABILITIES[word].default)


def having(profile: Profile, word: str, value: Value) -> Profile:
    """The profile with one line more."""
    if word in LIMITS:
        return replace(profile, limits={**profile.limits, word: int(str(value))})
    capabilities = {**profile.capabilities, word: value}
    return replace(profile, capabilities=capabilities, given=profile.given | {word})


def red(run: Run, profile: Profile) -> list[str]:
    """The checks that would have been red in a run, had it been judged by another profile."""
    seen = [record for record in run.records if record.verdict != NOT_RUN or "begins above" in record.reason]
    judged = [combine(record.requirement, [_observed(record)], declared_by(profile)) for record in seen]
    return [record.id for record in judged if record.verdict in RED]


def _observed(record: Record) -> Observation:
    passed = record.verdict in (*MET, NOT_RUN)
    symptom = "" if passed else record.symptom
    return Observation(record.id, "", PASSED if passed else FAILED, symptom=symptom, reached=10**9)


@dataclass
class Stage:
    """One embedded endpoint for many rehearsals."""

    lab: Laboratory
    plain: Profile

    def rehearse(self, profile: Profile, *checks: str) -> Run:
        """A run of these checks, judged by what the profile says, behind a proxy that does what it says."""
        played = [*composition(profile, REGISTER.requirements)]
        if profile.limits["part_minimum"] == LIMITS["part_minimum"].default:
            played.append(f"part_minimum={LIMITS['part_minimum'].default}")  # the endpoint itself takes any
        words = [word for name in played for word in ("--defect", name)]
        chosen = [word for check in dict.fromkeys(checks) for word in ("--check", check)]
        return self.judge(profile, *words, *chosen)

    def judge(self, profile: Profile, *words: str) -> Run:
        """A run, judged by what the profile says of capabilities and limits."""
        self.lab.profile.write_text(self._text(profile), encoding="utf-8")
        return self.lab.certify(*words)[1]

    def _text(self, profile: Profile) -> str:
        endpoint, given = self.lab.endpoint, profile.capabilities["bucket_creation"] != "s3"
        lines = [
            f'name = "{profile.name}"',
            f'title = "{profile.name}"',
            f'[endpoint]\nurl = "{endpoint.url}"\nca = "ca.pem"\naddresses = {list(endpoint.addresses)}',
            f'domain = "{endpoint.domain}"\nstyle = "{profile.endpoint.style}"',
            *([f'bucket = "{BUCKET}"'] if given else []),
            "[capabilities]",
            *(f"{name} = {_toml(value)}" for name, value in profile.capabilities.items() if _is_said(profile, name)),
            "[limits]",
            *(f"{name} = {value}" for name, value in profile.limits.items()),
            *(KEYS.format(role=role, variable=role.upper()) for role in endpoint.keys),
            declared(self.plain),
        ]
        return "\n".join(lines)


@contextmanager
def stage() -> Iterator[Stage]:
    """An endpoint that takes parts of any size and has a bucket, started once."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="restoreproof-rehearsals-")))
        plain = load_profile("embedded", {}, REGISTER.requirements)
        endpoint = start_endpoint(replace(plain, limits={**plain.limits, "part_minimum": 1}), (), stack)
        give_bucket(endpoint, plain.capabilities)
        (folder / "ca.pem").write_text(endpoint.ca, encoding="ascii")
        yield Stage(Laboratory(endpoint, folder, folder / "rehearsed.toml", environment(folder, endpoint)), plain)


def _is_said(profile: Profile, name: str) -> bool:
    return name in profile.given or profile.capabilities[name] != CAPABILITIES[name].default


def _toml(value: Value) -> str:
    if isinstance(value, tuple):
        return str(list(value))
    if isinstance(value, bool):
        return spell(value)
    return f'"{value}"' if isinstance(value, str) else f'"{value // 60}m"'
