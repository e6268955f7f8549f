"""The engine stand-in's media: what is written can be read back, and what has changed since never passes."""

import random
import threading
from dataclasses import replace

import pytest
from backup_store import (
    DESCRIBED,
    PART,
    backups,
    content,
    device,
    look,
    pieces,
    read,
    refuse,
    storing,
    stripes,
    texts,
    transfer,
    write,
)
from hostile_server import Misdeed
from hypothesis import example, given, settings
from hypothesis import strategies as st

from restoreproof.standins.sqlserver.backups import Encryption
from restoreproof.standins.sqlserver.media.layout import BLOCK, Catalogue, Coder, Damage, Head, Label
from restoreproof.standins.sqlserver.session import Cancelled, SqlError
from restoreproof.standins.waiting import wait_until

SECRET = Encryption("AES_256", "cert", bytes(range(20)), b"k" * 32)
KEYS = {SECRET.thumbprint: SECRET.key}
DAMAGE = {3189, 3203, 3241}


@pytest.fixture(scope="module")
def store():
    with storing() as running:
        yield running


@pytest.fixture(scope="module")
def engine():
    return backups()


def number_of(call, *arguments, **options):
    with pytest.raises(SqlError) as failed:
        call(*arguments, **options)
    return failed.value.number


def near(*borders):
    return st.sampled_from(borders).flatmap(lambda border: st.integers(max(0, border - 2), border + 2))


SIZES = near(0, BLOCK, 2 * BLOCK, PART - 2 * 40 - 700, PART, 2 * PART, 4 * BLOCK) | st.integers(0, 400_000)


@settings(max_examples=40)
@given(
    size=SIZES, count=st.sampled_from([1, 2, 3, 8]), packed=st.booleans(), secret=st.booleans(), seed=st.integers(0, 99)
)
@example(size=0, count=1, packed=False, secret=False, seed=0)
def test_what_was_written_is_read(store, engine, size, count, packed, secret, seed):
    data = content(size, seed) if seed % 2 else texts(size)
    cutter, pieces, rest = random.Random(seed), [], data
    while rest:
        length = cutter.choice([1, 1000, BLOCK, 100_000])
        pieces, rest = [*pieces, rest[:length]], rest[length:]
    devices = stripes(store, count, "round/")
    options = {"compression": packed, "encryption": SECRET if secret else None}

    done = write(engine, devices, pieces, overwrite=True, **options)

    assert read(engine, random.Random(seed).sample(devices, count), KEYS) == data
    assert done.payload == size
    assert done.stored == sum(len(store.objects[f"round/{number}.bak"]) for number in range(count))


def test_sixty_four_stripes_are_even_and_not_identical(store, engine):
    devices, data = stripes(store, 64, "many/"), texts(9_000_000)
    write(engine, devices, data, compression=True)

    sizes = [len(store.objects[f"many/{number}.bak"]) for number in range(64)]
    assert read(engine, devices) == data
    assert len(set(sizes)) > 1
    assert max(sizes) < 2 * min(sizes)


def test_mirrors_are_alike_and_each_can_replace_the_other(store, engine):
    first, second = stripes(store, 2, "one/"), stripes(store, 2, "two/")
    data = content(300_000)
    done = write(engine, first, data, mirrors=[second])

    assert store.objects["one/1.bak"] == store.objects["two/1.bak"]
    assert read(engine, [second[0], first[1]]) == data
    assert look(engine, first[0]).mirrors == 2
    assert done.stored == sum(len(store.objects[f"{place}/{n}.bak"]) for place in ("one", "two") for n in (0, 1))


