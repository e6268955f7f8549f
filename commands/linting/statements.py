"""BACKUP, RESTORE and CREDENTIAL as they stand in a script, read behind their first word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.linting.choices import read_options
from restoreproof.commands.linting.script import Credential, Transfer
from restoreproof.commands.linting.spelling import meant
from restoreproof.commands.linting.targets import KINDS, read_devices, read_targets
from restoreproof.commands.linting.tokens import Kind

if TYPE_CHECKING:
    from restoreproof.commands.linting.cursor import Cursor
    from restoreproof.commands.linting.values import Value

_WORDS = {
    "BACKUP": (("DATABASE", "LOG", "GROUP", "SERVER"), "TO"),
    "RESTORE": (
        ("DATABASE", "LOG", "HEADERONLY", "FILELISTONLY", "LABELONLY", "VERIFYONLY", "REWINDONLY"),
        "FROM",
    ),
}
"""What the statements are followed by, and what stands in front of their devices."""
_OTHERS = ("CERTIFICATE", "MASTER", "SERVICE", "SYMMETRIC")
"""What else BACKUP and RESTORE are followed by; that goes to files."""
_MAKES = ("CREATE", "ALTER")
_PARTS = ("IDENTITY", "SECRET")


def read_transfer(cursor: Cursor, verb: str, in_transaction: bool) -> Transfer | None:
    """What comes behind BACKUP or RESTORE, if it goes to a device or comes from one."""
    spot, start, slips = cursor.place(cursor.peek(-1)), cursor.at, len(cursor.slips)
    words, to = _WORDS[verb]
    what = _what(cursor, words)
    guessed = len(cursor.slips) > slips
    granted = what != "SERVER" and (cursor.sees("TO") or cursor.sees(","))  # GRANT BACKUP DATABASE TO somebody
    found = read_targets(cursor, to) if what and not granted else None
    if found is None or (guessed and not any(device.kind in KINDS for device in found[1])):
        del cursor.slips[slips:]
        cursor.at = start if guessed else cursor.at
        return None
    parts, devices, whole = found
    mirrors = []
    while _passes_mirror(cursor):
        mirror, known = read_devices(cursor)
        mirrors.append(mirror)
        whole = whole and known
    options, known = read_options(cursor, verb)
    return Transfer(verb, what, devices, tuple(mirrors), (*parts, *options), spot, in_transaction, whole and known)


def _passes_mirror(cursor: Cursor) -> bool:
    if cursor.accept("MIRROR", "TO"):
        return True
    if cursor.sees("MIRROR") and cursor.peek().upper in KINDS:
        cursor.slip("no TO behind MIRROR")
        cursor.take()
        return True
    if cursor.peek().upper == "TO" and meant(cursor.now.upper, ("MIRROR",)):
        cursor.slip(f"{cursor.now.upper}: did you mean MIRROR?")
        cursor.at += 2
        return True
    return False


def _what(cursor: Cursor, words: tuple[str, ...]) -> str:
    """The word that says what is backed up or restored; one that is misspelt counts as what was meant."""
    found = cursor.accept_any(*words)
    if not found and cursor.now.kind is Kind.WORD and cursor.now.upper not in _OTHERS:
        found = meant(cursor.now.upper, words)
        if found:
            cursor.slip(f"{cursor.now.upper}: did you mean {found}?")
            cursor.take()
    return found


def read_misspelt(cursor: Cursor, in_transaction: bool) -> Transfer | Credential | None:
    """What comes behind a word that is almost the first of a statement, if all that follows tells that it is one."""
    word, spot = cursor.peek(-1).upper, cursor.place(cursor.peek(-1))
    verb = meant(word, (*_WORDS, *_MAKES))
    at, slips = cursor.at, len(cursor.slips)
    if not verb:
        return None
    cursor.slip(f"{word}: did you mean {verb}?", spot)
    if verb in _WORDS:
        transfer = read_transfer(cursor, verb, in_transaction)
        if transfer and any(device.kind in KINDS for device in transfer.devices):
            return transfer
    else:
        credential = read_credential(cursor)
        if credential and credential.identity:
            return credential
    cursor.at = at
    del cursor.slips[slips:]
    return None


def read_credential(cursor: Cursor) -> Credential | None:
    """What comes behind CREATE or ALTER, if it is a credential."""
    spot = cursor.place(cursor.peek(-1))
    scoped = cursor.accept("DATABASE", "SCOPED")
    if not _passes_credential(cursor):
        return None
    name = cursor.name()
    if not name:
        return None
    given: dict[str, Value] = {}
    cursor.accept("WITH")
    while word := _part(cursor):
        cursor.at += 2
        given[word] = cursor.expression()
        if not cursor.accept(",") and cursor.peek().upper == "=" and cursor.now.upper in _PARTS:
            cursor.slip(f"no comma in front of {cursor.now.upper}")
    return Credential(name, scoped, given.get("IDENTITY"), given.get("SECRET"), spot)


def _passes_credential(cursor: Cursor) -> bool:
    if cursor.accept("CREDENTIAL"):
        return True
    named = cursor.peek(2).upper == "WITH" and cursor.peek(4).upper == "="
    if named and meant(cursor.now.upper, ("CREDENTIAL",)):
        cursor.slip(f"{cursor.now.upper}: did you mean CREDENTIAL?")
        cursor.take()
        return True
    return False


def _part(cursor: Cursor) -> str:
    """Which part of a credential comes next; empty if none does."""
    word = cursor.now.upper
    if cursor.now.kind is not Kind.WORD or cursor.peek().upper != "=":
        return ""
    if word not in _PARTS and (found := meant(word, _PARTS)):
        cursor.slip(f"{word}: did you mean {found}?")
        return found
    return word if word in _PARTS else ""
