"""What SQL Server was seen to send, and which of the open questions about its S3 requests that answers.

A census is a file of JSON lines beside the run file, one for each request that passed the proxy between SQL Server and
the store. It has no key, no signature and no byte of a body. The questions are those that Microsoft's documents leave
open; their numbers never change.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

FILE = "census.jsonl"
MIB = 1024 * 1024
NOT_SEEN = "not seen in this run"
NOT_ASKED = "one run of the suites can't tell"


class CensusError(ValueError):
    """There is no census, or it is damaged; the text names the file."""


@dataclass(frozen=True)
class Answer:
    """What a census says to one question.

    :ivar requests: how many requests it rests on.
    :ivar settles: the switches of the stand-in, each with a guess for its default, that it settles.
    """

    number: int
    question: str
    answer: str
    requests: int = 0
    settles: str = ""


@dataclass(frozen=True)
class Question:
    """What nobody outside knows of SQL Server.

    :ivar find: its answer.
    :ivar about: the operations that it is about; none for all of them, None where no request tells.
    :ivar settles: as in :class:`Answer`.
    """

    text: str
    find: Callable[[Sequence[Mapping[str, Any]]], str]
    about: tuple[str, ...] | None
    settles: str = ""

    def answered(self, number: int, lines: Sequence[Mapping[str, Any]]) -> Answer:
        """What these requests say to it."""
        about = () if self.about is None else lines if not self.about else _of(lines, *self.about)
        answer = self.find(lines)
        return Answer(number, self.text, answer, 0 if answer == NOT_SEEN else len(about), self.settles)


def read_census(path: Path) -> list[dict[str, Any]]:
    """The lines of a census, in the order in which the requests ended.

    :raises CensusError: there is none, or a line is damaged.
    """
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as problem:
        raise CensusError(f"{path}: {problem.strerror}; a run with SQL Server behind the proxy writes it") from None
    except ValueError as problem:
        raise CensusError(f"{path} is damaged: {problem}") from None
    if not all(isinstance(line, dict) and "operation" in line for line in lines):
        raise CensusError(f"{path} is no census; give the run's folder, or its census.jsonl")
    return lines


def answers(lines: Sequence[Mapping[str, Any]]) -> list[Answer]:
    """What these requests say to each of the questions."""
    return [question.answered(number, lines) for number, question in enumerate(QUESTIONS, start=1)]


def told(path: Path) -> tuple[dict[str, Any], ...]:
    """The answers as a run file keeps them; none where there is no census, or a damaged one."""
    try:
        return tuple(asdict(answer) for answer in answers(read_census(path)))
    except CensusError:
        return ()


def behaviour(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The switches of the stand-in's connector as these requests have them; what was not seen is left out."""
    parts, reads = _of(lines, "UploadPart"), _of(lines, "GetObject")
    asked = {line["operation"] for line in _of(lines, "HeadObject", "ListObjects")}
    found: dict[str, Any] = {}
    if asked:
        found["probe"] = "both" if len(asked) > 1 else "head" if "HeadObject" in asked else "list"
    if parts:
        found["payload_hash"] = Counter(line["payload"] for line in parts).most_common(1)[0][0]
        found["parts_in_flight"] = max(_widths(parts))
        found["tiny"] = "put" if _of(lines, "PutObject") else "multipart"
    if reads:
        found["parallel_ranges"] = max(_widths(reads))
    agents = Counter(line["shown"].get("user-agent", "") for line in lines)
    if agents:
        found["user_agent"] = agents.most_common(1)[0][0]
    return found


def table(found: Iterable[Answer]) -> str:
    """The answers as a Markdown table."""
    cells = ((each.number, each.question, each.answer, each.requests, each.settles or "none") for each in found)
    rows = [f"| {' | '.join(str(cell) for cell in row)} |" for row in cells]
    head = ["| | question | seen | requests | settles the switch |", "| --- | --- | --- | ---: | --- |"]
    return "\n".join([*head, *rows]) + "\n"


def _of(lines: Iterable[Mapping[str, Any]], *operations: str) -> list[Mapping[str, Any]]:
    return [line for line in lines if line["operation"] in operations]


def _listed(found: Iterable[object]) -> str:
    counted = Counter(str(each) for each in found)
    return ", ".join(f"{word} ({number} times)" for word, number in counted.most_common()) or NOT_SEEN


