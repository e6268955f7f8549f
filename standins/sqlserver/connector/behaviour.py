"""What the connector does where Microsoft does not say: one switch per open question, each with its default's source.

Numbers in brackets are the open questions of the wire notes. Four of them need no switch: whether ListBucket is needed
[13] follows from ``probe``, whether GetObject is [14] from ``head_after_completion``, and Windows and Linux [21] are
taken to be alike. A credential whose name ends at the host [22] is looked up by the engine, which asks us for it.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Behaviour"]

_MIB = 1024 * 1024


def _switch(default: object, source: str, *words: str, least: float = 0, most: float = 0) -> Any:
    """Declare a switch: its words, or its range, and where its default is from ("guess" where nobody says)."""
    return field(default=default, metadata={"source": source, "words": words, "least": least, "most": most})


@dataclass(frozen=True)
class Behaviour:
    """All switches; the defaults are the best guesses of what SQL Server 2022 does."""

    probe: str = _switch("list", "guess [1, 13]; rights to list are documented as needed", "head", "list", "both")
    tiny: str = _switch("multipart", "guess [2]: the size is unknown when the device is opened", "multipart", "put")
    payload_hash: str = _switch("sha256", "guess [3]", "sha256", "UNSIGNED-PAYLOAD")
    integrity: str = _switch("none", "guess [4]: buckets that demand one are refused", "none", "md5", "crc32", "sha256")
    parts_in_flight: int = _switch(2, "guess [5]; BUFFERCOUNT bounds it", least=1, most=64)
    first_part_number: int = _switch(1, "guess [6]", least=1, most=1000)
    part_number_step: int = _switch(1, "guess [6]", least=1, most=100)
    part_sizes: str = _switch(
        "mixed-if-compressed", "guess [7]; sizes differ, says backup-to-url", "ceiling", "mixed", "mixed-if-compressed"
    )
    part_floor: int = _switch(5 * _MIB, "backup-to-url: a part leaves when 5 MB are ready", least=1, most=20 * _MIB)
    part_limit: int = _switch(10_000, "backup-to-url", least=1, most=10_000)
    on_failure: str = _switch("leave", "guess [8]; open parts stay, says backup-to-url", "leave", "abort")
    delete_before_format: bool = _switch(default=False, source="guess [8]")
    retries: int = _switch(20, "CU20 speaks of 20; guess [9] for what", least=0, most=100)
    opening_retries: int = _switch(3, "guess [9]: since CU7 an unreachable host is told soon", least=0, most=100)
    retry_seconds: float = _switch(0.05, "guess [9]; it doubles with each try", least=0.001, most=60)
    longest_retry_seconds: float = _switch(
        0.1, "guess [9]; short, so that what is away for good is told soon", least=0.001, most=60
    )
    retry_statuses: tuple[int, ...] = _switch((500, 502, 503, 504), "guess [9]")
    connect_seconds: float = _switch(15.0, "guess; bounded since CU7", least=0.05, most=600)
    answer_seconds: float = _switch(60.0, "guess: what WinHTTP waits at most is not published", least=0.05, most=3600)
    completion_seconds: float = _switch(300.0, "guess [10]", least=0.05, most=3600)
    range_bytes: int = _switch(0, "guess [11]: 0 stands for the backup's MAXTRANSFERSIZE", least=0, most=64 * _MIB)
    parallel_ranges: int = _switch(2, "guess [12]", least=1, most=64)
    head_after_completion: bool = _switch(default=False, source="guess [6 of the sequence, 14]")
    user_agent: str = _switch("SQLServer-StandIn/16.0", "guess [15]: the stand-in says what it is")
    newest_tls: str = _switch("1.2", "guess [16]", "1.2", "1.3")
    redirects: str = _switch("refuse", "guess [17]", "refuse", "follow")
    region_errors: str = _switch("refuse", "guess [17]", "refuse", "retry")
    region_hosts: str = _switch("aws", "guess [18]; create-credential shows s3.us-west-2", "none", "aws", "any")
    key_encoding: str = _switch("once", "guess [19]", "once", "keep-escapes")
    list_parts: bool = _switch(default=False, source="guess [20]: none of it is needed")
    bucket_location: bool = _switch(default=False, source="guess [20]")
    host_credentials: bool = _switch(default=False, source="guess [22]; the engine's lookup asks for it")

    def __post_init__(self) -> None:
        """Refuse values that are none.

        :raises ValueError: names the switch and what it takes.
        """
        for one in fields(self):
            _check(one.name, getattr(self, one.name), one.default, one.metadata)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> Self:
        """Read plain JSON values; what is not named keeps its default.

        :raises ValueError: an unknown switch or a value that it does not take.
        """
        known = {one.name for one in fields(cls)}
        if unknown := sorted(set(mapping) - known):
            raise ValueError(f"No switch of the connector: {', '.join(unknown)}; there are {', '.join(sorted(known))}.")
        defaults = {one.name: one.default for one in fields(cls)}
        return cls(**{name: _plain(value, defaults[name]) for name, value in mapping.items()})

    def as_mapping(self) -> dict[str, object]:
        """Give all switches as plain JSON values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def sources(cls) -> dict[str, str]:
        """Say of each switch where its default is from."""
        return {one.name: str(one.metadata["source"]) for one in fields(cls)}

    def pauses(self, attempt: int) -> float:
        """How long to wait after a failed try, counted from 0."""
        return min(self.retry_seconds * 2.0 ** min(attempt, 30), self.longest_retry_seconds)


def _plain(value: object, default: object) -> Any:
    """A value of JSON as its switch keeps it: lists are tuples, and where words are wanted a number is one (1.3)."""
    if isinstance(value, list):
        return tuple(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number and isinstance(default, str) else value


def _check(name: str, value: object, default: object, rules: Mapping[str, Any]) -> None:
    if isinstance(default, bool):
        takes = "true or false" if not isinstance(value, bool) else ""
    elif rules["words"]:
        takes = f"one of {', '.join(rules['words'])}" if value not in rules["words"] else ""
    elif isinstance(default, str):
        takes = "" if isinstance(value, str) and re.fullmatch(r"[ -~]{0,200}", value) else "a line of ASCII"
    elif isinstance(default, tuple):
        takes = "" if isinstance(value, tuple) and all(_is_status(each) for each in value) else "HTTP statuses"
    else:
        kinds = int if isinstance(default, int) else (int, float)
        right = isinstance(value, kinds) and not isinstance(value, bool) and rules["least"] <= value <= rules["most"]
        takes = "" if right else f"a number from {rules['least']:g} to {rules['most']:g}"
    if takes:
        raise ValueError(f"The connector's {name} is {takes}, not {value!r}.")


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599  # noqa: PLR2004 - HTTP's errors
