"""An engine that says what a test wants to hear, behind the real protocol."""

import itertools
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from restoreproof.fixtures.engines import Login
from restoreproof.fixtures.engines.driver import DriverError, find_driver
from restoreproof.providers.secrets import Secret
from restoreproof.standins.certificates import Authority
from restoreproof.standins.sqlserver.session import Cancelled, Column, SqlError, SqlType
from restoreproof.standins.sqlserver.tds.server import listen

PASSWORD = "Pass}word; 1=ä"
BUILD = "16.0.4236.2"
INTEGER, TEXT = SqlType("int"), SqlType("nvarchar", 128)

try:
    DRIVER = find_driver(None).name
except DriverError as problem:
    DRIVER, NO_DRIVER = "", str(problem)
else:
    NO_DRIVER = ""


class ScriptedEngine:
    """Knows what the client asks on its own, and the words below."""

    name = "scripted"
    version = (16, 0, 4236)

    def __init__(self, build=BUILD, edition="Developer Edition", banner="Microsoft SQL Server 2022 on Linux (x)"):
        self.facts = {"build": build, "edition": edition, "banner": banner}
        self.platform = ("Linux", "Ubuntu", "22.04")
        self.denied = set()
        self.sessions = {}
        self.heard = []
        self.proceed, self.ended = Event(), Event()
        self.ids = itertools.count(51)

    def login(self, user, password, _database, disconnect):
        if password != PASSWORD:
            raise SqlError(18456, f"Login failed for user '{user}'.", severity=14)
        session = ScriptedSession(self, next(self.ids), disconnect)
        self.sessions[session.id] = session
        return session


class ScriptedSession:
    database = "master"

    def __init__(self, engine, number, disconnect):
        self.engine, self.id, self.disconnect = engine, number, disconnect
        self.percent = 0.0

    def run(self, text, parameters, output, cancelled):
        self.engine.heard.append(text)
        values = [parameter.value for parameter in parameters.values()]
        word = text.split()[0]
        getattr(self, f"_{word.lower()}")(text, values, output, cancelled)

    def begin(self):
        pass

    commit = rollback = close = begin

    def _select(self, text, values, output, _):
        if "@@SPID" in text:
            _table(output, [("", INTEGER)], (self.id,))
        elif "SERVERPROPERTY" in text:
            _table(output, [(name, TEXT) for name in self.engine.facts], tuple(self.engine.facts.values()))
        elif "dm_os_host_info" in text:
            if self.engine.platform is None:
                raise SqlError(208, "Invalid object name 'sys.dm_os_host_info'.")
            _table(
                output,
                [("host_platform", TEXT), ("host_distribution", TEXT), ("host_release", TEXT)],
                self.engine.platform,
            )
        elif "HAS_PERMS_BY_NAME" in text:
            _table(output, [("held", INTEGER)], (int(values[0] not in self.engine.denied),))
        elif "percent_complete" in text:
            session = self.engine.sessions[values[0]]
            _table(output, [("percent_complete", SqlType("float"))], (session.percent,))

    def _two(self, _text, _values, output, _cancelled):
        _table(output, [("same", INTEGER), ("same", INTEGER), ("", TEXT)], (1, 2, "x"))
        output.info(0, "between")
        _table(output, [("b", INTEGER)], (3,), (None,))

    def _backup(self, _text, _values, output, cancelled):
        for percent in (10, 20):
            self.percent = percent
            output.info(3211, f"{percent} percent processed.")
        _wait(self.engine.proceed, cancelled, self.engine.ended)
        output.info(3014, "BACKUP DATABASE successfully processed 1 pages.")
        output.done()

    def _hang(self, _text, _values, _output, cancelled):
        _wait(Event(), cancelled, self.engine.ended)

    def _broken(self, _text, _values, output, _cancelled):
        output.info(3211, "10 percent processed.")
        output.error(SqlError(3201, "Cannot open backup device 's3://x/y'. Operating system error 12175(no text)."))
        raise SqlError(3013, "BACKUP DATABASE is terminating abnormally.")

    def _create(self, text, _values, _output, _cancelled):
        raise SqlError(102, f"Incorrect syntax near '{text[-40:]}'.")

    def _kill(self, text, _values, output, _cancelled):
        self.engine.sessions[int(text.split()[1])].disconnect.set()
        output.done()


def _wait(event, cancelled, ended):
    while not event.wait(0.01):
        if cancelled.is_set():
            ended.set()
            raise Cancelled


def _table(output, columns, *rows):
    output.columns([Column(name, kind) for name, kind in columns])
    for row in rows:
        output.row(row)
    output.done(len(rows))


@contextmanager
def scripted(folder: Path, engine=None, **login):
    """The engine, and who may sign in."""
    engine, authority = engine or ScriptedEngine(), Authority()
    pem = folder / f"{id(engine)}.pem"
    pem.write_text(authority.leaf("localhost", "127.0.0.1").bundle)
    with listen(engine, pem) as listener:
        facts = {"host": "localhost", "port": listener.port, "user": "sa", "password": Secret(PASSWORD)}
        yield engine, Login(**{**facts, "ca": authority.pem, **login})