def test_what_an_object_says_of_itself(store, engine):
    named = {"media_name": "set 'é'", "media_description": "weekly", "block_size": 512}
    write(engine, stripes(store, 2, "label/"), texts(300_000), compression=True, encryption=SECRET, **named)
    store.requests.clear()

    medium = look(engine, device(store, "label/1.bak"))

    stored = medium.backup_set.stored_bytes
    assert medium.backup_set == replace(DESCRIBED, backup_bytes=300_000, stored_bytes=stored)
    assert 0 < stored < 300_000
    assert (medium.family, medium.families, medium.mirrors, medium.block_size, medium.compressed) == (
        2,
        2,
        1,
        512,
        True,
    )
    assert (medium.name, medium.description, medium.thumbprint) == ("set 'é'", "weekly", SECRET.thumbprint)
    assert medium.media_set_id == look(engine, device(store, "label/0.bak")).media_set_id
    assert store.kinds()[:2] == ["list", "read"]


def test_a_look_reads_little_of_a_big_object_and_a_long_catalogue_too(store, engine):
    write(engine, [device(store, "big")], content(3_000_000))
    long = replace(DESCRIBED, files=DESCRIBED.files * 900)
    engine.write([[device(store, "long")]], [b"x" * 300_000], lambda _: long, transfer(), threading.Event())
    store.requests.clear()

    look(engine, device(store, "big"))

    assert sum(request.kind == "read" for request in store.requests) == 2
    assert look(engine, device(store, "long")).backup_set.files == long.files


def test_stripes_that_are_missing_twice_there_or_foreign(store, engine):
    devices, others = stripes(store, 3, "a/"), stripes(store, 3, "b/")
    for each in (devices, others):
        write(engine, each, content(600_000))
    alone = device(store, "alone")
    write(engine, [alone], b"alone")

    assert number_of(read, engine, devices[:2]) == 3132
    assert number_of(read, engine, [devices[0], devices[1], devices[1]]) == 3227
    assert number_of(read, engine, [devices[0], others[1], devices[2]]) == 3258
    assert number_of(read, engine, [alone, *devices]) == 3258
    assert number_of(read, engine, [*devices, device(store, "a/none")]) == 3201


def test_a_device_that_is_named_twice_is_not_written(store, engine):
    one = device(store, "named-twice")

    assert number_of(write, engine, [one, device(store, "other"), one], b"") == 3201
    assert number_of(write, engine, [one], b"", mirrors=[[one]]) == 3201
    assert "named-twice" not in store.objects


def test_without_the_certificate_nothing_is_read(store, engine):
    one = device(store, "secret")
    write(engine, [one], b"plain text " * 9_000, encryption=SECRET)

    assert b"plain text" not in store.objects["secret"]
    with pytest.raises(SqlError, match="thumbprint '0x000102030405060708090A0B0C0D0E0F10111213'") as missing:
        read(engine, [one])
    assert missing.value.number == 33111
    assert number_of(read, engine, [one], {SECRET.thumbprint: b"o" * 32}) == 3189
    assert look(engine, one).backup_set.database == "sales"


@pytest.fixture(scope="module")
def small(store, engine):
    """Two stripes of three small blocks, as they are stored."""
    for name, options in (("plain", {}), ("packed", {"compression": True, "encryption": SECRET})):
        write(engine, stripes(store, 2, f"{name}/"), texts(3 * BLOCK + 100), **options)
    return {key: store.objects[key] for key in ("plain/0.bak", "plain/1.bak", "packed/0.bak", "packed/1.bak")}


def refused(store, engine, small, key, altered):
    """Whether a set with one object in another shape is refused, without one wrong byte given out before."""
    others = [other for other in small if other.partition("/")[0] == key.partition("/")[0]]
    for other in others:
        store.objects[f"bad/{other}"] = altered if other == key else small[other]
    right, devices = texts(3 * BLOCK + 100), [device(store, f"bad/{other}") for other in others]
    try:
        for piece in pieces(engine, devices, KEYS):
            assert right.startswith(bytes(piece))
            right = right[len(piece) :]
    except SqlError as error:
        return error.number in DAMAGE
    return False


