"""Files that are written behind: all of it, in order, or an error; and nobody waits for ever."""

import io

import pytest

from restoreproof.standins.sqlserver.sql.behind import WriteBehind

PIECES = [bytes([number]) * 1000 for number in range(50)]


class FullDisk(io.BytesIO):
    """Takes a few pieces, and then no more."""

    def write(self, piece):
        if self.tell() >= 3000:
            raise OSError(28, "No space left on device")
        return super().write(piece)


def write(file, pieces):
    with WriteBehind(file) as behind:
        for piece in pieces:
            behind.write(piece)


def broken():
    """Pieces of a backup that proves damaged behind the fourth."""
    yield from PIECES[:4]
    raise ValueError("damaged")


def test_all_pieces_are_written_in_order():
    file = io.BytesIO()
    write(file, PIECES)
    assert file.getvalue() == b"".join(PIECES)


@pytest.mark.parametrize("count", [4, 50], ids=["last-piece", "many-pieces"])
def test_what_could_not_be_written_is_told(count):
    with pytest.raises(OSError, match="No space left"):
        write(FullDisk(), PIECES[:count])


def test_error_of_the_reader_goes_before_that_of_the_disk():
    with pytest.raises(ValueError, match="damaged"):
        write(FullDisk(), broken())
