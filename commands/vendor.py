"""A profile together with the facts behind it, and in which words both are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from restoreproof.commands.starter import port_of
from restoreproof.providers.capabilities import CAPABILITIES, LIMITS, MIB
from restoreproof.providers.endpoint import NOBODY
from restoreproof.providers.expectations import differences
from restoreproof.providers.facts import load_facts
from restoreproof.providers.problems import refusal
from restoreproof.providers.profile import SHIPPED, load_profile
from restoreproof.reports.register import load_register

if TYPE_CHECKING:
    from restoreproof.providers.capabilities import Value
    from restoreproof.providers.facts import Facts
    from restoreproof.providers.profile import Profile

_HTTPS = 443
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
BUCKET = "sqlbackups"
"""The bucket of the examples, where the profile names none."""


@dataclass(frozen=True)
class Vendor:
    """A profile and the facts of its offering.

    :ivar named: the profile's name, or its file as the user gave it.
    """

    profile: Profile
    facts: Facts
    named: str = ""

    @property
    def is_shipped(self) -> bool:
        """Whether the profile is one of ours, and its page lies beside all others."""
        return self.profile.path.parent == SHIPPED

    @property
    def is_run(self) -> bool:
        """Whether RestoreProof starts the server itself, so that what the profile says has been seen."""
        return self.profile.endpoint.kind != "url"

    @property
    def url(self) -> str:
        """The endpoint's URL; an example where it is started by us or is to be filled in."""
        port = port_of(self.profile)
        example = f"https://{self.profile.name.replace('_', '-')}{NOBODY}" + ("" if port == _HTTPS else f":{port}")
        return self.profile.endpoint.url or example

    @property
    def is_example(self) -> bool:
        """Whether the URL is to be filled in by its reader."""
        return self.profile.endpoint.is_placeholder or self.profile.endpoint.url is None

    @property
    def bucket(self) -> str:
        """The bucket of the examples."""
        return self.profile.endpoint.bucket or BUCKET

    def place(self, style: str) -> str:
        """The bucket as a URL of SQL Server's, without a slash at its end."""
        authority = urlsplit(self.url).netloc
        if style == "virtual":
            return f"s3://{self.bucket}.{authority}"
        return f"s3://{authority}/{self.bucket}"

    def takes(self, style: str) -> bool:
        """Whether the bucket may stand there, if only once the vendor's side is set up for it."""
        word = "virtual_host" if style == "virtual" else "path_style"
        if word in self.profile.given:
            return bool(self.profile.capabilities[word])
        return bool(self.profile.capabilities[word] or self.facts.value(f"addressing.{word}"))

    def differences(self) -> list[tuple[str, Value, str]]:
        """Name, value and sentence of each capability and limit that is not what RestoreProof assumes."""
        sentences = {name: word.sentence for name, word in (CAPABILITIES | LIMITS).items()}
        told = differences(self.profile.capabilities, self.profile.limits)
        return [(name, value, sentences[name]) for name, value in told]


def load_vendor(name_or_path: str) -> Vendor:
    """A profile with its facts.

    :raises ProfileError: one of them can't be used, or the profile names no facts.
    """
    profile = load_profile(name_or_path, {}, load_register().requirements, require_keys=False)
    if profile.facts is None:
        raise refusal(name_or_path, 'names no facts, of which its page would be made; add facts = "..."')
    return Vendor(profile, load_facts(profile.facts, profile.labels.get("variant")), name_or_path)


def shown(value: Value, name: str = "") -> str:
    """A value in words: yes and no, numbers in groups of three unless they are ports, bytes also in MiB.

    :param name: the word of the vocabulary, the capability or the limit whose value it is.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name in CAPABILITIES and CAPABILITIES[name].kind == "duration":
        return span(value)
    if isinstance(value, int) and name.endswith("_port"):
        return str(value)
    if isinstance(value, int):
        whole = name.endswith("_bytes") and value % MIB == 0
        return f"{value:,}" + (f" ({value // MIB:,} MiB)" if whole else "")
    return ", ".join(value) if isinstance(value, tuple) else value


def span(seconds: int) -> str:
    """A duration in days, hours, minutes or seconds."""
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:g} min"
    if seconds % _DAY == 0 and seconds > _DAY:
        return f"{seconds // _DAY} days"
    return f"{seconds / _HOUR:g} h"