@settings(max_examples=80)
@given(data=st.data())
def test_no_altered_byte_passes(store, engine, small, data):
    key = data.draw(st.sampled_from(sorted(small)))
    whole = bytearray(small[key])
    ends = st.integers(0, 1_200) | st.integers(len(whole) - 1_400, len(whole) - 1)
    place = data.draw(st.integers(0, len(whole) - 1) | ends)
    whole[place] ^= data.draw(st.integers(1, 255))

    assert refused(store, engine, small, key, bytes(whole))


@settings(max_examples=40)
@given(data=st.data())
def test_no_truncated_longer_or_shuffled_object_passes(store, engine, small, data):
    key = data.draw(st.sampled_from(sorted(small)))
    whole = small[key]
    place, length = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(1, 70_000))
    cut = [whole[:place], whole[place : place + length], whole[place + length :]]
    shape = data.draw(st.sampled_from(["end", "hole", "twice", "zeros", "more", "moved"]))
    altered = {
        "end": cut[0],
        "hole": cut[0] + cut[2],
        "twice": cut[0] + cut[1] + cut[1] + cut[2],
        "zeros": cut[0] + bytes(len(cut[1])) + cut[2],
        "more": whole + cut[1],
        "moved": cut[1] + cut[0] + cut[2],
    }[shape]

    assert altered == whole or refused(store, engine, small, key, altered)


def test_blocks_in_another_order_or_of_another_stripe_are_noticed(store, engine, small):
    whole, other = small["plain/0.bak"], small["plain/1.bak"]
    first = whole.index(b"BLCK")
    size = BLOCK + 40
    one, two = whole[first : first + size], whole[first + size : first + 2 * size]
    foreign = other[other.index(b"BLCK") :][:size]

    assert len(one) == len(two) == len(foreign)
    for blocks in (two + one, one + one, foreign + two):
        altered = whole[:first] + blocks + whole[first + 2 * size :]
        assert len(altered) == len(whole)
        assert refused(store, engine, small, "plain/0.bak", altered)


@pytest.mark.parametrize("stranger", [b"", b"TAPE" * 5_000, b"x", b"\0" * 500])
def test_what_is_no_backup_is_3241(store, engine, stranger):
    store.objects["stranger"] = stranger
    one = device(store, "stranger")

    assert (number_of(look, engine, one), number_of(read, engine, [one])) == (3241, 3241)


NONE_OF_THEM = [b"", b"[]", b"{}", b"nonsense", b'{"backup_set": 1}', b'{"backup_set": {}}', b"\xff", b"[" * 10**6]


@pytest.mark.parametrize("raw", NONE_OF_THEM, ids=lambda raw: ascii(raw[:20]))
def test_labels_and_catalogues_that_are_none(raw):
    for kind in (Label, Catalogue):
        with pytest.raises(Damage):
            kind.loaded(raw)
    with pytest.raises(Damage):
        Head.read(raw)


LABEL = Label(DESCRIBED.set_id, 1, 2, 1, "2024-01-01T00:00:00", 512, PART, False, "", "", "", "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"family": 3},
        {"family": 0},
        {"families": "2"},
        {"transfer_size": 0},
        {"transfer_size": 1 << 30},
        {"media_set_id": "x"},
        {"media_set_id": 7},
        {"thumbprint": "zz"},
        {"written": None},
    ],
    ids=str,
)
def test_labels_with_values_that_are_none(wrong):
    assert Label.loaded(LABEL.dumped()) == LABEL
    with pytest.raises(Damage):
        Label.loaded(replace(LABEL, **wrong).dumped())


@pytest.mark.parametrize("wrong", [{"blocks": "1"}, {"own": -1}, {"digest": 1.5}, {"payload": True}], ids=str)
def test_catalogues_with_values_that_are_none(wrong):
    right = Catalogue(DESCRIBED, 1, 2, 3, 4)

    assert Catalogue.loaded(right.dumped()) == right
    with pytest.raises(Damage):
        Catalogue.loaded(replace(right, **wrong).dumped())


