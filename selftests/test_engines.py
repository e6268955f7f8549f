"""Where a SQL Server comes from, what it says of itself, and one line where there is none."""

import json

import pytest
from scripted_sql import DRIVER, NO_DRIVER, PASSWORD, SqlServer, scripted

from restoreproof.fixtures.endpoints import Endpoint
from restoreproof.fixtures.engines import Engine, EngineError, Login, container, starting
from restoreproof.fixtures.engines.container import ContainerSettings
from restoreproof.fixtures.engines.driver import DriverError
from restoreproof.fixtures.engines.instance import InstanceSettings, find_instance
from restoreproof.fixtures.engines.looking import look_at
from restoreproof.fixtures.engines.route import GATEWAY, Route, route_to
from restoreproof.fixtures.engines.starting import Choice, EngineSettings, engine_for
from restoreproof.providers.secrets import Secret
from restoreproof.standins.certificates import Authority
from restoreproof.standins.sqlserver import image

needs_driver = pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER)

ENVIRON = {"MSSQL_USER": "sa", "MSSQL_PASSWORD": PASSWORD}


def endpoint(url="https://s3.localhost:9000", *addresses, domain=""):
    return Endpoint(url, "", "us-east-1", "path", domain, addresses, "", {}, "url")


def instance(login, **change):
    facts = {"host": login.host, "port": login.port, "ca": login.ca}
    return InstanceSettings(**{**facts, **change})


@needs_driver
def test_an_instance_says_what_it_is(tmp_path):
    with scripted(tmp_path) as (_, login):
        engine = find_instance(instance(login), DRIVER, ENVIRON)

    assert engine.record == {
        "build": [16, 0, 4236, 2],
        "edition": "Developer Edition",
        "platform": "Ubuntu 22.04",
        "standin": False,
        "filestream": False,
        "encrypts": False,
    }
    assert (engine.origin, engine.doubt) == (f"instance localhost:{login.port}", "")


@needs_driver
@pytest.mark.parametrize(
    ("edition", "origin", "tempdb", "encrypts"),
    [
        ("Developer Edition", "container x", 0, True),
        ("Standard Edition (64-bit)", "container x", 0, True),
        ("Web Edition", "container x", 1, False),
        ("Enterprise Edition", "instance sql1:1433", 0, False),
        ("Enterprise Edition", "instance sql1:1433", 1, True),
    ],
)
def test_nobodys_tempdb_is_encrypted_for_a_check(tmp_path, edition, origin, tempdb, encrypts):
    server = SqlServer(edition=edition)
    server.encrypted = tempdb
    with scripted(tmp_path, server) as (_, login):
        assert look_at(login, DRIVER, origin).encrypts == encrypts


@needs_driver
@pytest.mark.parametrize(
    ("facts", "doubt"),
    [
        ({"build": "16.0.4195.2"}, "16.0.4195.2 is older than CU20"),
        ({"edition": "Stand-in (not SQL Server)"}, "stand-in"),
        ({"banner": "SQL Server 2022 stand-in"}, "stand-in"),
    ],
)
def test_what_certifies_nothing_says_so(tmp_path, facts, doubt):
    with scripted(tmp_path, SqlServer(**facts)) as (_, login):
        assert doubt in look_at(login, DRIVER, "here").doubt


@needs_driver
def test_a_server_without_host_info_still_has_a_platform(tmp_path):
    engine = SqlServer()
    engine.platform = None
    with scripted(tmp_path, engine) as (_, login):
        assert look_at(login, DRIVER, "here").platform == "Linux (x)"


@needs_driver
def test_the_permissions_that_lack_are_named_with_the_cure(tmp_path):
    engine = SqlServer()
    engine.denied = {"ALTER ANY CREDENTIAL", "VIEW SERVER STATE"}
    with scripted(tmp_path, engine) as (_, login), pytest.raises(EngineError) as caught:
        look_at(login, DRIVER, "here")

    assert "GRANT ALTER ANY CREDENTIAL, VIEW SERVER STATE TO [sa]" in str(caught.value)
    assert "CREATE ANY DATABASE" not in str(caught.value)


@needs_driver
@pytest.mark.parametrize(
    ("change", "environ", "told"),
    [
        ({}, {}, "MSSQL_USER is not set"),
        ({}, {**ENVIRON, "MSSQL_PASSWORD": "wrong"}, "Check user and password"),
        ({"ca": ""}, ENVIRON, "give its CA"),
        ({"encrypt": "no"}, ENVIRON, "not 'no'"),
        ({"host": "nobody.invalid"}, ENVIRON, "no DNS entry"),
        ({"port": 1}, ENVIRON, "check whether it runs"),
    ],
    ids=["user", "password", "ca", "encrypt", "host", "port"],
)
def test_an_instance_that_will_not_do_is_one_line(tmp_path, change, environ, told):
    with scripted(tmp_path) as (_, login), pytest.raises(EngineError, match=told) as caught:
        find_instance(instance(login, **change), DRIVER, environ)

    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


