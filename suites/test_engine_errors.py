"""What SQL Server says when something is wrong: documented errors, with the numbers that a DBA searches for."""

import pytest


@pytest.mark.requirement("ERR-01.missing-bucket")
def test_missing_bucket_is_msg_3201(database, elsewhere, bucket):
    """A backup to a bucket that does not exist fails with Msg 3201."""
    failure = database.backup_must_fail(elsewhere(bucket.absent(), "lost.bak"))

    assert 3201 in failure.numbers


@pytest.mark.requirement("ERR-02.no-credential")
def test_missing_credential_is_msg_3201(database, url, without_credential):
    """A backup for which no credential is found fails with Msg 3201, operating system error 50."""
    failure = without_credential(database.backup_must_fail, url("nobody.bak"))

    assert (3201 in failure.numbers, failure.system_errors) == (True, (50,))


@pytest.mark.requirement("ERR-12.no-such-credential")
def test_credential_that_is_named_must_exist(database, url, restore, bucket, absent_credential):
    """A backup that names a credential which does not exist fails with Msg 3288 or 3201, and leaves no object."""
    failure = database.backup_must_fail(url("nobody.bak"), f"CREDENTIAL = N'{absent_credential}'")

    assert restore.keys(bucket.prefix) == []
    assert {3201, 3288}.intersection(failure.numbers)


@pytest.mark.requirement("ERR-12.query-in-url")
def test_url_with_a_query_is_refused(database, url, restore, bucket):
    """A backup to a URL with a query fails with Msg 3297 or 3201, and leaves no object."""
    failure = database.backup_must_fail(url("signed.bak") + "?X-Amz-Expires=60")

    assert restore.keys(bucket.prefix) == []
    assert {3201, 3297}.intersection(failure.numbers)


@pytest.mark.requirement("ERR-03.wrong-secret")
def test_wrong_secret_is_access_denied(database, url, signed_in_with):
    """A backup with a wrong secret fails with Msg 3201, operating system error 5, access is denied."""
    signed_in_with("wrong-secret")

    failure = database.backup_must_fail(url("forged.bak"))

    assert (3201 in failure.numbers, failure.system_errors) == (True, (5,))


@pytest.mark.requirement("ERR-03.unknown-key")
def test_unknown_key_is_access_denied(database, url, signed_in_with):
    """A backup with a key that the store does not know fails with Msg 3201, operating system error 5."""
    signed_in_with("unknown-key")

    failure = database.backup_must_fail(url("stranger.bak"))

    assert (3201 in failure.numbers, failure.system_errors) == (True, (5,))


@pytest.mark.requirement("PERM-04.restore-key-cannot-back-up")
def test_restore_key_cannot_back_up(database, url, key_of, restore, signed_in_with):
    """A key that may only list and get can't back up, and leaves no object."""
    signed_in_with("restore")

    database.backup_must_fail(url("not-mine.bak"))

    restore.get(key_of(url("not-mine.bak"))).must_be_refused()


@pytest.mark.requirement("PERM-02.backup-key-cannot-restore")
def test_backup_key_cannot_restore(database, url, restore_must_fail, signed_in_with):
    """A key that may only list and put can't restore what it wrote."""
    database.backup(url("mine.bak"))
    signed_in_with("backup")

    failure = restore_must_fail(database, url("mine.bak"))

    assert (3201 in failure.numbers, failure.system_errors) == (True, (5,))


@pytest.mark.requirement("ERR-15.closed-port")
def test_closed_port_is_msg_3201(engine, database, closed_port_url):
    """A backup to a port where nothing listens fails with Msg 3201 and does not hang."""
    engine.sign_in.keep(closed_port_url.rpartition("/")[0], "backup")

    failure = database.backup_must_fail(closed_port_url)

    assert 3201 in failure.numbers


@pytest.mark.requirement("META-07.missing-backup")
def test_missing_backup_is_msg_3201(database, url, restore_must_fail):
    """A restore from an object that does not exist fails with Msg 3201."""
    failure = restore_must_fail(database, url("never-written.bak"))

    assert 3201 in failure.numbers


