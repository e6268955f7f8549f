"""What SQL Server sends: claims about its requests, seen by a proxy between it and the store."""

import pytest


@pytest.fixture
def sent(large_database, faulty, census):
    """``sent()``: what a backup of several parts sends that names no option."""

    def back_up():
        large_database.backup(faulty("none", "census.bak"))
        return census(faulty.key("none", "census.bak"))

    return back_up


@pytest.mark.requirement("REG-01.default-region")
def test_default_region_is_us_east_1(sent):
    """Without a region option every request is signed for us-east-1."""
    lines = sent()

    assert {line["region"] for line in lines} == {"us-east-1"}


@pytest.mark.requirement("MPU-04.default-part-size")
def test_default_parts_are_ten_mebibytes_at_most(sent):
    """Without MAXTRANSFERSIZE no part is larger than 10 MiB, and none but the last smaller than 5 MiB."""
    sizes = [int(line["shown"]["content-length"]) for line in sent() if line["operation"] == "UploadPart"]

    assert max(sizes) <= 10 * 1024 * 1024
    assert sorted(sizes)[1] >= 5 * 1024 * 1024


@pytest.mark.requirement("MPU-07.parts-in-order")
def test_parts_are_numbered_from_one(sent):
    """The parts of a backup are numbered from 1 without a gap."""
    numbers = {line["part"] for line in sent() if line["operation"] == "UploadPart"}

    assert numbers == set(range(1, len(numbers) + 1))
