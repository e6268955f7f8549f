"""What the doctor says of a SQL Server: build, edition, and the credential that a backup would take."""

import socket
from dataclasses import replace

import pytest
from planted_store import SOURCES, Plan, patient_of
from scripted_sql import DRIVER, NO_DRIVER, PASSWORD, TEXT, SqlServer, scripted

from restoreproof.fixtures.doctor import server
from restoreproof.fixtures.doctor.chart import Chart
from restoreproof.fixtures.doctor.server import Credential, beside, judge_credentials, judge_version
from restoreproof.fixtures.engines import Engine, Login
from restoreproof.fixtures.engines.asking import Wish
from restoreproof.fixtures.engines.instance import InstanceSettings
from restoreproof.fixtures.engines.starting import INSTANCE
from restoreproof.providers.secrets import Secret
from restoreproof.reports.findings import PROBLEM
from restoreproof.reports.redaction import Redactor
from restoreproof.standins.sqlserver.session import Column, SqlError

ROOT = "s3://localhost:9000/sqlbackups"
S3 = "S3 Access Key"


@pytest.fixture
def patient(tmp_path):
    """Whoever is looked at."""
    return patient_of(Plan(), 9000, tmp_path)


@pytest.fixture
def chart():
    """An empty one."""
    return Chart(SOURCES, Redactor(()))


def found(chart):
    return {finding.name for finding in chart.found}


def engine(build="16.0.4236.2", edition="Developer Edition (64-bit)", platform="Ubuntu 22.04"):
    login = Login("h", 1433, "sa", Secret(PASSWORD))
    return Engine(
        tuple(map(int, build.split("."))), edition, platform, standin=False, origin="x", login=login, driver="d"
    )


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        ({}, {"engine-fit"}),
        ({"build": "16.0.4205.1"}, {"engine-fit"}),
        ({"build": "16.0.4205.0"}, {"before-cu20"}),
        ({"build": "16.0.4195.1"}, {"before-cu19", "before-cu20"}),
        ({"build": "16.0.4065.2"}, {"before-cu7", "before-cu19", "before-cu20"}),
        ({"build": "16.0.4055.3"}, {"before-cu6", "before-cu7", "before-cu19", "before-cu20"}),
        ({"build": "15.0.4430.1"}, {"engine-too-old"}),
        ({"build": "17.0.4055.4"}, {"many-stripes-on-linux"}),
        ({"build": "17.0.4055.4", "platform": "Windows Server 2025"}, {"engine-fit"}),
        ({"edition": "Express Edition"}, {"engine-express"}),
        ({"edition": "Web Edition"}, {"engine-web"}),
        ({"edition": "Standard Edition"}, {"engine-standard"}),
        ({"edition": "SQL Azure"}, {"engine-managed"}),
    ],
)
def test_build_and_edition_are_judged(facts, names, chart):
    judge_version(engine(**facts), chart)

    assert found(chart) == names


@pytest.mark.parametrize(
    ("credentials", "names", "told"),
    [
        ([], {"no-credential"}, ROOT),
        ([(ROOT, S3)], {"credential-found"}, ROOT),
        ([(f"{ROOT}/", S3)], {"credential-found"}, ROOT),
        ([(ROOT, S3), (f"{ROOT}/SQLPROD01/SalesOrders", S3)], {"credential-found"}, f"[{ROOT}/SQLPROD01/SalesOrders]"),
        ([(ROOT, S3), (f"{ROOT}/SQL", S3)], {"credential-found"}, f"[{ROOT}]"),
        ([(ROOT, "SHARED ACCESS SIGNATURE")], {"credential-of-other-identity"}, "SHARED ACCESS SIGNATURE"),
        ([("s3://localhost:9000/", S3)], {"credential-of-host-alone"}, "s3://localhost:9000/"),
        ([("s3://localhost/sqlbackups", S3)], {"credential-of-other-port"}, "s3://localhost/sqlbackups"),
        ([("https://localhost:9000/sqlbackups", S3)], {"no-credential"}, ROOT),
        ([("s3://localhost:9000/sqlbackups2", S3)], {"no-credential"}, ROOT),
    ],
)
def test_credential_that_a_backup_would_take_is_named(credentials, names, told, patient, chart):
    judge_credentials([Credential(*row) for row in credentials], patient, chart)

    assert found(chart) == names
    assert all(told in finding.seen for finding in chart.found)
    lacking = names & {"no-credential", "credential-of-other-port"}
    assert {finding.name for finding in chart.found if finding.severity == PROBLEM} >= lacking


