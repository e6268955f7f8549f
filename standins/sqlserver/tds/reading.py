"""Reading what a client sent without believing any of its lengths."""

from __future__ import annotations

__all__ = ["Malformed", "Reader"]


class Malformed(Exception):  # noqa: N818 - reads as what is wrong
    """A client's bytes that make no sense; the text never quotes them, as a password may be among them."""


class Reader:
    """Takes one message apart from its start to its end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        """Bytes that were not taken yet."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """The next bytes.

        :raises Malformed: there are fewer.
        """
        if size > self.left:
            raise Malformed("the message ends too early")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int, *, signed: bool = False) -> int:
        """A number of that many bytes, the lowest first."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def text(self, units: int) -> str:
        """A text of that many UTF-16 units; a lone half of a pair is kept as SQL Server keeps it."""
        try:
            return self.take(2 * units).decode("utf-16-le", "surrogatepass")
        except UnicodeDecodeError:
            raise Malformed("a text is no UTF-16") from None

    def short_text(self) -> str:
        """A text with its length before it, in one byte (B_VARCHAR)."""
        return self.text(self.number(1))

    def peek(self) -> int:
        """The next byte, which stays; -1 at the end."""
        return self._data[self._at] if self.left else -1

    def skip_headers(self) -> None:
        """Skip ALL_HEADERS (MS-TDS 2.2.5.3); nothing in them is of use to one request at a time."""
        size = self.number(4)
        if size < 4:  # noqa: PLR2004 - the size counts itself
            raise Malformed("the headers are too short")
        self.take(size - 4)
