"""Every entry of the field's catalogue that binds the endpoint has its checks, or a line that says why it can't."""

from restoreproof.reports.register import load_register

REGISTER = load_register()

BIND_THE_ENDPOINT = [
    "TLS-01",
    "TLS-02",
    "TLS-03",
    "TLS-04",
    "TLS-05",
    "TLS-10",
    "TLS-11",
    "TLS-12",
    "TLS-13",
    "TLS-14",
    "CRED-03",
    "CRED-04",
    "CRED-05",
    "CRED-13",
    "URL-02",
    "URL-03",
    "URL-04",
    "URL-05",
    "URL-08",
    "URL-12",
    "BKT-02",
    "PERM-01",
    "PERM-02",
    "PERM-03",
    "PERM-04",
    "PERM-05",
    "PERM-06",
    "REG-04",
    "REG-05",
    "WIRE-01",
    "WIRE-02",
    "WIRE-03",
    "WIRE-04",
    "WIRE-05",
    "WIRE-06",
    "WIRE-07",
    "WIRE-08",
    "WIRE-09",
    "WIRE-10",
    "WIRE-12",
    "WIRE-13",
    "WIRE-14",
    "WIRE-15",
    "WIRE-16",
    "WIRE-17",
    "MPU-01",
    "MPU-02",
    "MPU-03",
    "MPU-05",
    "MPU-06",
    "MPU-07",
    "MPU-08",
    "MPU-12",
    "MPU-13",
    "MPU-14",
    "MPU-15",
    "ABORT-01",
    "ABORT-02",
    "ABORT-03",
    "ABORT-04",
    "ABORT-05",
    "ABORT-06",
    "ABORT-07",
    "BAK-09",
    "RST-14",
    "META-06",
    "META-07",
    "LCK-01",
    "LCK-02",
    "LCK-03",
    "LCK-04",
    "LCK-05",
    "LCK-06",
    "PERF-06",
    "PERF-07",
    "CLK-01",
    "LIST-02",
    "LIST-03",
]

BIND_SQL_SERVER_AND_SHOW_ON_THE_WIRE = ["CRED-15", "REG-01", "WIRE-11", "BAK-16"]

CHECKED = {entry.id.partition(".")[0] for entry in REGISTER}


def test_every_entry_has_its_checks_or_a_reason():
    known = CHECKED | set(REGISTER.unchecked)

    assert [entry for entry in BIND_THE_ENDPOINT + BIND_SQL_SERVER_AND_SHOW_ON_THE_WIRE if entry not in known] == []


def test_nothing_that_is_checked_is_called_uncheckable():
    assert sorted(CHECKED & set(REGISTER.unchecked)) == []


def test_every_reason_is_a_sentence():
    assert [entry for entry, reason in REGISTER.unchecked.items() if not reason.endswith(".") or len(reason) < 40] == []


def test_catalogue_is_whole():
    assert (len(set(BIND_THE_ENDPOINT)), len(set(BIND_SQL_SERVER_AND_SHOW_ON_THE_WIRE))) == (78, 4)