@pytest.mark.requirement("ERR-08.wrong-identity")
def test_wrong_identity_is_msg_3233(database, url, other_identity):
    """CREATE CREDENTIAL for S3 with another IDENTITY than S3 Access Key does not get as far as a backup."""
    failure = other_identity(url("n/identity.bak"), database)

    assert 3233 in failure.numbers


@pytest.mark.requirement("CRED-08.nearest-prefix")
def test_nearest_credential_is_taken(database, url, restored, wrong_credential_above):
    """The credential of the longest prefix of the URL is taken, though one of a shorter prefix is wrong."""
    wrong_credential_above(url("n/nearest.bak"))

    database.backup(url("n/nearest.bak"))

    assert restored(database, url("n/nearest.bak")).proof() == database.proof()


@pytest.mark.requirement("CRED-15.nothing-sent")
def test_creating_a_credential_asks_nobody(engine, closed_port_url):
    """CREATE CREDENTIAL for a place where nothing listens succeeds: it asks nobody."""
    place = closed_port_url.rpartition("/")[0]

    engine.sign_in.keep(place, "backup")

    assert engine.has_credential(place)


@pytest.mark.requirement("CRED-17.rotated-in-mid-chain")
def test_key_may_be_rotated_within_a_chain(database, url, restored, signed_in_with):
    """A chain whose credential was altered to another key between its backups comes back with every row."""
    database.backup(url("full.bak"))
    database.write(50)
    signed_in_with("housekeeping")
    database.backup_log(url("log.trn"))

    copy = restored(database, url("full.bak"), "NORECOVERY")
    copy.restore_log(url("log.trn"))

    assert copy.proof() == database.proof()


@pytest.mark.requirement("LIM-01.sixty-five-urls")
def test_sixty_five_urls_are_refused(database, urls, restore, bucket):
    """A backup to 65 URLs is refused, and leaves no object."""
    failure = database.backup_must_fail(urls("too-many", 65))

    assert restore.keys(bucket.prefix) == []
    assert {3205, 3206, 3244}.intersection(failure.numbers)


@pytest.mark.requirement("URL-06.too-long")
def test_too_long_url_is_refused(database, url):
    """A backup to a URL of more than 259 characters is refused."""
    database.backup_must_fail(url("x" * 260))


@pytest.mark.requirement("ERR-04.untrusted-certificate")
def test_untrusted_certificate_is_msg_3201(engine, database, untrusted):
    """A backup to a store whose certificate SQL Server does not trust fails with Msg 3201, and sends no key."""
    engine.sign_in.keep(untrusted.prefix, "backup")

    failure = database.backup_must_fail(untrusted.url)

    assert untrusted.requests() == []
    assert 3201 in failure.numbers


@pytest.mark.requirement("ERR-04.certificate-swapped")
def test_certificate_swapped_in_mid_backup_gets_nothing(two_part_database, away, untrusted, evidence):
    """A backup whose store shows an untrusted certificate half way fails, as does the next; nothing is sent there."""
    two_part_database.backup_must_fail(away.replaced_by(untrusted, "swapped.bak"))
    two_part_database.backup_must_fail(away.urls("swapped again.bak"))

    evidence.keep("connections_to_the_stranger", away.doorway.later)
    assert untrusted.requests() == []


@pytest.mark.requirement("ERR-05.locked-bucket")
def test_locked_bucket_is_msg_3202(database, faulty):
    """A backup to a bucket whose Object Lock wants a checksum fails with Msg 3202, operating system error 87."""
    failure = database.backup_must_fail(faulty("locked", "backup.bak"))

    assert (3202 in failure.numbers, failure.system_errors) == (True, (87,))


@pytest.mark.requirement("LCK-01.retained-backup")
def test_backup_under_retention_is_not_replaced(database, databases, faulty, restored):
    """A backup WITH FORMAT over one under retention is refused, and leaves the old one as it was."""
    database.backup(faulty.around("retained", "kept.bak"))

    databases(1)[0].backup_must_fail(faulty("retained", "kept.bak"), "FORMAT")

    assert restored(database, faulty.around("retained", "kept.bak")).proof() == database.proof()