def _probe(lines: Sequence[Mapping[str, Any]]) -> str:
    first: dict[str, list[str]] = {}
    for line in sorted(lines, key=lambda each: each["began"]):
        before = first.setdefault(line["key"], [])
        if "CreateMultipartUpload" not in before and line["operation"] != "UploadPart":
            before.append(line["operation"])
    ended = [steps[:-1] for key, steps in first.items() if key and steps[-1:] == ["CreateMultipartUpload"]]
    begun = [" then ".join(steps) or "no request for the object" for steps in ended]
    listing = "; lists under a prefix" if _of(lines, "ListObjects") else ""
    return _listed(begun) + listing


def _tiny(lines: Sequence[Mapping[str, Any]]) -> str:
    if _of(lines, "PutObject"):
        return f"PutObject was sent {len(_of(lines, 'PutObject'))} times"
    parts = Counter(line["key"] for line in _of(lines, "UploadPart"))
    alone = sum(number == 1 for number in parts.values())
    return f"never PutObject; {alone} uploads of a single part" if parts else NOT_SEEN


def _payload(lines: Sequence[Mapping[str, Any]]) -> str:
    return _listed(line["payload"] or "no such header" for line in _of(lines, "UploadPart"))


def _checksums(lines: Sequence[Mapping[str, Any]]) -> str:
    sent = _of(lines, "UploadPart", "PutObject", "CompleteMultipartUpload", "CreateMultipartUpload")
    named = {name for line in sent for name in line["headers"] if name == "content-md5" or "checksum" in name}
    return ", ".join(sorted(named)) or ("none" if sent else NOT_SEEN)


def _widths(lines: Iterable[Mapping[str, Any]]) -> list[int]:
    """Of each object: how many requests were under way at a time, at the most."""
    by_key: dict[str, list[tuple[float, int]]] = {}
    for line in lines:
        by_key.setdefault(line["key"], []).extend([(line["began"], 1), (line["ended"], -1)])
    return [max(accumulate(step for _, step in sorted(moments))) for moments in by_key.values()]


def _overlap(*operations: str) -> Callable[[Sequence[Mapping[str, Any]]], str]:
    def most(lines: Sequence[Mapping[str, Any]]) -> str:
        widths = _widths(_of(lines, *operations))
        return f"at most {max(widths)} of one object at a time" if widths else NOT_SEEN

    return most


def _numbers(lines: Sequence[Mapping[str, Any]]) -> str:
    by_key: dict[str, set[int]] = {}
    for line in _of(lines, "UploadPart"):
        by_key.setdefault(line["key"], set()).add(line["part"])
    odd = sum(found != set(range(1, len(found) + 1)) for found in by_key.values())
    return f"consecutive from 1 in {len(by_key) - odd} of {len(by_key)} uploads" if by_key else NOT_SEEN


def _sizes(lines: Sequence[Mapping[str, Any]]) -> str:
    sizes = [
        int(line["shown"]["content-length"]) for line in _of(lines, "UploadPart") if "content-length" in line["shown"]
    ]
    if not sizes:
        return NOT_SEEN
    return f"{min(sizes):,} to {max(sizes):,} bytes, {len(set(sizes))} different sizes in {len(sizes)} parts"


def _removals(lines: Sequence[Mapping[str, Any]]) -> str:
    return _listed(line["operation"] for line in _of(lines, "AbortMultipartUpload", "DeleteObject", "DeleteObjects"))


def _retries(lines: Sequence[Mapping[str, Any]]) -> str:
    tries = _tries(lines)
    again = dict.fromkeys(status for found in tries for status in found[:-1])
    given_up = dict.fromkeys(found[-1] for found in tries if found[-1] != "200")
    if not again and not given_up:
        return "nothing failed in this run" if tries else NOT_SEEN
    last = f"; given up after {', '.join(given_up)}" if given_up else ""
    return f"the same part at most {max(map(len, tries))} times; again after {', '.join(again) or 'nothing'}{last}"


