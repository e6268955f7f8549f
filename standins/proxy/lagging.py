"""What two defects share: a store that learns of new objects a little late."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy.operation import Kind

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["Lagging"]

_OK = 200
_QUIET_WRITES = 3


@dataclass
class Lagging:
    """Forgets, once, what was written last where more than three objects lie in one folder.

    :ivar fresh: bucket and key of what is to be forgotten still.
    """

    context: Context
    written: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    fresh: set[tuple[str, str]] = field(default_factory=set)

    def responseheaders(self, flow: HTTPFlow) -> None:
        """Note what was written."""
        assert flow.response
        if self.context.is_(flow, Kind.PUT_OBJECT, Kind.COMPLETE_UPLOAD) and flow.response.status_code == _OK:
            operation = self.context.operation(flow)
            folder = self.written.setdefault((operation.bucket, operation.folder), set())
            place = (operation.bucket, operation.key)
            self.fresh.discard(place)
            if operation.key not in folder and len(folder) >= _QUIET_WRITES:
                self.fresh.add(place)
            folder.add(operation.key)
