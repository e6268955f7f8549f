"""Every entry of the field's catalogue that binds the endpoint or SQL Server has checks, or a line that says why."""

import pytest

from restoreproof.reports.register import RegisterError, load_register

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

BIND_SQL_SERVER = [
    "CRED-15",
    "REG-01",
    "REG-07",
    "WIRE-11",
    "MPU-04",
    "LIM-05",
    "BAK-01",
    "BAK-02",
    "BAK-03",
    "BAK-04",
    "BAK-05",
    "BAK-06",
    "BAK-07",
    "BAK-08",
    "BAK-11",
    "BAK-12",
    "BAK-14",
    "BAK-15",
    "BAK-16",
    "BAK-18",
    "BAK-19",
    "BAK-20",
    "BAK-21",
    "RST-01",
    "RST-03",
    "RST-04",
    "RST-05",
    "RST-06",
    "RST-07",
    "RST-08",
    "RST-10",
    "RST-11",
    "RST-13",
    "META-01",
    "META-02",
    "META-03",
    "META-04",
    "META-08",
    "CU-09",
    "PLAT-01",
    "ERR-01",
    "ERR-02",
    "ERR-03",
    "ERR-04",
    "ERR-05",
    "ERR-06",
    "ERR-07",
    "ERR-08",
    "ERR-09",
    "ERR-10",
    "ERR-11",
    "ERR-12",
    "ERR-13",
    "ERR-15",
    "PERF-03",
]

CHECKED = {entry.id.partition(".")[0] for entry in REGISTER}


def test_every_entry_has_its_checks_or_a_line():
    known = CHECKED | set(REGISTER.unchecked) | set(REGISTER.proven)

    assert [entry for entry in BIND_THE_ENDPOINT + BIND_SQL_SERVER if entry not in known] == []


def test_nothing_that_is_checked_is_called_uncheckable():
    assert sorted(CHECKED & set(REGISTER.unchecked)) == []


def test_every_line_is_needed():
    proven, unchecked = set(REGISTER.proven), set(REGISTER.unchecked)

    assert sorted(proven & (CHECKED | unchecked)) == []
    assert sorted((proven | unchecked) - set(BIND_THE_ENDPOINT + BIND_SQL_SERVER)) == []


def test_what_proves_sql_server_takes_one():
    assert [check for checks in REGISTER.proven.values() for check in checks if REGISTER[check].phase != "engine"] == []


def test_line_that_names_no_check_is_refused(tmp_path):
    (tmp_path / "unchecked.toml").write_text('[proven_by]\nRST-01 = ["BAK-01.no-such-check"]\n')

    with pytest.raises(RegisterError, match=r"RST-01: the check BAK-01\.no-such-check is not in the register"):
        load_register(tmp_path)


def test_every_reason_is_a_sentence():
    assert [entry for entry, reason in REGISTER.unchecked.items() if not reason.endswith(".") or len(reason) < 40] == []


def test_catalogue_is_whole():
    assert (len(set(BIND_THE_ENDPOINT)), len(set(BIND_SQL_SERVER))) == (78, 55)