class Server(SqlServer):
    """Has credentials, too."""

    def __init__(self, *credentials, files=1, **facts):
        self.credentials, self.files = credentials, files
        super().__init__(**facts)

    def _select(self, batch):
        if "dm_os_enumerate_filesystem" in batch.text:
            self._list(batch)
            return
        if "sys.credentials" not in batch.text:
            super()._select(batch)
            return
        batch.output.columns([Column("name", TEXT), Column("credential_identity", TEXT)])
        for row in self.credentials:
            batch.output.row(list(row))
        batch.output.done(len(self.credentials))

    def _list(self, batch):
        folder, pattern = (parameter.value for parameter in batch.parameters.values())
        assert (folder, pattern) == ("/var/opt/mssql/security/ca-certificates", "*")
        if self.files is None:
            raise SqlError(15562, "The module being executed is not trusted.")
        batch.output.columns([Column("name", TEXT)])
        for at in range(self.files):
            batch.output.row([f"{at}.crt"])
        batch.output.done(self.files)


def wish_for(login):
    return Wish(INSTANCE, DRIVER, instances=(InstanceSettings(login.host, login.port, ca=login.ca),))


@pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER)
def test_server_that_runs_is_asked_beside_all_else(tmp_path, patient, chart, monkeypatch):
    monkeypatch.setenv("MSSQL_USER", "sa")
    monkeypatch.setenv("MSSQL_PASSWORD", PASSWORD)
    asked = Server((ROOT, S3), build="15.0.4430.1", edition="Express Edition")
    asked.denied = {"ALTER ANY CREDENTIAL"}

    with scripted(tmp_path, asked) as (_, login), beside(wish_for(login), patient, chart):
        assert chart.found == []

    lacks = {"engine-too-old", "no-right-to-credentials"}
    assert found(chart) == {*lacks, "credential-found", "trust-folder-filled"}
    assert PASSWORD not in str(chart.found)


TRUST = {"trust-folder-empty", "trust-folder-crowded", "trust-folder-filled"}


@pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER)
@pytest.mark.parametrize(
    ("facts", "names", "unlooked"),
    [
        ({"files": 0}, {"trust-folder-empty"}, ""),
        ({"files": 1}, {"trust-folder-filled"}, ""),
        ({"files": 50}, {"trust-folder-filled"}, ""),
        ({"files": 51}, {"trust-folder-crowded"}, ""),
        ({"files": None}, set(), "15562"),
        ({"files": 0, "windows": True}, set(), "on Windows"),
        ({"files": 0, "public": True}, set(), ""),
    ],
)
def test_trust_folder_is_looked_into(facts, names, unlooked, tmp_path, patient, chart, monkeypatch):
    monkeypatch.setenv("MSSQL_USER", "sa")
    monkeypatch.setenv("MSSQL_PASSWORD", PASSWORD)
    asked = Server((ROOT, S3), files=facts["files"])
    if "windows" in facts:
        asked.platform = {"host_platform": "Windows", "host_distribution": "Windows Server", "host_release": "10.0"}
    if "public" in facts:
        patient = replace(patient, endpoint=replace(patient.endpoint, ca=""))

    with scripted(tmp_path, asked) as (_, login), beside(wish_for(login), patient, chart):
        pass

    assert found(chart) & TRUST == names
    assert "credential-found" in found(chart)
    assert [unlooked in entry.because for entry in chart.unlooked] == [True] * bool(unlooked)


@pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER)
@pytest.mark.parametrize(("password", "host"), [("wrong", "localhost"), (PASSWORD, "nobody.invalid")])
def test_server_that_lets_nobody_in_is_a_problem(password, host, tmp_path, patient, chart, monkeypatch):
    monkeypatch.setenv("MSSQL_USER", "sa")
    monkeypatch.setenv("MSSQL_PASSWORD", password)

    with scripted(tmp_path) as (_, login), beside(wish_for(replace(login, host=host)), patient, chart):
        pass

    assert found(chart) == {"engine-unusable"}


@pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER)
def test_server_that_hangs_is_named_as_not_looked_at(patient, chart, monkeypatch):
    monkeypatch.setenv("MSSQL_USER", "sa")
    monkeypatch.setenv("MSSQL_PASSWORD", PASSWORD)
    monkeypatch.setattr(server, "SECONDS", 0.05)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        login = Login("127.0.0.1", silent.getsockname()[1], "sa", Secret(PASSWORD))
        with beside(wish_for(login), patient, chart):
            pass

    assert (found(chart), [unlooked.what for unlooked in chart.unlooked]) == (set(), ["SQL Server"])
