"""TLS: what SQL Server sees before it says a word, and nothing can be switched off on its side."""

import pytest


@pytest.mark.requirement("TLS-01.handshake")
def test_endpoint_shakes_hands_for_the_host_of_the_url(tls, evidence):
    """The endpoint completes a TLS handshake, version 1.2 or 1.3, with a client that asks for the host of the URL."""
    handshake = tls.handshake()

    version = evidence.keep("version", handshake.version)

    assert version in ("TLSv1.2", "TLSv1.3")


@pytest.mark.requirement("TLS-02.chain-to-given-ca")
def test_certificate_chains_to_the_given_ca(tls, evidence):
    """The certificate leads to the CA that SQL Server is given, with the certificates that the endpoint sends."""
    handshake = tls.handshake()

    problem = evidence.keep("chain_problem", handshake.chain_problem(tls.ca))

    assert problem == ""


@pytest.mark.requirement("TLS-05.self-signed-is-given")
def test_self_signed_certificate_is_the_one_that_is_given(tls, evidence):
    """A certificate that vouches for itself is the very one that SQL Server is given to trust."""
    handshake = tls.handshake()

    stands_for_itself = evidence.keep("self_signed_and_not_given", handshake.stands_for_itself(tls.ca))

    assert not stands_for_itself


@pytest.mark.requirement("TLS-02.strong-keys")
def test_certificates_have_strong_keys(tls, evidence):
    """No certificate that the endpoint sends has an RSA key below 2048 bits or an EC key below 224."""
    handshake = tls.handshake()

    weak = evidence.keep("weak_keys", handshake.weak_keys)

    assert weak == []


@pytest.mark.requirement("TLS-02.strong-signatures")
def test_certificates_are_signed_with_strong_algorithms(tls, evidence):
    """No certificate that the endpoint sends, its root aside, is signed with SHA-1 or MD5."""
    handshake = tls.handshake()

    weak = evidence.keep("weak_signatures", handshake.weak_signatures)

    assert weak == []


@pytest.mark.requirement("TLS-03.host-name")
def test_certificate_names_the_host_of_the_url(tls, evidence):
    """The certificate's subject alternative names cover the host name or IP address of the URL."""
    handshake = tls.handshake()

    problem = evidence.keep("name_problem", handshake.covers(tls.host))

    assert problem == ""


@pytest.mark.requirement("TLS-04.address-among-names")
def test_address_of_the_url_is_among_the_names(tls, evidence):
    """An IP address in the URL stands among the certificate's names as an address, not as a host name."""
    handshake = tls.handshake()

    addresses = evidence.keep("addresses", handshake.addresses)

    assert tls.address in addresses


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


@pytest.mark.requirement("TLS-12.expiry-margin")
def test_certificates_do_not_expire_soon(tls, evidence, now):
    """No certificate that the endpoint sends ends within two weeks, or within the last quarter of a shorter life."""
    handshake = tls.handshake()

    expiring = evidence.keep("expiring", handshake.expiring(now))

    assert expiring == []


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


@pytest.mark.requirement("TLS-10.mainstream-suites")
def test_client_with_ecdhe_and_aes_gcm_only_is_served(tls, evidence):
    """A client that offers TLS 1.2 with ECDHE and AES-GCM and no other suites is served."""
    handshake = tls.handshake_mainstream()

    cipher = evidence.keep("cipher", handshake.cipher)

    assert cipher.startswith("ECDHE-")


@pytest.mark.requirement("TLS-10.old-versions-refused")
def test_client_with_old_versions_only_is_turned_away(old_tls, evidence):
    """A client that offers TLS 1.0 and 1.1 and nothing newer is turned away."""
    version = evidence.keep("version", old_tls.old_version_served())

    assert version == ""


@pytest.mark.requirement("TLS-10.session-resumed")
@pytest.mark.parametrize("newest", ["TLSv1.2", "TLSv1.3"])
def test_client_that_comes_back_with_its_session_is_served(tls, evidence, newest):
    """A client that comes back with the session of its last connection gets an HTTP answer."""
    answers = tls.ask_twice(newest)

    status_lines = evidence.keep("status_lines", [a.partition(b"\r\n")[0].decode("latin-1") for a in answers])

    assert [line.partition("/")[0] for line in status_lines] == ["HTTP", "HTTP"]


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


@pytest.mark.requirement("WIRE-10.http1-by-alpn")
def test_client_that_offers_http_1_1_alone_is_not_turned_away(tls, evidence):
    """A client that offers HTTP/1.1 by ALPN and no HTTP/2 completes its handshake and is held to nothing else."""
    handshake = tls.handshake_http1()

    protocol = evidence.keep("protocol", handshake.protocol)

    assert protocol in ("http/1.1", "")


@pytest.mark.requirement("WIRE-10.without-alpn")
def test_client_without_alpn_is_answered(tls, evidence):
    """A client that offers no protocol by ALPN gets an HTTP answer."""
    answer = tls.ask(protocol="")

    status_line = evidence.keep("status_line", answer.partition(b"\r\n")[0].decode("latin-1"))

    assert status_line.partition("/")[0] == "HTTP"


@pytest.mark.requirement("WIRE-10.keep-alive")
def test_connection_is_kept_for_the_next_request(backup, bucket, over_one_connection, evidence):
    """Several requests over one connection are answered, whatever the answers are."""
    client, prefix = over_one_connection(backup), bucket.key("nothing")

    answers = [client.list(prefix) for _ in range(3)]

    evidence.keep("statuses", [answer.status for answer in answers])
