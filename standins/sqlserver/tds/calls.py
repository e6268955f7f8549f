"""Remote calls: the handful of procedures by which the driver runs statements with parameters. MS-TDS 2.2.6.6."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.session import Parameter, SqlError, SqlType
from restoreproof.standins.sqlserver.tds.describing import tell_parameters, tell_types
from restoreproof.standins.sqlserver.tds.parameters import read_parameter
from restoreproof.standins.sqlserver.tds.reading import Malformed, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from restoreproof.standins.sqlserver.tds.reply import Reply

    Run = Callable[[str, dict[str, Parameter], Reply], None]
    Describe = Callable[[str], Mapping[str, SqlType]]

__all__ = ["Argument", "Call", "Procedures", "read_calls"]

_BY_NUMBER = 0xFFFF
_NUMBERS = {
    2: "sp_cursoropen",
    10: "sp_executesql",
    11: "sp_prepare",
    12: "sp_execute",
    13: "sp_prepexec",
    15: "sp_unprepare",
}
_SEPARATORS = (0x80, 0xFE, 0xFF)
_OUTPUT = 0x01
_DECLARED = re.compile(r"\s*(@[^\s,]+)(?:\([^)]*\)|[^,(])*,?")
_HANDLE = SqlType("int")


@dataclass(frozen=True)
class Argument:
    """One argument of a call; ``name`` is empty for one that counts by its place."""

    name: str
    output: bool
    parameter: Parameter


@dataclass(frozen=True)
class Call:
    """A procedure, by its name in small letters, and its arguments."""

    name: str
    arguments: tuple[Argument, ...]

    def text(self, index: int) -> str:
        """An argument that has to be a text; SqlError 214 (documented text of SQL Server) if it is none."""
        value = self._value(index)
        if not isinstance(value, str):
            raise SqlError(214, "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'.")
        return value

    def number(self, index: int) -> int:
        """An argument that has to be a number."""
        value = self._value(index)
        if not isinstance(value, int):
            raise SqlError(214, "Procedure expects parameter '@handle' of type 'int'.")
        return value

    def optional_text(self, index: int) -> str:
        """An argument that may be left out, or NULL."""
        return self.text(index) if self._value(index) is not None else ""

    def _value(self, index: int) -> object:
        return self.arguments[index].parameter.value if index < len(self.arguments) else None


def read_calls(reader: Reader) -> list[Call]:
    """All calls of a request.

    :raises Malformed: these are none.
    :raises SqlError: a parameter of a type that is not known here.
    """
    calls = []
    while reader.left:
        length = reader.number(2)
        name = _by_number(reader.number(2)) if length == _BY_NUMBER else reader.text(length)
        reader.take(2)
        calls.append(Call(_plain(name), tuple(_arguments(reader))))
        if reader.left:
            reader.take(1)
    return calls


def _arguments(reader: Reader) -> list[Argument]:
    arguments = []
    while reader.left and reader.peek() not in _SEPARATORS:
        name, status = reader.short_text(), reader.number(1)
        arguments.append(Argument(name, bool(status & _OUTPUT), read_parameter(reader)))
    return arguments


def _by_number(number: int) -> str:
    if number not in _NUMBERS:
        raise Malformed("this procedure is not known by its number")
    return _NUMBERS[number]


def _plain(name: str) -> str:
    return name.lower().replace("[", "").replace("]", "").rsplit(".", 1)[-1]


@dataclass(frozen=True)
class _Prepared:
    names: tuple[str, ...]
    text: str


class Procedures:
    """Carries calls out; keeps what one session has prepared."""

    def __init__(self, run: Run, describe: Describe) -> None:
        self._run, self._describe = run, describe
        self._prepared: dict[int, _Prepared] = {}
        self._handles = count(1)
        self._known: dict[str, Callable[[Call, Reply], None]] = {
            "sp_datatype_info": _datatype_info,
            "sp_datatype_info_100": _datatype_info,
            "sp_describe_undeclared_parameters": self._describe_undeclared_parameters,
            "sp_execute": self._execute,
            "sp_executesql": self._executesql,
            "sp_prepare": self._prepare,
            "sp_prepexec": self._prepexec,
            "sp_unprepare": self._unprepare,
        }

    def call(self, call: Call, reply: Reply) -> None:
        """Carry one call out.

        :raises SqlError: 2812 for a procedure that is none of ours, and whatever the statement raises.
        """
        if call.name not in self._known:
            raise SqlError(2812, f"Could not find stored procedure '{call.name}'.", state=62)
        self._known[call.name](call, reply)

    def _executesql(self, call: Call, reply: Reply) -> None:
        statement = _Prepared(_declared(call.optional_text(1)), call.text(0))
        self._run_prepared(statement, call.arguments[2:], reply)
        reply.end_call()

    def _prepare(self, call: Call, reply: Reply) -> None:
        reply.end_call(handle=self._keep(call), kind=_HANDLE)

    def _prepexec(self, call: Call, reply: Reply) -> None:
        handle = self._keep(call)
        self._run_prepared(self._prepared[handle], call.arguments[3:], reply)
        reply.end_call(handle=handle, kind=_HANDLE)

    def _execute(self, call: Call, reply: Reply) -> None:
        self._run_prepared(self._find(call), call.arguments[1:], reply)
        reply.end_call()

    def _unprepare(self, call: Call, reply: Reply) -> None:
        self._find(call)
        del self._prepared[call.number(0)]
        reply.end_call()

    def _describe_undeclared_parameters(self, call: Call, reply: Reply) -> None:
        statement = call.text(0)
        tell_parameters(statement, self._describe(statement), reply)
        reply.end_call()

    def _keep(self, call: Call) -> int:
        handle = next(self._handles)
        self._prepared[handle] = _Prepared(_declared(call.optional_text(1)), call.text(2))
        return handle

    def _find(self, call: Call) -> _Prepared:
        handle = call.number(0)
        if handle not in self._prepared:
            raise SqlError(8179, f"Could not find prepared statement with handle {handle}.")
        return self._prepared[handle]

    def _run_prepared(self, statement: _Prepared, arguments: Sequence[Argument], reply: Reply) -> None:
        self._run(statement.text, _bound(statement, arguments), reply)


def _datatype_info(call: Call, reply: Reply) -> None:
    tell_types(call.number(0) if call.arguments else 0, reply)
    reply.end_call()


def _declared(declaration: str) -> tuple[str, ...]:
    """The names in ``@P1 decimal(10,2), @P2 int``."""
    return tuple(_DECLARED.findall(declaration))


def _bound(statement: _Prepared, arguments: Sequence[Argument]) -> dict[str, Parameter]:
    """Arguments by the names that the statement has for them; errors as documented for SQL Server."""
    if any(argument.output for argument in arguments):
        raise SqlError(50001, "the stand-in gives no output parameters back")
    if len(arguments) > len(statement.names):
        raise SqlError(8144, "Procedure or function has too many arguments specified.", state=2)
    values = dict(zip(statement.names, arguments, strict=False))
    bound = {argument.name or name: argument.parameter for name, argument in values.items()}
    if missing := [name for name in statement.names if name not in bound]:
        told = f"({', '.join(statement.names)}){statement.text}"[:128]
        raise SqlError(8178, f"The parameterized query '{told}' expects the parameter '{missing[0]}'.")
    return bound
