"""An engine that answers by heart, and connections of the real driver to it.

Run as a program, it serves until its input ends: pyodbc's fast_executemany waits for the server without letting go of
Python's lock, so that no server of the same process could ever answer it.
"""

import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from restoreproof.fixtures.engines.driver import find_driver, import_pyodbc
from restoreproof.standins.certificates import Authority
from restoreproof.standins.sqlserver.session import Cancelled, Column, SqlError, SqlType
from restoreproof.standins.sqlserver.tds.server import listen

AUTHORITY = Authority()
LEAF = AUTHORITY.leaf("localhost", "127.0.0.1")
PASSWORD = "Str0ng!Passw0rd"
DESCRIBED = [
    SqlType("bigint"),
    SqlType("nvarchar", 50),
    SqlType("varbinary", 50),
    SqlType("decimal", precision=10, scale=2),
    SqlType("float"),
    SqlType("date"),
    SqlType("datetime2", scale=7),
    SqlType("bit"),
    SqlType("nvarchar", -1),
]
INT = SqlType("int")
PATIENCE = 20


@dataclass
class Batch:
    """What a script gets."""

    session: object
    text: str
    parameters: dict
    output: object
    cancelled: threading.Event

    def give(self, *values, kind=INT):
        """A result of one column."""
        self.output.columns([Column("value", kind)])
        for value in values:
            self.output.row([value])
        self.output.done(len(values))

    def echo(self):
        """The parameters, as they came."""
        self.output.columns([Column(name, parameter.type) for name, parameter in self.parameters.items()])
        self.output.row([parameter.value for parameter in self.parameters.values()])
        self.output.done(1)

    def wait(self):
        """Until the batch is cancelled."""
        self.session.engine.waiting.set()
        assert self.cancelled.wait(PATIENCE)
        raise Cancelled


@dataclass
class Session:
    engine: object
    id: int
    database: str
    disconnect: threading.Event
    done: list = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def run(self, text, parameters, output, cancelled):
        self.done.append(text)
        batch = Batch(self, text, parameters, output, cancelled)
        script = self.engine.scripts.get(text) or self.engine.scripts.get(text.partition(" ")[0])
        if script is None:
            raise SqlError(102, f"Incorrect syntax near '{text}'.", severity=15)
        script(batch)

    def describe(self, text):
        names = (f"@P{number}" for number in range(1, text.count("@P") + 1))
        return dict(zip(names, DESCRIBED, strict=False)) if text.startswith("insert") else {}

    def begin(self):
        self.done.append("begin")

    def commit(self):
        self.done.append("commit")

    def rollback(self):
        self.done.append("rollback")

    def close(self):
        self.closed.set()


@dataclass
class Engine:
    """Scripts by the text of the batch; `echo` gives its parameters back, `wait` waits to be cancelled."""

    password: str = PASSWORD
    name: str = "SCRIPTED"
    version: tuple = (16, 0, 4236)
    scripts: dict = field(default_factory=dict)
    sessions: list = field(default_factory=list)
    waiting: threading.Event = field(default_factory=threading.Event)
    rows: list = field(default_factory=list)
    numbers: object = field(default_factory=lambda: count(51))

    def __post_init__(self):
        self.scripts |= {
            "one": lambda batch: batch.give(1),
            "wait": Batch.wait,
            "echo": Batch.echo,
            "insert": self._insert,
            "inserted": self._inserted,
            "kill": self._kill,
        }

    def login(self, user, password, database, disconnect):
        if (user, password) != ("sa", self.password):
            raise SqlError(18456, f"Login failed for user '{user}'.", severity=14)
        if database not in {"", "master", "msdb", "größe"}:
            text = f'Cannot open database "{database}" requested by the login. The login failed.'
            raise SqlError(4060, text, severity=11)
        session = Session(self, next(self.numbers), database or "master", disconnect)
        self.sessions.append(session)
        return session

    def _insert(self, batch):
        self.rows.append(repr([parameter.value for parameter in batch.parameters.values()]))
        batch.output.done(1)

    def _inserted(self, batch):
        batch.give(*self.rows, kind=SqlType("nvarchar", -1))

    def _kill(self, batch):
        for session in self.sessions:
            if session is not batch.session:
                session.disconnect.set()
        batch.output.done()


@dataclass
class Service:
    """A running server, and how to get there."""

    engine: Engine | None
    listener: object
    port: int
    driver: str

    def connect(self, *settings, host="127.0.0.1", encrypt="yes", password=PASSWORD, autocommit=True, **more):
        words = [f"DRIVER={{{self.driver}}}", f"SERVER=tcp:{host},{self.port}", "UID=sa"]
        words += ["PWD={" + password.replace("}", "}}") + "}", f"Encrypt={encrypt}"]
        words += settings or ["TrustServerCertificate=yes"]
        return import_pyodbc().connect(";".join(words), autocommit=autocommit, timeout=PATIENCE, **more)


@contextmanager
def serving(folder, engine=None, **terms):
    """A service that ends, with all its sessions, when left."""
    pem = folder / "server.pem"
    pem.write_text(LEAF.bundle, encoding="utf-8")
    with listen(engine or Engine(), pem, **terms) as listener:
        yield Service(engine or listener._engine, listener, listener.port, find_driver(None).name)


@contextmanager
def serving_elsewhere(folder):
    """A service in a process of its own."""
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Service(None, None, int(process.stdout.readline()), find_driver(None).name)
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def drained(cursor):
    """The texts of the messages of each step, and the rows of each result."""
    steps, rows = [], []
    while True:
        steps.append([text.rpartition("]")[2] for _, text in cursor.messages])
        if cursor.description:
            rows.append([tuple(row) for row in cursor.fetchall()])
        if not cursor.nextset():
            return steps, rows


if __name__ == "__main__":
    with serving(Path(sys.argv[1])) as served:
        sys.stdout.write(f"{served.port}\n")
        sys.stdout.flush()
        sys.stdin.read()
