"""Values of every type, on their way through the driver and back, and through our own two halves."""

# ruff: noqa: DTZ001 - the types of T-SQL have no zone

import struct
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_engine import serving, serving_elsewhere

from restoreproof.fixtures.engines.driver import import_pyodbc
from restoreproof.standins.sqlserver.session import Column, SqlError, SqlType
from restoreproof.standins.sqlserver.tds.parameters import read_parameter
from restoreproof.standins.sqlserver.tds.reading import Reader
from restoreproof.standins.sqlserver.tds.values import described, type_info, writer

pyodbc = import_pyodbc()
DATETIMEOFFSET = -155
WESTERN = st.text(st.characters(codec="cp1252"))
EARLIEST = datetime(1753, 1, 1)


def integers(bits):
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def decimals(precision, scale):
    return st.integers(1 - 10**precision, 10**precision - 1).map(lambda units: Decimal(f"{units}e-{scale}"))


def cut(values, digits):
    step = 10 ** max(0, 6 - digits)
    return values.map(lambda value: value.replace(microsecond=value.microsecond // step * step))


def fits(size, width):
    return lambda text: len(text.encode("utf-16-le")) // 2 * width <= size


def offset_zones():
    return st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def whole_zones():
    """Far enough from both ends of the calendar for every zone."""
    return st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=offset_zones())


# 1/300 s, as the type counts, to the millisecond.
DATETIMES = st.datetimes(EARLIEST, datetime(9999, 12, 31)).map(lambda value: value.replace(microsecond=0))

KINDS = [
    (SqlType("tinyint"), st.integers(0, 255)),
    (SqlType("smallint"), integers(16)),
    (SqlType("int"), integers(32)),
    (SqlType("bigint"), integers(64)),
    (SqlType("bit"), st.booleans()),
    (SqlType("real"), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    (SqlType("float"), st.floats(allow_nan=False, allow_infinity=False)),
    (SqlType("decimal", precision=9, scale=0), decimals(9, 0)),
    (SqlType("decimal", precision=19, scale=4), decimals(19, 4)),
    (SqlType("numeric", precision=28, scale=28), decimals(28, 28)),
    (SqlType("decimal", precision=38, scale=10), decimals(38, 10)),
    (SqlType("money"), integers(64).map(lambda units: Decimal(units).scaleb(-4))),
    (SqlType("smallmoney"), integers(32).map(lambda units: Decimal(units).scaleb(-4))),
    (SqlType("date"), st.dates()),
    (SqlType("time", scale=0), cut(st.times(), 0)),
    (SqlType("time", scale=7), st.times()),
    (SqlType("datetime"), DATETIMES),
    (
        SqlType("smalldatetime"),
        st.datetimes(datetime(1900, 1, 1), datetime(2079, 6, 6)).map(lambda v: v.replace(second=0, microsecond=0)),
    ),
    (SqlType("datetime2", scale=3), cut(st.datetimes(), 3)),
    (SqlType("datetime2", scale=7), st.datetimes()),
    (SqlType("datetimeoffset", scale=7), whole_zones()),
    (SqlType("uniqueidentifier"), st.uuids()),
    (SqlType("varchar", 20), WESTERN.filter(lambda text: len(text) <= 20)),
    (SqlType("varchar", -1), WESTERN),
    (SqlType("nvarchar", 20), st.text().filter(fits(20, 1))),
    (SqlType("nvarchar", -1), st.text()),
    (SqlType("char", 5), st.text(st.characters(codec="cp1252"), min_size=5, max_size=5)),
    (SqlType("nchar", 5), st.text(st.characters(max_codepoint=0xD7FF), min_size=5, max_size=5)),
    (SqlType("binary", 4), st.binary(min_size=4, max_size=4)),
    (SqlType("varbinary", 20), st.binary(max_size=20)),
    (SqlType("varbinary", -1), st.binary()),
]


def ids(kind):
    return described(kind) if isinstance(kind, SqlType) else ""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("tds")) as running:
        yield running


@pytest.fixture(scope="module")
def connection(service):
    with service.connect() as connected:
        connected.add_output_converter(DATETIMEOFFSET, from_driver)
        yield connected
    connected.close()


def from_driver(raw):
    *moment, fraction, hours, minutes = struct.unpack("<6hI2h", raw)
    return datetime(*moment, fraction // 1000, timezone(timedelta(hours=hours, minutes=minutes)))


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=ids)
def test_columns_arrive_at_the_driver(service, connection, kind, values):
    @settings(max_examples=15)
    @given(st.lists(st.none() | values, max_size=5))
    def arrive(sent):
        service.engine.scripts["values"] = lambda batch: batch.give(*sent, kind=kind)
        found = [row[0] for row in connection.execute("values").fetchall()]
        assert [UUID(value) if kind.name == "uniqueidentifier" and value else value for value in found] == sent

    arrive()


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=ids)
def test_what_we_write_we_can_read(kind, values):
    @settings(max_examples=30)
    @given(st.none() | values)
    def come_back(sent):
        reader = Reader(type_info(kind) + writer(kind)(sent))
        found = read_parameter(reader)
        assert found.value == sent
        assert reader.left == 0
        assert found.type.name == kind.name.replace("numeric", "decimal")

    come_back()


