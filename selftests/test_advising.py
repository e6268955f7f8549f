"""The advice for a backup: where it breaks is right within one part, by arithmetic and against an endpoint."""

import re
from fractions import Fraction
from math import ceil

import pytest
from hostile_server import BUCKET, HostileStore, hostile
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from recording_server import KEYS
from source_tree import modules

from restoreproof.fixtures.advising import (
    AdvisingError,
    Bounds,
    Need,
    advise,
    largest_database,
    planned,
    sized,
)
from restoreproof.fixtures.client import Client
from restoreproof.fixtures.endpoints import Endpoint
from restoreproof.fixtures.engines import limits
from restoreproof.fixtures.engines.limits import LARGEST_TRANSFER, MIB, SMALLEST_TRANSFER, TRANSFER_STEP
from restoreproof.fixtures.prescribing import scripts, to_json, told
from restoreproof.fixtures.recorder import Recorder
from restoreproof.fixtures.signing import Signer
from restoreproof.fixtures.transport import Transport
from restoreproof.reports.measurement import Rate
from restoreproof.reports.redaction import Redactor
from restoreproof.standins.sqlserver.sql.parsing import parse

TB = 10**12
HOUR = 3600
STORE = Bounds.of({"parts": 10_000, "part_minimum": SMALLEST_TRANSFER, "part_maximum": 5 * 1024 * MIB})
PLACE = ("https://s3.acme.test:9000", "", "us-east-1", "path", "s3.acme.test", (), "backups", KEYS, "url")
ENDPOINT = Endpoint(*PLACE)

ratios = st.fractions(1, 20, max_denominator=50)
SMALLEST, LARGEST = SMALLEST_TRANSFER // TRANSFER_STEP, LARGEST_TRANSFER // TRANSFER_STEP
parts = st.integers(SMALLEST, LARGEST).map(lambda steps: steps * TRANSFER_STEP)


