"""Logins by Microsoft's driver: who gets in, by what kind of TLS, and what the others are told."""

import socket
import ssl
import threading

import pytest
import tds_client
from hypothesis import given
from hypothesis import strategies as st
from scripted_engine import AUTHORITY, LEAF, PASSWORD, Engine, serving

from restoreproof.fixtures.engines.driver import import_pyodbc
from restoreproof.standins.certificates import Authority
from restoreproof.standins.sqlserver.tds.login import Encryption, agreed, prelogin_answer, read_login, read_prelogin

pyodbc = import_pyodbc()


@pytest.fixture
def service(tmp_path):
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """The driver believes in our authority."""
    path = tmp_path / "ca.pem"
    path.write_text(AUTHORITY.pem, encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


def one(connection):
    with connection:
        return connection.execute("one").fetchval()


@pytest.mark.parametrize("encrypt", ["yes", "optional"])
def test_driver_logs_in(service, encrypt):
    assert one(service.connect(encrypt=encrypt)) == 1


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("encrypt", ["yes", "optional", "strict"])
def test_driver_logs_in_where_encryption_is_forced(tmp_path, encrypt):
    with serving(tmp_path, force_encryption=True) as service:
        assert one(service.connect("TrustServerCertificate=no", encrypt=encrypt, host="localhost")) == 1


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("encrypt", ["yes", "strict"])
def test_certificate_is_verified(service, encrypt):
    assert one(service.connect("TrustServerCertificate=no", encrypt=encrypt, host="localhost")) == 1


def test_strict_driver_knows_the_certificate_itself(service, tmp_path):
    path = tmp_path / "leaf.pem"
    path.write_text(LEAF.certificate, encoding="utf-8")

    assert one(service.connect(f"ServerCertificate={path}", encrypt="strict")) == 1


@pytest.mark.parametrize("encrypt", ["yes", "strict"])
def test_certificate_of_a_wrong_authority_is_refused(service, tmp_path, monkeypatch, encrypt):
    path = tmp_path / "other.pem"
    path.write_text(Authority().pem, encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))

    with pytest.raises(pyodbc.OperationalError, match="certificate verify failed"):
        service.connect("TrustServerCertificate=no", encrypt=encrypt, host="localhost")
    assert service.engine.sessions == []


@pytest.mark.usefixtures("trusted")
def test_certificate_of_another_name_is_refused(service):
    with pytest.raises(pyodbc.OperationalError, match="verify"):
        service.connect("TrustServerCertificate=no", "HostNameInCertificate=elsewhere.test")


def test_wrong_password_is_refused(service):
    with pytest.raises(pyodbc.InterfaceError, match=r"Login failed for user 'sa'.*18456") as refused:
        service.connect(password="wrong")
    assert refused.value.args[0] == "28000"


def test_unknown_database_is_refused(service):
    with pytest.raises(pyodbc.ProgrammingError, match="4060"):
        service.connect("DATABASE=nowhere", "TrustServerCertificate=yes")


def test_driver_is_told_of_the_database_and_the_server(service):
    connection = service.connect("DATABASE=größe", "TrustServerCertificate=yes")

    assert connection.getinfo(pyodbc.SQL_DATABASE_NAME) == "größe"
    assert connection.getinfo(pyodbc.SQL_DBMS_NAME) == "Microsoft SQL Server"
    assert connection.getinfo(pyodbc.SQL_DBMS_VER).startswith("16.00.4236")


@pytest.mark.parametrize("password", ["a}b", "a;b=c", "{x}", "mit Leerzeichen", "Größe-ñ-Ω", "🙂🙃", "x" * 128])
def test_passwords_of_all_kinds_get_in(tmp_path, password):
    with serving(tmp_path, Engine(password)) as service:
        assert one(service.connect(password=password)) == 1


@given(st.text(max_size=100), st.text(max_size=100), st.text(max_size=100))
def test_logins_are_read_as_they_were_written(user, password, database):
    found = read_login(tds_client.login(user, password, database, packet_size=8000))

    assert (found.user, found.password, found.database, found.packet_size) == (user, password, database, 8000)


