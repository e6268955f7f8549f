"""How SQL Server is led to buckets beside the run's own, whose names nobody knew when it was started."""

from types import SimpleNamespace

import pytest

from restoreproof.fixtures.endpoints import Endpoint
from restoreproof.fixtures.premises import within_reach


@pytest.fixture(autouse=True)
def names(monkeypatch):
    """Asks no DNS what is on this machine."""
    monkeypatch.setattr("restoreproof.fixtures.premises.is_loopback", "here.test".__eq__)


def subject(style, addresses=(), *, host="s3.acme.test", standin=False, path_style=True):
    endpoint = Endpoint(f"https://{host}", "", "us-east-1", style, host, addresses, "", {}, "url")
    engines = (SimpleNamespace(standin=standin),)
    return SimpleNamespace(endpoint=endpoint, engines=engines, capabilities={"path_style": path_style})


@pytest.mark.parametrize(
    ("known", "style"),
    [
        (subject("path", ("192.0.2.1",)), "path"),
        (subject("virtual"), "virtual"),
        (subject("virtual", ("192.0.2.1",), standin=True), "virtual"),
        (subject("virtual", ("192.0.2.1",)), "path"),
        (subject("virtual", host="here.test"), "path"),
    ],
    ids=["path", "names that DNS knows", "the stand-in", "names that DNS does not know", "this machine"],
)
def test_bucket_stands_where_sql_server_finds_it(known, style):
    assert within_reach(known).style == style


def test_bucket_that_can_stand_nowhere_is_a_check_that_is_not_run():
    with pytest.raises(pytest.skip.Exception, match="no DNS knows"):
        within_reach(subject("virtual", ("192.0.2.1",), path_style=False))
