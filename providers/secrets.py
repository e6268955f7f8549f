"""Secrets that never print: the type that carries a key, and the two places a key may come from.

A profile names an environment variable or a file, never the value. From the moment a value is read it lives in a
:class:`Secret`, so a traceback, a report, a log line or a failing assertion shows ``***``.
"""

from __future__ import annotations

import hmac
import os
import stat
from typing import TYPE_CHECKING, NoReturn

from restoreproof.providers.files import FileError, NoFileError, read_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MASK = "***"
"""What every way of printing a secret shows."""


class SecretError(ValueError):
    """A secret could not be read; the text says where it was sought and never what was found there."""


class AbsentSecretError(SecretError):
    """The variable is not set, or the file does not exist: nobody has handed over the secret yet."""


class Secret:
    """A text that is used but never shown: only :meth:`reveal` gives it out.

    ``repr``, ``str``, ``format`` and ``%s`` give ``***``, pickling is refused, copies are the same object. Two secrets
    can be compared (in constant time) and used as dictionary keys; ``bool`` tells whether there is anything inside.
    There is no ``len``: even the length is nobody's business.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """The text itself, for signing a request or for handing it to the program that needs it."""
        return self.__text

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        ours, theirs = (secret.reveal().encode("utf-8", "surrogatepass") for secret in (self, other))
        return hmac.compare_digest(ours, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self.__text))

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled; hand on reveal() where the receiver needs it")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret has no state to show")


def read_variable(name: str, environ: Mapping[str, str]) -> Secret:
    """The secret in an environment variable.

    :raises AbsentSecretError: the variable is not set.
    :raises SecretError: the variable is empty.
    """
    if name not in environ:
        raise AbsentSecretError(f"the environment variable {name} is not set")
    if not environ[name]:
        raise SecretError(f"the environment variable {name} is empty")
    return Secret(environ[name])


def read_file(path: Path) -> tuple[Secret, str]:
    """The secret in a file, without the one line break an editor leaves at the end.

    :returns: the secret, and a warning when every user of the machine may read the file (else an empty text).
    :raises AbsentSecretError: there is no such file.
    :raises SecretError: the file cannot be read, is empty or is no ASCII text.
    """
    try:
        text = read_bytes(path).decode("ascii")
    except NoFileError:
        raise AbsentSecretError(f"the file {path} does not exist") from None
    except FileError as problem:
        raise SecretError(f"the file {path} {problem}") from None
    except UnicodeDecodeError:
        raise SecretError(f"the file {path} holds more than plain ASCII text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise SecretError(f"the file {path} is empty")
    return Secret(text), _warning(path)


def _warning(path: Path) -> str:
    if os.name == "nt" or not path.stat().st_mode & stat.S_IROTH:
        return ""
    return f"{path} holds a secret and can be read by every user of this machine; say: chmod 600 {path}"
