"""Random scripts in T-SQL that back up to S3 and read it back: without a fault, or with one that is planted.

They differ in all that does not matter: capitals, blanks, comments, quotes, whether a text stands in the statement, in
a variable or in text that is executed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hypothesis import assume
from hypothesis import strategies as st

MARK = "¤"
"""Stands in front of what the planted fault is found at."""

ROOT = "s3://s3.example.test:9000/sqlbackups"
_NAMES = st.text(st.sampled_from("abcXYZ 'é]-_.ñ"), min_size=1, max_size=8)
_BLANKS = st.sampled_from((" ", "\n", "\t ", " /* BACKUP LOG x TO URL = 's3:/' */ ", " -- it's\n", "/*/**/*/ "))
_DIGITS = st.text(st.sampled_from("0123456789"), min_size=6, max_size=8)


@dataclass(frozen=True)
class Plan:
    """What a script says; a mark in a text is where the fault is found."""

    database: str
    stem: str
    stripes: int
    options: tuple[str, ...]
    region: str
    name: str = ROOT
    identity: str = "S3 Access Key"
    secret: str = "AKIDEXAMPLE:wJalrXUtnFEMI"
    first: str = ""
    before: str = ""
    after: str = ""
    reads: str = "CHECKSUM"

    def addresses(self):
        """The URLs of the backup."""
        return [
            self.first or f"{ROOT}/{self.stem}.bak",
            *(f"{ROOT}/{self.stem}_{at}.bak" for at in range(self.stripes)),
        ]


plans = st.builds(
    Plan,
    _NAMES,
    st.builds("{}{}".format, _NAMES.map(lambda name: name.strip(" ./").replace("]", "")), _DIGITS),
    st.integers(2, 5),
    st.lists(
        st.sampled_from(("STATS = 5", "COPY_ONLY", "BLOCKSIZE = 4096", "BUFFERCOUNT = 20", "NAME = N'it''s'")),
        unique=True,
        max_size=4,
    ).map(tuple),
    st.sampled_from(("", "eu-west-1", "ch-central")),
)


def _more(*options):
    return lambda plan: replace(plan, options=(*plan.options, *options))


def _url(text):
    return lambda plan: replace(plan, first=MARK + text.format(plan=plan))


FAULTS = {
    "BAK-10": _more(f"{MARK}NOINIT"),
    "BAK-12": lambda plan: replace(plan, options=(f"{MARK}BLOCKSIZE = 12",)),
    "BAK-13": lambda plan: replace(plan, options=(f"{MARK}BUFFERCOUNT = 9000",)),
    "BAK-17": lambda plan: replace(plan, before=f"BEGIN TRANSACTION;{MARK}", after="; COMMIT"),
    "CRED-01": lambda plan: replace(plan, identity=f"{MARK}S3 Access Keys"),
    "CRED-02": lambda plan: replace(plan, secret=f"{MARK}wJalrXUtnFEMI"),
    "CRED-04": lambda plan: replace(plan, secret=f"{MARK}a:b:c"),
    "CRED-08": lambda plan: replace(plan, name=f"{MARK}{ROOT}/"),
    "LIM-06": _more(f"{MARK}MEDIANAME = '{'x' * 129}'"),
    "MPU-03": _more("COMPRESSION", f"{MARK}MAXTRANSFERSIZE = 65536"),
    "MPU-10": _more(f"{MARK}MAXTRANSFERSIZE = 5242880"),
    "MPU-11": _more("COMPRESSION", f"{MARK}MAXTRANSFERSIZE = 10485761"),
    "OPT-01": _more(f"{MARK}FILE_SNAPSHOT"),
    "OPT-03": _more(f"{MARK}EXPIREDATE = '20300101'"),
    "RST-09": lambda plan: replace(plan, reads=f"{MARK}BUFFERCOUNT = 5"),
    "URL-06": _url(ROOT + "/{plan.stem}" + "x" * 230),
    "URL-11": _url(ROOT + "/{plan.stem}?x=y"),
    "URL-15": _url(ROOT + "/{plan.stem}/"),
}
"""Rules, and what plants a fault that breaks no other."""


SLIPS = {
    "first word of a backup": r"\bBACKUP(?= DATABASE)",
    "what is backed up": r"(?<=BACKUP )DATABASE\b",
    "kind of a device": r"\bURL(?= = )",
    "option of a backup": r"\bCHECKSUM\b",
    "first word of a look": r"\bRESTORE(?= VERIFYONLY)",
    "what is done to it": r"\bVERIFYONLY\b",
    "first word of a credential": r"\bCREATE\b",
    "what is made": r"(?<=CREATE )CREDENTIAL\b",
    "identity": r"\bIDENTITY(?= = )",
    "secret": r"\bSECRET(?= = )",
    "comma between devices": r",(?= URL = )",
    "comma between options": r"(?<=WITH CHECKSUM),(?= [A-Z])",
    "comma between keys": r",(?= SECRET = )",
}
"""Where a statement of a good script is written as SQL Server does not read it."""


def quoted(text, prefix="N"):
    """A literal; its mark stands in front."""
    mark = MARK if MARK in text else ""
    return mark + prefix + "'" + text.replace(MARK, "").replace("'", "''") + "'"


@st.composite
def scripts(draw, fault=None, slip=None):
    """A script as SQL Server reads it; with a mark where the fault is, or the slip."""
    plan = draw(plans)
    plan = FAULTS[fault](plan) if fault else plan
    addresses = plan.addresses()
    prelude, said = _urls(draw, addresses)
    region = f""", {{}}_OPTIONS = '{{{{"s3": {{{{"region":"{plan.region}"}}}}}}}}'""" if plan.region else ""
    name = "[" + plan.database.replace("]", "]]") + "]"
    backup = f"BACKUP DATABASE {name} TO {said} WITH CHECKSUM{''.join(', ' + one for one in plan.options)}"
    backup += region.format("BACKUP") + plan.after
    listed = ", ".join(f"URL = {quoted(address)}" for address in ([f"{ROOT}/other.bak"] if plan.first else addresses))
    read = f"RESTORE VERIFYONLY FROM {listed} WITH {plan.reads}{region.format('RESTORE')}"
    title = f"{MARK if MARK in plan.name else ''}[{plan.name.replace(MARK, '')}]"
    keys = f"IDENTITY = {quoted(plan.identity, '')}, SECRET = {quoted(plan.secret, '')}"
    statements = [f"CREATE CREDENTIAL {title} WITH {keys}", prelude + plan.before + backup, read]
    if slip:
        statements = draw(_with_slip(statements, SLIPS[slip]))
    return "".join(draw(_wrapped(statement)) for statement in statements)


def slipped(slip):
    """A script with one slip, and a mark in front of the word that tells it."""
    return scripts(slip=slip)


@st.composite
def _with_slip(draw, statements, pattern):
    """The statements, one of which is changed where the pattern says."""
    found = [(at, match) for at, text in enumerate(statements) for match in re.finditer(pattern, text)]
    assume(found)
    at, match = draw(st.sampled_from(found))
    text = statements[at]
    wrong = " " + MARK if match[0] == "," else MARK + draw(_misspelt(match[0]))
    rest = text[match.end() :].lstrip() if match[0] == "," else text[match.end() :]
    return [*statements[:at], text[: match.start()] + wrong + rest, *statements[at + 1 :]]


@st.composite
def _misspelt(draw, word):
    """A word with a letter too few or too many, or with two that changed places."""
    at = draw(st.integers(0, len(word) - 2))
    wrong = draw(
        st.sampled_from(
            (
                word[:at] + word[at + 1 :],
                word[:at] + word[at] * 2 + word[at + 1 :],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            )
        )
    )
    return draw(st.sampled_from((wrong, wrong.lower())))


def _urls(draw, addresses):
    """The URLs as they stand in the statement, and what sets the variables that some of them are."""
    prelude, said = "", []
    for at, address in enumerate(addresses):
        mark = MARK if MARK in address else ""
        if draw(st.booleans()):
            half = draw(st.integers(0, len(address)))
            plain = address.replace(MARK, "")
            prelude += f"DECLARE @u{at} nvarchar(400) = {quoted(plain[:half])} + {quoted(plain[half:], '')};"
            said.append(f"URL = {mark}@U{at}")
        else:
            said.append(f"URL = {quoted(address)}")
    return prelude, ", ".join(said)


@st.composite
def _wrapped(draw, statement):
    """A statement among comments, in a batch of its own or not, as it is or as text that is executed."""
    words = statement.split(" TO URL", 1)
    text = (draw(_BLANKS) + "TO URL").join(words)
    if draw(st.booleans()):
        text = f"EXEC (N'{text.replace(chr(39), chr(39) * 2)}')"
    return draw(_BLANKS) + text + draw(st.sampled_from((";\n", "\nGO\n", "\n;")))