@needs_driver
def test_what_knows_no_s3_is_refused(tmp_path):
    engine = SqlServer(build="15.0.4430.1")
    with scripted(tmp_path, engine) as (_, login), pytest.raises(EngineError, match="S3 needs SQL Server 2022"):
        look_at(login, DRIVER, "here")


def test_an_engine_goes_to_workers_and_prints_no_secret():
    login = Login("h", 1433, "sa", Secret(PASSWORD), ca="PEM")
    engine = Engine((16, 0, 4236, 2), "Developer", "Ubuntu", standin=False, origin="x", login=login, driver="D")

    assert Engine.from_json(json.loads(json.dumps(engine.to_json()))) == engine
    assert PASSWORD not in repr(engine)
    assert engine.secrets == [PASSWORD]


def test_none_is_none_and_nonsense_is_an_error():
    with engine_for("none", EngineSettings()) as choice:
        assert choice == Choice(None, "no engine was asked for")
    with pytest.raises(EngineError, match="auto, container, instance"), engine_for("postgres", EngineSettings()):
        pass
    with pytest.raises(EngineError, match="no host was named"), engine_for("instance", EngineSettings()):
        pass


def test_without_a_driver_there_is_no_engine_and_the_reason_says_what_to_do(monkeypatch):
    def missing(_):
        raise DriverError("no driver; on Debian: apt-get install unixodbc")

    monkeypatch.setattr(starting, "find_driver", missing)
    with engine_for("auto", EngineSettings()) as choice:
        assert choice.engine is None
        assert "apt-get install unixodbc" in choice.reason


def test_driver_that_was_named_and_is_not_there_ends_the_run():
    wrong = EngineSettings(driver="/nowhere/driver.so")
    with pytest.raises(EngineError, match=r"/nowhere/driver\.so"), engine_for("auto", wrong):
        pass


@needs_driver
def test_without_docker_the_line_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    settings = EngineSettings(container=ContainerSettings(accept_eula=True))
    with pytest.raises(EngineError, match="does `docker run` work"), engine_for("container", settings):
        pass


def test_a_machine_that_is_too_small_says_so():
    with pytest.raises(EngineError, match=r"1\.5 GiB of memory, and SQL Server needs 2"):
        container._must_have_memory(3 * 2**29)


def test_every_certificate_of_the_authorities_gets_a_file_of_its_own():
    first, second = Authority().pem, Authority().pem

    assert container._authorities([f"# a bundle\n{first}{second}", first, ""]) == {
        "restoreproof-1.crt": first.encode(),
        "restoreproof-2.crt": second.encode(),
    }
    with pytest.raises(EngineError, match="reads 50 CA certificates, and the endpoints' are 51"):
        container._authorities([first.replace("MII", f"MI{number}") for number in range(51)])


def test_a_password_meets_the_policy_of_the_image():
    password = container._password()

    image._must_be_strong(password.reveal())
    assert password != container._password()


LOOPBACK = [
    ("linux", endpoint("https://localhost:9000"), Route(shares_network=True)),
    (
        "linux",
        endpoint("https://s3.lab.test:9000", "127.0.0.1", domain="s3.lab.test"),
        Route(shares_network=True, hosts={"s3.lab.test": "127.0.0.1", "run-1.s3.lab.test": "127.0.0.1"}),
    ),
    ("darwin", endpoint("https://s3.lab.test:9000", "127.0.0.1"), Route(hosts={"s3.lab.test": GATEWAY})),
    ("linux", endpoint("https://s3.lab.test", "192.0.2.7"), Route(hosts={"s3.lab.test": "192.0.2.7"})),
    ("linux", endpoint("https://192.0.2.7:9000"), Route()),
    ("linux", endpoint("https://s3.nobody.invalid"), Route()),
]


@pytest.mark.parametrize(("system", "to", "route"), LOOPBACK, ids=lambda value: getattr(value, "url", str(value))[:30])
def test_a_container_reaches_the_endpoint_under_its_own_name(system, to, route):
    assert route_to([to], ["run-1"], system) == route


def test_where_no_way_leads_it_is_said():
    with pytest.raises(EngineError, match="another name"):
        route_to([endpoint("https://localhost:9000")], (), "win32")
    with pytest.raises(EngineError, match="no port"):
        route_to([endpoint("https://s3.lab.test:9000", "192.0.2.7:9001")], (), "linux")