def _tries(lines: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """What came of each part of each upload, try after try."""
    begun, tries = Counter[str](), dict[tuple[str, int, int], list[str]]()
    for line in sorted(lines, key=lambda each: each["began"]):
        begun[line["key"]] += line["operation"] == "CreateMultipartUpload"
        if line["operation"] == "UploadPart":
            place = (line["key"], begun[line["key"]], line["part"])
            tries.setdefault(place, []).append(str(line["status"] or "no answer"))
    return list(tries.values())


def _patience(lines: Sequence[Mapping[str, Any]]) -> str:
    waits = [line["ended"] - line["began"] for line in _of(lines, "CompleteMultipartUpload")]
    return f"waited {max(waits):.1f} s at the longest" if waits else NOT_SEEN


def _ranges(lines: Sequence[Mapping[str, Any]]) -> str:
    spans = []
    for line in _of(lines, "GetObject"):
        first, _, last = line["shown"].get("range", "").removeprefix("bytes=").partition("-")
        spans.append(int(last) - int(first) + 1 if first.isdigit() and last.isdigit() else 0)
    if not spans:
        return NOT_SEEN
    whole = f"; {spans.count(0)} reads without a closed range" if 0 in spans else ""
    closed = [span for span in spans if span]
    return (f"{min(closed):,} to {max(closed):,} bytes" if closed else "none closed") + whole


def _agents(lines: Sequence[Mapping[str, Any]]) -> str:
    return _listed(line["shown"].get("user-agent", "none") for line in lines)


def _tls(lines: Sequence[Mapping[str, Any]]) -> str:
    return _listed(
        f"{line['tls']['version']}, {'SNI' if line['tls'].get('sni') else 'no SNI'}, "
        f"ALPN {'/'.join(line['tls'].get('alpn', ())) or 'none'}, {line['http']}"
        for line in lines
    )


def _redirects(lines: Sequence[Mapping[str, Any]]) -> str:
    return _listed(line["status"] for line in lines if 300 <= line["status"] < 400)  # noqa: PLR2004


def _regions(lines: Sequence[Mapping[str, Any]]) -> str:
    return _listed(line["region"] or "none" for line in lines)


def _encoding(lines: Sequence[Mapping[str, Any]]) -> str:
    return _listed(
        "percent-encoded once" for line in lines if "%" in line["raw_path"] and "%25" not in line["raw_path"]
    )


def _other(lines: Sequence[Mapping[str, Any]]) -> str:
    return _listed(line["operation"] for line in _of(lines, "ListParts", "ListMultipartUploads", "other"))


def _untold(_lines: Sequence[Mapping[str, Any]]) -> str:
    return NOT_ASKED


ALL: tuple[str, ...] = ()
PARTS, READS = ("UploadPart",), ("GetObject",)
WRITES = ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject")
LOOKS = ("HeadObject", "ListObjects")
REMOVALS = ("AbortMultipartUpload", "DeleteObject", "DeleteObjects")
OTHERS = ("ListParts", "ListMultipartUploads", "other")

QUESTIONS: Sequence[Question] = (
    Question("What asks whether the object exists: HEAD, a list, or both?", _probe, LOOKS, "probe"),
    Question("Is a tiny backup a plain PUT?", _tiny, ("PutObject", "UploadPart"), "tiny"),
    Question("What is the value of x-amz-content-sha256 of parts?", _payload, PARTS, "payload_hash"),
    Question("Are there checksum or MD5 headers?", _checksums, WRITES, "integrity"),
    Question("How many parts of one URL are under way at a time?", _overlap("UploadPart"), PARTS, "parts_in_flight"),
    Question("Are part numbers consecutive from 1?", _numbers, PARTS, "first_part_number, part_number_step"),
    Question("How large are parts?", _sizes, PARTS, "part_sizes"),
    Question("Does it abort or delete anything?", _removals, REMOVALS, "on_failure, delete_before_format"),
    Question(
        "How often, and after what, is a part sent again?", _retries, PARTS, "retries, opening_retries, retry_statuses"
    ),
    Question("How long does it wait for a completion?", _patience, ("CompleteMultipartUpload",), "completion_seconds"),
    Question("How large are the ranges that it reads?", _ranges, READS, "range_bytes"),
    Question("How many reads of one object are under way at a time?", _overlap("GetObject"), READS, "parallel_ranges"),
    Question("Is the right to list needed?", _untold, None, "probe"),
    Question("Is the right to read needed for a backup?", _untold, None, "head_after_completion"),
    Question("What is the user agent?", _agents, ALL, "user_agent"),
    Question("Which TLS versions, server name and protocols does it offer?", _tls, ALL, "newest_tls"),
    Question("Are redirects followed?", _redirects, ALL, "redirects, region_errors"),
    Question("Which region are requests signed for?", _regions, ALL, "region_hosts"),
    Question("How are keys encoded?", _encoding, ALL, "key_encoding"),
    Question(
        "Does it list parts or uploads, or ask for the bucket's location?",
        _other,
        OTHERS,
        "list_parts, bucket_location",
    ),
    Question("Are Windows and Linux alike?", _untold, None),
    Question("Is a credential found whose name ends at the host?", _untold, None, "host_credentials"),
)
"""The questions, in the order of their numbers, and who answers them."""
