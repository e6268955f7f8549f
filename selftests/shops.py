"""Databases of the engine stand-in that are backed up and restored."""

import itertools

from tsql_client import Client

URL = "s3://store.test:9000/bucket/"
SECRET = "pl4nted/SECRET+key"
FINGERPRINT = "SELECT COUNT_BIG(*), CHECKSUM_AGG(BINARY_CHECKSUM(*)) FROM "
COUNTER = itertools.count(1)


class Shop:
    """A database with a table, and the statements that are run on it."""

    def __init__(self, engine, rows=20):
        self.engine, self.client, self.name = engine, Client(engine), f"shop{next(COUNTER)}"
        self.client.ok(f"CREATE DATABASE {self.name}")
        self.client.ok(
            f"CREATE TABLE {self.name}.dbo.t (id int IDENTITY PRIMARY KEY, v varchar(100), b varbinary(8000))"
        )
        self.add(rows)

    def add(self, rows=5):
        self.client.ok(
            f"INSERT INTO {self.name}.dbo.t (v, b) SELECT CONCAT('row ', value), CRYPT_GEN_RANDOM(3000) "
            f"FROM GENERATE_SERIES(1, {rows})"
        )

    def url(self, key):
        return f"{URL}{self.name}/{key}"

    def back_up(self, key, what="DATABASE", options="FORMAT"):
        return self.client.ok(f"BACKUP {what} {self.name} TO URL = '{self.url(key)}' WITH {options}")

    def restore(self, key, what="DATABASE", options="RECOVERY", into=""):
        moves = (
            f", MOVE '{self.name}' TO '/copy/{into}.mdf', MOVE '{self.name}_log' TO '/copy/{into}.ldf'" if into else ""
        )
        moves = moves if what == "DATABASE" else ""
        return self.client.run(f"RESTORE {what} {into or self.name} FROM URL = '{self.url(key)}' WITH {options}{moves}")

    def state(self, name=""):
        return self.client.ok(f"{FINGERPRINT}{name or self.name}.dbo.t").rows[0]