def stripes(backup, urls):
    """How SQL Server deals a backup out: evenly, in the bytes of each stripe."""
    return [backup // urls + (number < backup % urls) for number in range(urls)]


def fits(database, compression, urls, part, most):
    """Whether no stripe of a backup needs a part too many, counted part by part."""
    return all(ceil(Fraction(stripe, part)) <= most for stripe in stripes(ceil(database / compression), urls))


@given(urls=st.integers(1, 64), part=parts, most=st.integers(1, 10_000), compression=ratios)
def test_largest_database_fits_and_a_byte_of_backup_more_does_not(urls, part, most, compression):
    holds = largest_database(urls, part, most, compression)

    assert fits(holds, compression, urls, part, most)
    assert not fits(holds + ceil(compression), compression, urls, part, most)


@given(
    filled=st.fractions(0, Fraction(11, 10), max_denominator=1000),
    compression=ratios,
    mirrors=st.integers(0, 3),
    most=st.integers(1, 20_000),
    maximum=st.integers(SMALLEST_TRANSFER, 2 * LARGEST_TRANSFER),
    window=st.none() | st.integers(60, 100 * HOUR),
    measured=st.lists(st.tuples(st.integers(1, 64) | st.just(64), parts, st.floats(1e5, 1e10)), max_size=4),
)
@settings(max_examples=300)
def test_advice_keeps_to_every_limit_or_nothing_would(filled, compression, mirrors, most, maximum, window, measured):
    largest = min(maximum // TRANSFER_STEP * TRANSFER_STEP, LARGEST_TRANSFER)
    urls = 64 // (1 + mirrors)
    database = 1 + int(filled * largest_database(urls, largest, min(most, 10_000), compression))
    need = Need(database, compression, window, mirrors)
    bounds = Bounds.of({"parts": most, "part_maximum": maximum})
    rates = [Rate("upload", streams, part, (rate,)) for streams, part, rate in measured]
    try:
        advice = advise(need, bounds, rates)
    except AdvisingError:
        assert not fits(database, compression, urls, largest, min(most, 10_000))
        return

    assert advice.urls * (1 + mirrors) <= 64
    assert SMALLEST_TRANSFER <= advice.part <= min(maximum, LARGEST_TRANSFER)
    assert advice.part % TRANSFER_STEP == 0
    assert fits(database, compression, advice.urls, advice.part, bounds.parts)
    assert database <= advice.holds
    assert 0 <= advice.headroom < 1
    assert advice.is_tight == (advice.parts > planned(bounds.parts))
    assert advice.urls == urls or not advice.is_tight
    assert advice.buffers >= 2 * advice.urls


class FewParts(HostileStore):
    """Takes parts up to a number."""

    most = 0

    def do_part(self, request, body):
        if int(request.query["partnumber"]) > self.most:
            return 400, {}, b"<Error><Code>InvalidArgument</Code></Error>"
        return super().do_part(request, body[:1])  # of what it holds, nobody asks


def back_up(client, size, urls, part):
    """Write stripes in turn, as a backup does, until all is written or a part is refused; the bytes taken."""
    uploads = [client.open_upload(f"stripe_{number}.bak") for number in range(urls)]
    left, taken, number = stripes(size, urls), 0, 0
    while any(left):
        number += 1
        for stripe, upload in enumerate(uploads):
            body = bytes(min(part, left[stripe]))
            if body and not upload.part(number, body).is_success:
                return taken
            taken += len(body)
            left[stripe] -= len(body)
    return taken


@pytest.fixture(scope="module")
def few_parts():
    with hostile(kind=FewParts) as store:
        transport = Transport(store.endpoint)
        signer = Signer(KEYS["backup"], "us-east-1")
        yield store, Client(store.endpoint, transport, Recorder(Redactor([])), BUCKET, "path", signer)
        transport.close()


@settings(max_examples=12)
@given(urls=st.integers(1, 4), part=st.integers(1, 8), most=st.integers(1, 6), compression=ratios, more=st.integers(1))
def test_endpoint_breaks_where_it_was_said(few_parts, urls, part, most, compression, more):
    store, client = few_parts
    store.most, part = most, part * TRANSFER_STEP
    holds = largest_database(urls, part, most, compression)
    assume(holds > 0)
    fitting = ceil(holds / compression)
    too_large = ceil((holds + ceil(compression) * (1 + more % (3 * part))) / compression)

    assert back_up(client, fitting, urls, part) == fitting
    taken = back_up(client, too_large, urls, part)
    assert taken < too_large
    assert abs(taken - holds / compression) <= part  # right within one part


def test_advice_as_it_is_given_breaks_the_endpoint_where_it_says(few_parts):
    store, client = few_parts
    store.most = 2
    need = Need(database=60 * MIB, compression=Fraction(3, 2))
    advice = advise(need, Bounds.of({"parts": store.most, "part_maximum": SMALLEST_TRANSFER}))

    assert (advice.urls, advice.part, advice.parts, advice.holds) == (8, SMALLEST_TRANSFER, 1, 120 * MIB)
    most = int(advice.holds / need.compression)
    assert back_up(client, most, advice.urls, advice.part) == most
    assert back_up(client, most + 1, advice.urls, advice.part) == most


def test_advice_for_three_terabytes_says_all_of_it():
    advice = advise(Need(3 * TB, Fraction(3), 4 * HOUR), STORE)
    text = told(advice, ENDPOINT, "acme")

    assert (advice.urls, advice.part, advice.buffers, advice.parts) == (6, LARGEST_TRANSFER, 24, 7948)
    for words in (
        "3 TB (2.73 TiB), backup 1 TB (0.909 TiB) at 3:1",
        "24, which takes 503 MB (480 MiB) of memory",
        "7,948 of 10,000 for each URL, so 20.5 % of the part budget is left",
        "a database of 3.77 TB (3.43 TiB)",
        "66 MiB/s for 4 h 00 min, 11 MiB/s for each URL",
        "nobody has measured this store; `restoreproof measure --provider acme` does",
        "reached at the assumed rate: the backup takes 27 min 47 s of 4 h 00 min",
    ):
        assert words in text
    assert to_json(advice, ENDPOINT, "acme")["rate"]["basis"] == "assumed"


def test_measured_rates_decide_about_streams_and_window():
    rates = [
        Rate("upload", 1, 20 * MIB, (60.0 * MIB, 50.0 * MIB, 55.0 * MIB)),
        Rate("upload", 8, 20 * MIB, (80.0 * MIB, 90.0 * MIB, 85.0 * MIB)),
        Rate("upload", 16, 20 * MIB, (91.0 * MIB, 92.0 * MIB, 93.0 * MIB)),
        Rate("download", 8, 20 * MIB, (170.0 * MIB,)),
    ]
    slow = advise(Need(3 * TB, Fraction(3), 4 * HOUR), STORE, rates)
    fast = advise(Need(3 * TB, Fraction(3), HOUR), STORE, rates)

    assert (slow.urls, slow.pace.reached, slow.pace.rate) == (8, True, 85 * MIB)
    assert "85 MiB/s (80 to 90) with 8 streams" in told(slow, ENDPOINT, "acme")
    assert "reading takes 1 h 33 min, at 170 MiB/s" in told(slow, ENDPOINT, "acme")
    assert (fast.urls, fast.pace.reached) == (16, False)
    assert "NOT REACHED at the measured rate: the backup takes 2 h 53 min of 1 h 00 min" in told(fast, ENDPOINT, "acme")


def test_client_limited_rate_is_told():
    rate = Rate("upload", 8, LARGEST_TRANSFER, (85.0 * MIB,), sink=100.0 * MIB, share=0.85)

    assert "client-limited" in told(advise(Need(TB), STORE, [rate]), ENDPOINT, "acme")


@pytest.mark.parametrize(
    ("need", "limits", "words"),
    [
        (Need(41 * TB, Fraction(3)), {}, "so at a compression of 3 the largest that fits has 40.3 TB"),
        (Need(13 * TB, mirrors=1), {}, "32 URLs for each of 2 copies"),
        (Need(10 * TB), {"parts": 1000}, "1,000 parts each, 20 MiB a part are 1.34 TB"),
        (Need(1), {"part_minimum": 21 * MIB}, "no MAXTRANSFERSIZE suits both"),
        (Need(1), {"part_maximum": 4 * MIB}, "no MAXTRANSFERSIZE suits both"),
    ],
)
def test_what_nothing_can_hold_is_refused_with_what_fits(need, limits, words):
    with pytest.raises(AdvisingError) as refusal:
        advise(need, Bounds.of(limits))

    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_statements_name_stripes_mirrors_sizes_and_region():
    endpoint = Endpoint(*PLACE[:2], "eu-west-3", *PLACE[3:])
    backup, restore = scripts(advise(Need(TB, mirrors=1), STORE), endpoint)

    assert backup.splitlines()[:2] == [
        "BACKUP DATABASE [YourDatabase]",
        "TO URL = N's3://s3.acme.test:9000/backups/YourDatabase_01.bak',",
    ]
    assert "\nMIRROR TO URL = N's3://s3.acme.test:9000/backups/mirror_1/YourDatabase_01.bak',\n" in backup
    assert "FORMAT, COMPRESSION, MAXTRANSFERSIZE = 20971520, BUFFERCOUNT = 24, CHECKSUM" in backup
    assert 'BACKUP_OPTIONS = \'{"s3": {"region":"eu-west-3"}}\';' in backup
    assert restore.count("URL = ") == 6
    assert 'RESTORE_OPTIONS = \'{"s3": {"region":"eu-west-3"}}\';' in restore
    assert "MAXTRANSFERSIZE" not in restore
    (parsed,) = parse(backup)
    assert [len(parsed.devices), [len(mirror) for mirror in parsed.mirrors]] == [6, [6]]
    assert len(parse(restore)[0].devices) == 6


def test_sizes_are_told_in_both_kinds_of_units():
    assert [sized(3 * TB), sized(120 * MIB), sized(200 * TB)] == [
        "3 TB (2.73 TiB)",
        "126 MB (120 MiB)",
        "200 TB (182 TiB)",
    ]


def test_what_sql_server_takes_is_said_once():
    names = {name for name in vars(limits) if name.isupper()} - {"MIB", "SMALLEST_PART"}
    values = re.compile(r'^[A-Z_, ]+ = (?:259|"us-east-1"|.*\b20 \* (?:_?MI?i?B|2\*\*20)\b.*)$', re.MULTILINE)
    rooms = modules("commands", "fixtures")
    others = [module for module in rooms if module.name != "fixtures/engines/limits.py"]

    assert {f"{name} in {module.name}" for module in others for name in names if f"\n{name} = " in module.text} == set()
    assert {found for module in others for found in values.findall(module.text)} == set()
