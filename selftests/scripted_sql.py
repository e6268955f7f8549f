"""A server that tells of itself what a test wants to hear, and runs the few batches that the client is tried on."""

from contextlib import contextmanager
from threading import Event

from scripted_engine import AUTHORITY, Engine, serving

from restoreproof.fixtures.engines import Login
from restoreproof.fixtures.engines.driver import DriverError, find_driver
from restoreproof.providers.secrets import Secret
from restoreproof.standins.sqlserver.session import Cancelled, Column, SqlError, SqlType

PASSWORD = "Pass}word; 1=ä"
INTEGER, TEXT = SqlType("int"), SqlType("nvarchar", 128)

try:
    DRIVER = find_driver(None).name
except DriverError as problem:
    DRIVER, NO_DRIVER = "", str(problem)
else:
    NO_DRIVER = ""


class SqlServer(Engine):
    """Answers what is asked on sign-in; `denied` are the permissions that nobody has, `encrypted` says so of tempdb."""

    def __init__(self, build="16.0.4236.2", edition="Developer Edition", banner="SQL Server 2022 on Linux (x)"):
        self.facts = {"build": build, "edition": edition, "banner": banner}
        self.platform = {"host_platform": "Linux", "host_distribution": "Ubuntu", "host_release": "22.04"}
        self.denied, self.encrypted = set(), 0
        self.proceed, self.ended = Event(), Event()
        words = ("SELECT", "TWO", "BACKUP", "HANG", "BROKEN", "FATAL", "CREATE", "KILL")
        super().__init__(PASSWORD, scripts={word: getattr(self, f"_{word.lower()}") for word in words})

    def _select(self, batch):
        values = [parameter.value for parameter in batch.parameters.values()]
        if "SERVERPROPERTY" in batch.text:
            table(batch, self.facts)
        elif "dm_os_host_info" in batch.text:
            if not self.platform:
                raise SqlError(208, "Invalid object name 'sys.dm_os_host_info'.")
            table(batch, self.platform)
        elif "dm_database_encryption_keys" in batch.text:
            batch.give(self.encrypted)
        elif "HAS_PERMS_BY_NAME" in batch.text:
            batch.give(int(values[0] not in self.denied))
        elif "percent_complete" in batch.text:
            batch.give(*(session.percent for session in self.sessions if session.id == values[0]))
        else:
            batch.give(batch.session.id)

    def _two(self, batch):
        table(batch, ("same", 1), ("same", 2), ("", "x"))
        batch.output.info(0, "between")
        batch.give(3, None)

    def _backup(self, batch):
        for percent in (10, 20):
            batch.session.percent = percent
            batch.output.info(3211, f"{percent} percent processed.")
        self._wait(batch, self.proceed)
        batch.output.info(3014, "BACKUP DATABASE successfully processed 1 pages.")
        batch.output.done()

    def _hang(self, batch):
        self._wait(batch, Event())

    def _broken(self, batch):
        batch.output.info(3211, "10 percent processed.")
        batch.output.error(SqlError(3201, "Cannot open backup device 's3://x/y'. Operating system error 12175(none)."))
        raise SqlError(3013, "BACKUP DATABASE is terminating abnormally.")

    def _fatal(self, batch):
        if "AFTER" in batch.text:
            batch.output.error(SqlError(3201, "Cannot open backup device 's3://x/y'. Operating system error 5(none)."))
        raise SqlError(3624, "A system assertion check has failed.", severity=20)

    def _create(self, batch):
        raise SqlError(102, f"Incorrect syntax near '{batch.text[-40:]}'.")

    def _kill(self, batch):
        [killed] = (session for session in self.sessions if f"KILL {session.id}" == batch.text)
        killed.disconnect.set()
        batch.output.done()

    def _wait(self, batch, event):
        self.waiting.set()
        while not event.wait(0.01):
            if batch.cancelled.is_set():
                self.ended.set()
                raise Cancelled


def table(batch, *cells):
    """One row; each cell is a name and a value."""
    cells = list(cells[0].items()) if isinstance(cells[0], dict) else cells
    batch.output.columns([Column(name, TEXT if isinstance(value, str) else INTEGER) for name, value in cells])
    batch.output.row([value for _, value in cells])
    batch.output.done(1)


@contextmanager
def scripted(folder, engine=None, **login):
    """The server, and who may sign in."""
    with serving(folder, engine or SqlServer()) as service:
        facts = {"host": "localhost", "port": service.listener.port, "user": "sa", "password": Secret(PASSWORD)}
        yield service.engine, Login(**{**facts, "ca": AUTHORITY.pem, **login})
