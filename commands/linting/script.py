"""What a script does, as far as the rules ask for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from restoreproof.commands.linting.address import Address
    from restoreproof.commands.linting.spelling import Slip
    from restoreproof.commands.linting.values import Value

READS_ALL = ("DATABASE", "LOG", "VERIFYONLY")
"""What RESTORE is followed by where it reads every stripe."""


LOGICAL, UNREAD = "LOGICAL", "UNREAD"
"""Kinds of devices that no word of T-SQL tells: a bare name, and what is known at run time only."""


@dataclass(frozen=True)
class Device:
    """Where a backup goes to or comes from: URL, DISK, TAPE, or another word of T-SQL; else LOGICAL or UNREAD.

    :ivar address: what a URL says.
    """

    kind: str
    value: Value
    address: Address | None = None

    @property
    def spot(self) -> int:
        """Where it stands in the file."""
        return self.value.spot

    @property
    def family(self) -> str:
        """The general class of devices: ``s3``, ``azure`` or that of its word; empty where nobody knows."""
        if self.address:
            return self.address.family
        return "" if self.kind in (LOGICAL, UNREAD) else self.kind.lower()


@dataclass(frozen=True)
class Option:
    """A word behind WITH, its value if it has one, and where it stands."""

    name: str
    spot: int
    value: Value | None = None


@dataclass(frozen=True)
class Transfer:
    """BACKUP or RESTORE.

    :ivar what: the word behind: DATABASE, LOG, VERIFYONLY ...
    :ivar in_transaction: a transaction of the script's own is open.
    :ivar whole: all of its options are known; else some may come at run time.
    :ivar procedure: it is what a maintenance procedure is told to do; its URLs are folders then.
    """

    verb: str
    what: str
    devices: tuple[Device, ...]
    mirrors: tuple[tuple[Device, ...], ...]
    options: tuple[Option, ...]
    spot: int
    in_transaction: bool = False
    whole: bool = True
    procedure: str = ""

    @property
    def all_devices(self) -> tuple[Device, ...]:
        """Its devices and those of its mirrors."""
        return self.devices + tuple(device for mirror in self.mirrors for device in mirror)

    @property
    def urls(self) -> tuple[Device, ...]:
        """The devices on S3."""
        return tuple(device for device in self.all_devices if device.family == "s3")

    def option(self, *names: str) -> Option | None:
        """The first option of one of these names."""
        return next((option for option in self.options if option.name in names), None)

    def lacks(self, *names: str) -> bool:
        """Whether it surely has none of these options."""
        return self.whole and not self.option(*names)

    def number(self, name: str) -> int | None:
        """The whole number that an option has."""
        option = self.option(name)
        return option.value.number if option and option.value else None


@dataclass(frozen=True)
class Credential:
    """CREATE or ALTER CREDENTIAL.

    :ivar scoped: it is one of a database.
    """

    name: Value
    scoped: bool
    identity: Value | None
    secret: Value | None = field(repr=False)
    spot: int = 0


@dataclass(frozen=True)
class Call:
    """A procedure or function that is called.

    :ivar named: arguments by their names in small letters.
    """

    name: str
    plain: tuple[Value, ...]
    named: Mapping[str, Value]
    spot: int


@dataclass
class Script:
    """All that the rules look at, in the order of the text.

    :ivar slips: places where a statement is not written as SQL Server reads it.
    :ivar unread: where text is executed of which nothing is known before it is.
    :ivar writes: texts of the script hold statements that take or give backups.
    :ivar left_open: where what never ends begins, and what it is.
    """

    transfers: list[Transfer] = field(default_factory=list)
    credentials: list[Credential] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    slips: list[Slip] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    writes: bool = False
    left_open: tuple[int, str] | None = None

    def on_s3(self, verb: str) -> Iterator[Transfer]:
        """Backups or restores that touch S3."""
        return (transfer for transfer in self.transfers if transfer.verb == verb and transfer.urls)
