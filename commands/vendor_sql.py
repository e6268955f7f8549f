"""T-SQL to paste for one vendor: the credential, a backup, and what proves and restores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.fixtures.engines.limits import LARGEST_TRANSFER, REGION, SMALLEST_TRANSFER, TRANSFER_STEP

if TYPE_CHECKING:
    from restoreproof.commands.vendor import Vendor

STRIPES = 4


def credential(place: str) -> list[str]:
    """CREATE CREDENTIAL for all that lies in a bucket."""
    return [
        f"CREATE CREDENTIAL [{place}]",
        "WITH IDENTITY = 'S3 Access Key',",
        "     SECRET = 'KEYID:SECRET';",
    ]


def backup(vendor: Vendor, place: str) -> list[str]:
    """A striped BACKUP with the largest parts that both sides take."""
    options = ["FORMAT", "COMPRESSION", "CHECKSUM", f"MAXTRANSFERSIZE = {_transfer(vendor)}", "STATS = 5"]
    return ["BACKUP DATABASE [Sales]", *_urls("TO", place), *_with(options, _region(vendor, "BACKUP_OPTIONS"))]


def verify(vendor: Vendor, place: str) -> list[str]:
    """RESTORE VERIFYONLY of all stripes."""
    return ["RESTORE VERIFYONLY", *_urls("FROM", place), *_with(["CHECKSUM"], _region(vendor, "RESTORE_OPTIONS"))]


def restore(vendor: Vendor, place: str) -> list[str]:
    """RESTORE under another name, so that pasting it overwrites nothing."""
    moves = [
        "CHECKSUM",
        "MOVE 'Sales' TO '/var/opt/mssql/data/Sales_restored.mdf'",
        "MOVE 'Sales_log' TO '/var/opt/mssql/data/Sales_restored.ldf'",
        "STATS = 5",
    ]
    region = _region(vendor, "RESTORE_OPTIONS")
    return ["RESTORE DATABASE [Sales_restored]", *_urls("FROM", place), *_with(moves, region, apart=True)]


def script(vendor: Vendor) -> list[str]:
    """All of it, in the order in which it is run."""
    place = vendor.place(vendor.profile.endpoint.style)
    blocks = (
        ["-- key id and secret of the store, with a colon between them"],
        credential(place),
        [""],
        backup(vendor, place),
        [""],
        verify(vendor, place),
        [""],
        ["-- RESTORE FILELISTONLY tells the logical names, here Sales and Sales_log"],
        restore(vendor, place),
    )
    return [line for block in blocks for line in block]


def _transfer(vendor: Vendor) -> int:
    """20 MiB, or less where the store takes smaller parts only."""
    largest = min(LARGEST_TRANSFER, vendor.profile.limits["part_maximum"])
    return max(SMALLEST_TRANSFER, largest - largest % TRANSFER_STEP)


def _urls(word: str, place: str) -> list[str]:
    names = [f"{place}/Sales/Sales_full_20260131_{stripe}.bak" for stripe in range(1, STRIPES + 1)]
    return [
        f"{word if not index else '':<4} URL = '{name}'{',' if name is not names[-1] else ''}"
        for index, name in enumerate(names)
    ]


def _region(vendor: Vendor, option: str) -> list[str]:
    region = vendor.profile.endpoint.region
    return [] if region == REGION else [f"""{option} = '{{"s3": {{"region":"{region}"}}}}'"""]


def _with(options: list[str], region: list[str], *, apart: bool = False) -> list[str]:
    lines = [*options, *region] if apart else [", ".join(options), *region]
    ends = [","] * (len(lines) - 1) + [";"]
    return [f"{'WITH' if not index else '':<4} {line}{ends[index]}" for index, line in enumerate(lines)]