PARAMETERS = st.one_of(
    integers(64),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.text(min_size=4100, max_size=4200),
    st.binary(min_size=1),
    st.binary(min_size=8100, max_size=8200),
    decimals(38, 10),
    st.dates(),
    st.datetimes(),
    st.uuids(),
)


@settings(max_examples=40)
@given(st.lists(PARAMETERS, min_size=1, max_size=5))
def test_parameters_come_back(connection, sent):
    row = connection.execute("echo " + ", ".join("?" * len(sent)), sent).fetchone()

    assert [UUID(value) if isinstance(given_, UUID) else value for given_, value in zip(sent, row, strict=True)] == sent


def test_parameters_that_are_null_come_back(connection):
    assert tuple(connection.execute("echo ?, ?, ?", None, 1, None).fetchone()) == (None, 1, None)


def test_times_come_back_to_the_second(connection):
    assert connection.execute("echo ?", time(23, 59, 59)).fetchval() == time(23, 59, 59)


def test_statement_that_was_prepared_is_used_again(service, connection):
    cursor = connection.cursor()

    assert [cursor.execute("echo ?", number).fetchval() for number in range(3)] == [0, 1, 2]
    assert service.engine.sessions[-1].done[-3:] == ["echo @P1"] * 3


ROWS = [
    [1, "eins", b"\x01", Decimal("1.50"), 1.5, date(2024, 2, 29), datetime(2024, 2, 29, 1, 2, 3, 456000), True, "long"],
    [2**40, "größe 🙂", b"\x00\xff", Decimal("-2.25"), -2.5, date(1, 1, 1), datetime(9999, 12, 31), False, "x" * 9000],
    [None] * 9,
]


@pytest.mark.parametrize("fast", [False, True])
def test_many_rows_are_inserted(tmp_path, fast):
    with serving_elsewhere(tmp_path) as service:
        cursor = service.connect().cursor()
        cursor.fast_executemany = fast
        cursor.executemany("insert " + ", ".join("?" * 9), ROWS)
        kept = cursor.execute("inserted").fetchall()

    assert [row[0] for row in kept] == [repr(row) for row in ROWS]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (SqlType("tinyint"), 256),
        (SqlType("int"), "one"),
        (SqlType("decimal", precision=5, scale=2), Decimal(1000)),
        (SqlType("varchar", 3), "four"),
        (SqlType("varbinary", -1), "text"),
        (SqlType("date"), 7),
        (SqlType("datetime"), datetime(2024, 1, 1, tzinfo=UTC)),
        (SqlType("uniqueidentifier"), "none"),
        (SqlType("real"), 1e300),
    ],
)
def test_value_that_its_type_does_not_hold_is_refused(kind, value):
    with pytest.raises(SqlError, match="can't send"):
        writer(kind)(value)


def test_unknown_type_is_refused():
    with pytest.raises(SqlError, match="geography"):
        type_info(SqlType("geography"))


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (SqlType("char", 5), "ab", "ab   "),
        (SqlType("nchar", 3), "ä", "ä  "),
        (SqlType("binary", 3), b"\x01", b"\x01\x00\x00"),
        (SqlType("sysname"), "master", "master"),
        (SqlType("varchar", 9), "snow ☃", "snow ?"),
        (SqlType("decimal"), 7, Decimal(7)),
        (SqlType("smalldatetime"), datetime(2024, 1, 1, 0, 0, 30), datetime(2024, 1, 1, 0, 1)),
        (SqlType("datetime"), datetime(2023, 12, 31, 23, 59, 59, 999999), datetime(2024, 1, 1)),
        (SqlType("datetime"), datetime(2024, 1, 1, 0, 0, 0, 4000), datetime(2024, 1, 1, 0, 0, 0, 3000)),
        (SqlType("nvarchar", -1), "x" * 1_000_000, "x" * 1_000_000),
    ],
)
def test_values_take_the_shape_of_their_type(service, connection, kind, value, shown):
    service.engine.scripts["values"] = lambda batch: batch.give(value, kind=kind)

    assert connection.execute("values").fetchval() == shown


def test_row_of_many_columns_arrives(service, connection):
    columns = [Column(f"c{number}", SqlType("nvarchar", 100)) for number in range(300)]

    def give(batch):
        batch.output.columns(columns)
        batch.output.row([column.name for column in columns])
        batch.output.done(1)

    service.engine.scripts["wide"] = give

    assert list(connection.execute("wide").fetchone()) == [column.name for column in columns]
