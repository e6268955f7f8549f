"""TLS: what SQL Server sees before it says a word, and nothing can be switched off on its side."""

import pytest


@pytest.mark.requirement("TLS-02.chain-to-given-ca")
def test_certificate_chains_to_the_given_ca(tls, evidence):
    """The certificate leads to the CA that SQL Server is given, with the certificates that the endpoint sends."""
    handshake = tls.handshake()

    problem = evidence.keep("chain_problem", handshake.chain_problem(tls.ca))

    assert problem == ""


@pytest.mark.requirement("TLS-03.host-name")
def test_certificate_names_the_host_of_the_url(tls, evidence):
    """The certificate's subject alternative names cover the host name or IP address of the URL."""
    handshake = tls.handshake()

    problem = evidence.keep("name_problem", handshake.covers(tls.host))

    assert problem == ""


@pytest.mark.requirement("TLS-12.not-expired")
def test_certificates_have_not_expired(tls, evidence, now):
    """No certificate that the endpoint sends has expired."""
    handshake = tls.handshake()

    expired = evidence.keep("expired", handshake.expired(now))

    assert expired == []


@pytest.mark.requirement("TLS-12.already-valid")
def test_certificates_are_already_valid(tls, evidence, now):
    """Every certificate that the endpoint sends is already valid."""
    handshake = tls.handshake()

    premature = evidence.keep("not_yet_valid", handshake.premature(now))

    assert premature == []


@pytest.mark.requirement("TLS-13.no-client-certificate")
def test_client_without_certificate_is_answered(tls, evidence):
    """A client without a certificate of its own gets an HTTP answer."""
    answer = tls.ask()

    status_line = evidence.keep("status_line", answer.partition(b"\r\n")[0].decode("latin-1"))

    assert status_line.partition(" ")[0] in ("HTTP/1.1", "HTTP/1.0")


@pytest.mark.requirement("TLS-11.intermediates-sent")
def test_endpoint_sends_its_intermediate_certificates(tls, evidence):
    """The endpoint sends every certificate between its own and the root."""
    handshake = tls.handshake()

    missing = evidence.keep("missing_issuer", handshake.missing_issuer(tls.ca))

    assert missing == ""


@pytest.mark.requirement("TLS-10.tls12-offered")
def test_client_with_tls_1_2_only_is_served(tls, evidence):
    """A client that offers TLS 1.2 and nothing newer is served."""
    handshake = tls.handshake_tls12()

    version = evidence.keep("version", handshake.version)
    evidence.keep("cipher", handshake.cipher)

    assert version == "TLSv1.2"


@pytest.mark.requirement("TLS-14.virtual-host-name")
def test_certificate_names_virtual_hosts(tls, endpoint, evidence):
    """The certificate covers a bucket's name in front of the endpoint's domain."""
    virtual_host = f"sqlbackups.{endpoint.domain}"
    handshake = tls.handshake(virtual_host)

    problem = evidence.keep("name_problem", handshake.covers(virtual_host))

    assert problem == ""


@pytest.mark.requirement("TLS-01.cleartext-refused")
def test_plain_http_on_the_port_is_refused(tls, speaks_s3, evidence):
    """The TLS port does not speak S3 with a client that speaks plain HTTP."""
    answer = tls.ask_in_clear()

    evidence.keep("status_line", answer.partition(b"\r\n")[0].decode("latin-1"))

    assert not speaks_s3(answer)