def test_a_block_that_inflates_for_ever_is_refused():
    coder = Coder(bytes(16), None, compress=True)
    bomb = coder.pack(0, bytes(50_000_000))

    with pytest.raises(Damage):
        coder.unpack(0, bomb)


def parts_that_hang(talk):
    talk.hang()


def in_thread(call, caught):
    def run():
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize(("count", "buffers", "mirrored"), [(1, 1, False), (1, 3, False), (4, 2, False), (2, 2, True)])
def test_a_cancelled_backup_ends_soon_leaves_its_uploads_open_and_never_held_more_than_its_buffers(
    count, buffers, mirrored
):
    pulled, cancelled, caught = [0], threading.Event(), []

    def payload():
        for _ in range(10_000):
            pulled[0] += 10_000
            yield bytes(10_000)

    with storing(Misdeed(parts_that_hang, on="part", when="body")) as store:
        devices, copies = stripes(store, count), [stripes(store, count, "m")] * mirrored
        engine = backups(parts_in_flight=1)
        options = {"buffer_count": buffers, "cancelled": cancelled, "mirrors": copies}
        thread = in_thread(lambda: write(engine, devices, payload(), **options), caught)
        wait_until(
            lambda: store.count("part", "") >= 1 + mirrored and pulled[0] >= PART * min(buffers, 2), 5, "a stall"
        )
        cancelled.set()
        thread.join(3)

        assert not thread.is_alive()
        assert isinstance(caught[0], Cancelled)
        assert pulled[0] <= count * min(buffers, 2) * PART + 2 * BLOCK
        assert (len(store.open), store.objects, store.count("abort", "")) == (count * (1 + mirrored), {}, 0)
        sent = store.count("part", "")
        assert sent <= count * (1 + mirrored)


def test_a_payload_that_fails_or_is_cancelled_ends_the_backup():
    def failing():
        yield bytes(200_000)
        raise Cancelled

    with storing() as store:
        with pytest.raises(Cancelled):
            write(backups(), [device(store)], failing())

        assert (len(store.open), store.objects) == (1, {})


def test_one_failed_stripe_ends_all_of_them_and_completes_none():
    deed = Misdeed(lambda talk: talk.say(refuse(400, "InvalidPart")), on="part", word="/1.bak")
    with storing(deed) as store:
        assert number_of(write, backups(), stripes(store, 4), content(2_000_000)) == 3202
        assert (store.objects, store.count("complete", "")) == ({}, 0)


@pytest.mark.parametrize(("kind", "what"), [("list", "look"), ("read", "look"), ("read", "read"), ("list", "write")])
def test_every_call_ends_soon_after_it_is_cancelled(kind, what):
    cancelled, caught = threading.Event(), []
    with storing(Misdeed(parts_that_hang, on=kind)) as store:
        store.objects["a.bak"] = b"x" * 1_000
        calls = {
            "look": lambda: look(backups(), device(store), cancelled=cancelled),
            "read": lambda: list(pieces(backups(), [device(store)], cancelled=cancelled)),
            "write": lambda: write(backups(), [device(store, "b")], b"", cancelled=cancelled),
        }
        thread = in_thread(calls[what], caught)
        wait_until(lambda: store.count(kind, ""), 5, "a request")
        cancelled.set()
        thread.join(3)

        assert not thread.is_alive()
        assert isinstance(caught[0], Cancelled)


def test_a_restore_fetches_no_more_than_its_buffers_ahead_and_stops_when_it_is_left(store, engine):
    devices = stripes(store, 2, "ahead/")
    write(engine, devices, content(3_000_000))
    store.requests.clear()
    payload = pieces(engine, devices, buffer_count=2)
    next(payload)
    payload.close()

    whole = [
        request for request in store.requests if request.kind == "read" and "0-65535" not in request.headers["range"]
    ]
    assert len(whole) <= 2 + 2 * 2 + 2
    assert [thread for thread in threading.enumerate() if thread.name == "backup media"] == []
