"""Defects of the errors that SQL Server shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.playing import Batch, EngineDefect, accepts, refuses, renumbers, rewrites, skips
from restoreproof.standins.sqlserver.session import SqlError

if TYPE_CHECKING:
    from collections.abc import Callable

UNSUPPORTED = "Cannot open backup device. Operating system error 50(The request is not supported.)."
DENIED = "Cannot open backup device. Operating system error 5(Access is denied.)."
LONGEST_URL = 259
MOST_URLS = 64


def _after_rotation(batch: Batch) -> None:
    """No log backup with a credential that was altered."""
    altered = re.search(r"\bALTER CREDENTIAL \[([^\]]+)\]", batch.text)
    if altered:
        batch.memory.mark([altered[1]])
    above = [url.rpartition("/")[0] for url in batch.urls]
    if batch.says(r"\bBACKUP LOG\b") and batch.memory.knows(above):
        raise SqlError(3201, DENIED)
    batch.run()


def _missing(batch: Batch, error: SqlError) -> bool:
    return error.number == 3201 and "absent" in "".join(batch.urls)  # noqa: PLR2004 - the message


def _message(number: int, words: str, pattern: str = "") -> Callable[[Batch, SqlError], bool]:
    """Whether an error has this number and these words, in answer to a statement of this pattern."""
    return lambda batch, error: error.number == number and words in str(error) and batch.says(pattern)


DEFECTS = (
    EngineDefect(
        "missing-bucket-has-another-number",
        "A missing bucket is told as a write that failed.",
        "ERR-01.missing-bucket",
        ("ERR-01.missing-bucket",),
        renumbers(_missing, 3202, "Write failed."),
    ),
    EngineDefect(
        "missing-credential-is-denied",
        "A missing credential is told as access that is denied.",
        "ERR-02.no-credential",
        ("ERR-02.no-credential",),
        renumbers(_message(3201, "error 50(", r"nobody\.bak"), 3201, DENIED),
    ),
    EngineDefect(
        "unknown-credential-passed-over",
        "A credential that does not exist is passed over, and another one taken.",
        "ERR-12.no-such-credential",
        ("ERR-12.no-such-credential",),
        rewrites(r"\bCREDENTIAL = N'restoreproof_absent_[^']*'", "NOFORMAT"),
    ),
    EngineDefect(
        "query-cut-off",
        "The query of a URL is cut off, and the backup written.",
        "ERR-12.query-in-url",
        ("ERR-12.query-in-url",),
        rewrites(r"\?X-Amz-[^']*'", "'"),
    ),
    EngineDefect(
        "unreachable-has-another-number",
        "A port where nothing listens is told as a write that failed.",
        "ERR-15.closed-port",
        ("ERR-15.closed-port",),
        renumbers(_message(3201, "", r"never\.bak"), 3202, "Write failed."),
    ),
    EngineDefect(
        "missing-backup-has-another-number",
        "A missing backup is told as a read that failed.",
        "META-07.missing-backup",
        ("META-07.missing-backup",),
        renumbers(_message(3201, "", r"never-written\.bak"), 3203, "Read failed."),
    ),
    EngineDefect(
        "identity-has-another-number",
        "A wrong identity is told as a device that can't be opened.",
        "ERR-08.wrong-identity",
        ("ERR-08.wrong-identity",),
        renumbers(_message(3233, ""), 3201, DENIED),
    ),
    EngineDefect(
        "nearest-credential-ignored",
        "A credential for a folder of a folder is not looked at.",
        "CRED-08.nearest-prefix",
        ("CRED-08.nearest-prefix",),
        skips(lambda batch: batch.says(r"CREATE CREDENTIAL \[[^\]]*/n\]")),
    ),
    EngineDefect(
        "credential-asks-the-store",
        "CREATE CREDENTIAL fails where no store answers.",
        "CRED-15.nothing-sent",
        (
            "CRED-15.nothing-sent",
            "ERR-15.closed-port",
        ),
        refuses(
            lambda batch: batch.says(r"CREATE CREDENTIAL \[s3://[^/\]]+/[0-9a-f]{8}\]"), 3201, "Nothing answers there."
        ),
    ),
    EngineDefect(
        "altered-credential-refused",
        "No log backup succeeds with a credential that was altered.",
        "CRED-17.rotated-in-mid-chain",
        (
            "BAK-03.two-instances",
            "BAK-05.copy-only-in-chain",
            "CRED-17.rotated-in-mid-chain",
        ),
        _after_rotation,
    ),
    EngineDefect(
        "too-many-stripes-overlooked",
        "A backup to 65 URLs succeeds.",
        "LIM-01.sixty-five-urls",
        ("LIM-01.sixty-five-urls",),
        accepts(lambda batch: len(batch.urls) > MOST_URLS),
    ),
    EngineDefect(
        "long-url-overlooked",
        "A backup to a URL of more than 259 characters succeeds.",
        "URL-06.too-long",
        ("URL-06.too-long",),
        accepts(lambda batch: any(len(url) > LONGEST_URL for url in batch.urls)),
    ),
    EngineDefect(
        "wrong-secret-told-as-missing",
        "A wrong secret is told as a request that is not supported.",
        "ERR-03.wrong-secret",
        ("ERR-03.wrong-secret",),
        renumbers(_message(3201, "error 5(", r"forged\.bak"), 3201, UNSUPPORTED),
    ),
    EngineDefect(
        "unknown-key-told-as-missing",
        "An unknown key is told as a request that is not supported.",
        "ERR-03.unknown-key",
        ("ERR-03.unknown-key",),
        renumbers(_message(3201, "error 5(", r"stranger\.bak"), 3201, UNSUPPORTED),
    ),
    EngineDefect(
        "denied-restore-told-as-missing",
        "A restore without the right to read is told as a request that is not supported.",
        "PERM-02.backup-key-cannot-restore",
        ("PERM-02.backup-key-cannot-restore",),
        renumbers(_message(3201, "error 5(", r"RESTORE"), 3201, UNSUPPORTED),
    ),
    EngineDefect(
        "denied-backup-told-as-done",
        "A backup without the right to write says that it succeeded.",
        "PERM-04.restore-key-cannot-back-up",
        ("PERM-04.restore-key-cannot-back-up",),
        accepts(lambda batch: batch.says(r"not-mine\.bak")),
    ),
    EngineDefect(
        "untrusted-certificate-overlooked",
        "A backup to a store whose certificate nobody trusts succeeds.",
        "ERR-04.untrusted-certificate",
        ("ERR-04.untrusted-certificate",),
        accepts(lambda batch: batch.says(r"/untrusted\.bak")),
    ),
    EngineDefect(
        "swapped-certificate-overlooked",
        "A backup whose store shows an untrusted certificate from half of it on says that it succeeded.",
        "ERR-04.certificate-swapped",
        ("ERR-04.certificate-swapped",),
        accepts(lambda batch: batch.says(r"/swapped\.bak")),
    ),
    EngineDefect(
        "locked-bucket-told-as-denied",
        "A part that a locked bucket refuses is told as access that is denied.",
        "ERR-05.locked-bucket",
        ("ERR-05.locked-bucket",),
        renumbers(_message(3202, "87(", r"/fault-locked\."), 3202, "Write failed: 5(Access is denied.)"),
    ),
    EngineDefect(
        "retention-overlooked",
        "A backup WITH FORMAT over one that is kept says that it succeeded.",
        "LCK-01.retained-backup",
        ("LCK-01.retained-backup",),
        accepts(lambda batch: batch.says(r"/fault-retained\.")),
    ),
)
