"""A client of the engine stand-in that keeps what it is given, without a protocol between."""

import threading

from restoreproof.standins.sqlserver.session import Parameter, SqlError
from restoreproof.standins.sqlserver.sql.values import guess_type


class Recording:
    """Takes what a batch gives.

    :ivar on_info: called with each message's number and text, from the thread that runs the batch.
    """

    def __init__(self):
        self.results, self.infos, self.errors, self.counts = [], [], [], []
        self.on_info = lambda _number, _text: None

    @property
    def rows(self):
        return self.results[-1][1] if self.results else []

    @property
    def names(self):
        return [column.name for column in self.results[-1][0]]

    @property
    def numbers(self):
        return [error.number for error in self.errors]

    @property
    def texts(self):
        return [text for _, text in self.infos]

    def columns(self, columns):
        self.results.append((list(columns), []))

    def row(self, values):
        assert len(values) == len(self.results[-1][0])
        self.results[-1][1].append(tuple(values))

    def done(self, rows=None):
        self.counts.append(rows)

    def info(self, number, text, **_more):
        self.infos.append((number, text))
        self.on_info(number, text)

    def error(self, error):
        self.errors.append(error)


class Client:
    """One login."""

    def __init__(self, engine, database="", password="secret word"):
        self.disconnect, self.cancelled = threading.Event(), threading.Event()
        self.session = engine.login("sa", password, database, self.disconnect)

    def run(self, text, *, output=None, **parameters):
        """Run a batch; the error that ended it is among the others."""
        output = output or Recording()
        self.cancelled.clear()
        values = {f"@{name}": Parameter(guess_type(value), value) for name, value in parameters.items()}
        try:
            self.session.run(text, values, output, self.cancelled)
        except SqlError as found:
            output.error(found)
        return output

    def ok(self, *texts):
        """Batches that must do without errors; what the last one gave."""
        for text in texts:
            output = self.run(text)
            assert [(error.number, error.text) for error in output.errors] == [], text
        return output

    def value(self, expression):
        """What an expression gives."""
        return self.ok(f"SELECT {expression}").rows[0][0]

    def fails(self, text):
        """The numbers of the errors of a batch that must have some."""
        numbers = self.run(text).numbers
        assert numbers, text
        return numbers
