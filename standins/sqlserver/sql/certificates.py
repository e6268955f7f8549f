"""Certificates of the instance, which backups are encrypted with; and their way to another instance."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.session import SqlError
from restoreproof.standins.sqlserver.sql.database import now
from restoreproof.standins.sqlserver.sql.messages import TEXTS, error, refused

if TYPE_CHECKING:
    from datetime import datetime

    from restoreproof.standins.sqlserver.sql.database import Database
    from restoreproof.standins.sqlserver.sql.instance import Instance
    from restoreproof.standins.sqlserver.sql.running import StandinSession
    from restoreproof.standins.sqlserver.sql.statements import (
        AlterDatabase,
        BackupCertificate,
        CreateCertificate,
        CreateDatabaseKey,
    )

__all__ = [
    "Certificate",
    "backup_certificate",
    "create_certificate",
    "create_database_key",
    "drop_certificate",
    "encrypt_database",
]

_ROUNDS = 10_000
_KEY = 32


@dataclass(frozen=True)
class Certificate:
    """A certificate of master: what SQL Server's has of meaning for backups, and no X.509."""

    name: str
    subject: str
    thumbprint: bytes
    key: bytes = field(repr=False)
    created: datetime = field(default_factory=now)


def create_certificate(instance: Instance, statement: CreateCertificate) -> None:
    """CREATE CERTIFICATE or, without a name, CREATE MASTER KEY.

    :raises SqlError: 15581 (no master key), 15530 (there is one; by guess), 15208 (the files can't be read).
    """
    with instance.lock:
        if not statement.name:
            instance.master_key = True
            return
        if not instance.master_key:
            raise error(15581, line=statement.line)
        if statement.name.lower() in instance.certificates:
            raise error(15530, "certificate", statement.name, line=statement.line)
        made = _load(instance, statement) if statement.file else _make(statement)
        instance.certificates[statement.name.lower()] = made


def _make(statement: CreateCertificate) -> Certificate:
    return Certificate(statement.name, statement.subject, os.urandom(20), os.urandom(_KEY))


def _path(instance: Instance, name: str) -> Path:
    """A file; what SQL Server's container image has in its own folder lies in the instance's."""
    inner = not Path(name).is_absolute() or name.startswith("/var/opt/mssql/")
    return instance.folder / Path(name).name if inner else Path(name)


def _sealed(password: str, salt: bytes, key: bytes) -> bytes:
    """The key, hidden by the password; the same call uncovers it."""
    stream = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS, _KEY)
    return bytes(one ^ other for one, other in zip(stream, key, strict=True))


def _unreadable(line: int) -> SqlError:
    text = "The certificate, asymmetric key, or private key file is not valid or does not exist; or you do not have "
    return SqlError(15208, f"{text}permissions for it.", line=line)


def backup_certificate(instance: Instance, statement: BackupCertificate) -> None:
    """BACKUP CERTIFICATE: two files.

    :raises SqlError: 15151 (there is none), 15240 (the files can't be written; they may not exist yet).
    """
    found = instance.certificates.get(statement.name.lower())
    if not found:
        raise error(15151, "find", "certificate", statement.name, line=statement.line)
    salt = os.urandom(16)
    check = hashlib.sha256(found.key).hexdigest()
    public = {"subject": found.subject, "thumbprint": found.thumbprint.hex()}
    private = {"salt": salt.hex(), "key": _sealed(statement.password, salt, found.key).hex(), "check": check}
    try:
        for name, content in ((statement.file, public), (statement.key_file, private)):
            descriptor = os.open(_path(instance, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file)
    except OSError:
        raise SqlError(15240, "Cannot write into file of the certificate or of its key.", line=statement.line) from None


def _load(instance: Instance, statement: CreateCertificate) -> Certificate:
    try:
        public = json.loads(_path(instance, statement.file).read_text(encoding="utf-8"))
        private = json.loads(_path(instance, statement.key_file).read_text(encoding="utf-8"))
        key = _sealed(statement.password, bytes.fromhex(private["salt"]), bytes.fromhex(private["key"]))
        made = Certificate(statement.name, public["subject"], bytes.fromhex(public["thumbprint"]), key)
    except (OSError, ValueError, KeyError):
        raise _unreadable(statement.line) from None
    if hashlib.sha256(key).hexdigest() != private["check"]:
        raise SqlError(15465, "The private key password is invalid.", line=statement.line)
    return made


def drop_certificate(instance: Instance, name: str, line: int) -> None:
    """DROP CERTIFICATE.

    :raises SqlError: 15151 (there is none), 3716 (a database is encrypted with it).
    """
    with instance.lock:
        found = instance.certificates.get(name.lower())
        if not found:
            raise error(15151, "drop", "certificate", name, line=line)
        if any(database.encryptor == found.thumbprint for database in instance.databases.values()):
            raise error(3716, "certificate", found.name, "database encryption key", line=line)
        del instance.certificates[name.lower()]


def create_database_key(session: StandinSession, statement: CreateDatabaseKey) -> None:
    """CREATE DATABASE ENCRYPTION KEY: the database in use remembers whose certificate protects it.

    :raises SqlError: 15151 (there is no such certificate), 33103 (the database has a key).
    """
    instance, line = session.instance, statement.line
    database = instance.usable(session.database, session.id, line)
    found = instance.certificates.get(statement.certificate.lower())
    if not found:
        raise error(15151, "find", "certificate", statement.certificate, line=line)
    if database.encryptor:
        raise error(33103, line=line)
    database.encryptor = found.thumbprint
    session.output.info(33091, TEXTS[33091], line=line)


def encrypt_database(database: Database, statement: AlterDatabase) -> None:
    """ALTER DATABASE SET ENCRYPTION: its backups then ask for the certificate; the pages stay what they are.

    :raises SqlError: 33106 (it has no key).
    """
    if not database.encryptor:
        raise error(33106, line=statement.line)
    if statement.value != "ON":
        raise refused("ALTER DATABASE SET ENCRYPTION OFF", statement.line)
    database.encrypted = True
