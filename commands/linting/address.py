"""The URL of a device, taken apart as far as it is known before the script runs."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import cached_property

from restoreproof.commands.linting.tokens import HOLE

SCHEME = "s3://"
_WEB = ("https://", "http://")
_AZURE = re.compile(r"https?://[^/]*\.(?:blob|dfs)\.", re.IGNORECASE)
_S3_HOST = re.compile(r"s3[.-]", re.IGNORECASE)
_S3_LABEL = re.compile(r"(?:^|\.)s3[.-]", re.IGNORECASE)
_SHOWN = 80


@dataclass(frozen=True)
class Address:
    """A URL as the script has it; a hole stands for what is known at run time only.

    :ivar folder: it is not the URL of an object but the start of one.
    """

    text: str
    folder: bool = False

    @cached_property
    def family(self) -> str:
        """``azure``, or ``s3`` for all that is no address on the web, or one whose host says S3; empty for the rest.

        What begins with https:// is right on Azure, on Azure Stack and on emulators, under names that anybody chose.
        """
        if _AZURE.match(self.text):
            return "azure"
        start = self.text.partition(HOLE)[0].lower()
        if self.on_web:
            return "s3" if _S3_LABEL.search(self.host.partition(HOLE)[0]) else ""
        return "s3" if len(start) >= len(SCHEME) or HOLE not in self.text else ""

    @property
    def on_web(self) -> bool:
        """Whether it begins with https://, or with http://."""
        return self.text.lower().startswith(_WEB)

    @property
    def proper(self) -> bool:
        """Whether it begins as an address on S3 does."""
        return self.text.lower().startswith(SCHEME) and self.text[len(SCHEME) :][:1] not in ("", "/")

    @cached_property
    def netloc(self) -> str:
        """Host and port, in small letters, without a name and password in front."""
        rest = self.text.partition("//")[2]
        return re.split(r"[/?]", rest, maxsplit=1)[0].rpartition("@")[2].lower()

    @property
    def host(self) -> str:
        """The host alone."""
        return self.netloc.rpartition(":")[0] if re.search(r":\d*$", self.netloc) else self.netloc

    @property
    def port(self) -> int:
        """The port; 443 where none is named."""
        digits = self.netloc.rpartition(":")[2]
        return int(digits) if self.host != self.netloc and 0 < len(digits) < 6 else 443  # noqa: PLR2004 - 65535

    @cached_property
    def path(self) -> str:
        """What follows the host, with its slash, without a query."""
        rest = self.text.partition("//")[2].partition("?")[0]
        return rest[rest.index("/") :] if "/" in rest else ""

    @property
    def judged(self) -> bool:
        """Whether the host is known before the script runs."""
        return HOLE not in self.text or self.text.partition(HOLE)[0].count("/") > SCHEME.count("/")

    @property
    def needs_bucket(self) -> bool:
        """Whether the host is surely none of a single bucket: an address, a bare name, or one that begins with s3."""
        host = self.host.strip("[]")
        return "." not in host or bool(_S3_HOST.match(host)) or _is_ip(host)

    @property
    def identity(self) -> tuple[str, str]:
        """What makes two URLs one: capitals count in the path only."""
        return self.netloc, self.path

    @property
    def shown(self) -> str:
        """The URL as a finding may show it: without query, name, password and length."""
        text = f"{SCHEME}{self.netloc}{self.path}".replace(HOLE, "...")
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