def test_passwords_are_not_shown(service, capfd, caplog):
    found = read_login(tds_client.login(password=PASSWORD))
    with tds_client.client(service.listener.port) as client:
        client.log_in(PASSWORD + "!")
        assert client.is_dropped()

    shown = (repr(found), caplog.text, *capfd.readouterr())
    assert [text for text in shown if PASSWORD in text] == []


def test_client_without_tls_is_refused_where_encryption_is_forced(tmp_path):
    with serving(tmp_path, force_encryption=True) as service, tds_client.client(service.listener.port) as client:
        client.say(tds_client.packet(tds_client.PRELOGIN, tds_client.prelogin()))
        assert read_prelogin(client.answer()).encryption is Encryption.REQUIRED
        client.say(tds_client.packet(tds_client.LOGIN, tds_client.login(password=PASSWORD)))
        assert client.is_dropped()
        assert service.engine.sessions == []


def test_integrated_login_is_refused(service):
    words = bytearray(tds_client.login(password=PASSWORD))
    words[25] |= 0x80
    with tds_client.client(service.listener.port) as client:
        client.say(tds_client.packet(tds_client.PRELOGIN, tds_client.prelogin()))
        client.answer()
        client.say(tds_client.packet(tds_client.LOGIN, bytes(words)))

        assert "Integrated".encode("utf-16-le") in client.answer()


@pytest.mark.parametrize(
    ("wanted", "required", "answer"),
    [
        (Encryption.LOGIN_ONLY, False, Encryption.LOGIN_ONLY),
        (Encryption.LOGIN_ONLY, True, Encryption.REQUIRED),
        (Encryption.ON, False, Encryption.ON),
        (Encryption.REQUIRED, True, Encryption.ON),
        (Encryption.NOT_SUPPORTED, False, Encryption.NOT_SUPPORTED),
    ],
)
def test_encryption_is_agreed_on(wanted, required, answer):
    found = agreed(wanted, required=required)

    assert found is answer
    assert read_prelogin(prelogin_answer((16, 0, 4236), found)).encryption is answer


def test_strict_tls_is_modern_and_names_its_protocol(service):
    context = ssl.create_default_context(cadata=AUTHORITY.pem)
    context.set_alpn_protocols(["tds/8.0"])
    with (
        socket.create_connection(("127.0.0.1", service.listener.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wire,
    ):
        assert (wire.version(), wire.selected_alpn_protocol()) == ("TLSv1.3", "tds/8.0")


def test_socket_that_is_bound_already_is_served(tmp_path):
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    with serving(tmp_path, sock=bound) as service:
        assert service.listener.port == port
        assert one(service.connect()) == 1


def test_forty_clients_are_served_at_once(service):
    together = threading.Barrier(40, timeout=20)
    service.engine.scripts["meet"] = lambda batch: (together.wait(), batch.give(batch.session.id))
    found = []

    def visit():
        found.append(service.connect().execute("meet").fetchval())

    visitors = [threading.Thread(target=visit) for _ in range(40)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert sorted(found) == list(range(51, 91))


def test_close_ends_sessions_that_run(tmp_path):
    with serving(tmp_path) as service:
        connections = [service.connect() for _ in range(3)]
        cursor = connections[0].cursor()
        seen = []

        def visit():
            with pytest.raises(pyodbc.Error) as problem:
                cursor.execute("wait")
            seen.append(problem.value.args[0])

        waiter = threading.Thread(target=visit)
        waiter.start()
        assert service.engine.waiting.wait(10)
        service.listener.close()
        waiter.join()

    assert seen == ["08S01"]
    assert [session.closed.is_set() for session in service.engine.sessions] == [True] * 3
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", service.listener.port))


def test_session_is_closed_when_its_client_leaves(service):
    service.connect().close()

    assert service.engine.sessions[0].closed.wait(10)
