"""Restores: what RESTORE promises on S3, and that it takes no damaged backup for a good one."""

import pytest

DAMAGED = {3132, 3183, 3189, 3203, 3208, 3227, 3231, 3241, 3242, 3254, 3256, 3258, 3270, 3271}
"""The messages for media that are damaged, foreign, or not whole."""


@pytest.mark.requirement("RST-03.replace")
def test_restore_replaces_the_database(database, url):
    """RESTORE WITH REPLACE brings a database back to its backup, over what was written since."""
    database.backup(url("before.bak"))
    before = database.proof()
    database.write(50)

    database.restore(url("before.bak"), "REPLACE")

    assert database.proof() == before


@pytest.mark.requirement("RST-03.norecovery")
def test_restoring_database_waits_for_more(database, url, restored):
    """RESTORE WITH NORECOVERY leaves the database restoring, and RESTORE WITH RECOVERY opens it with every row."""
    database.backup(url("full.bak"))

    copy = restored(database, url("full.bak"), "NORECOVERY")
    state = copy.state()
    copy.recover()

    assert state == "RESTORING"
    assert copy.proof() == database.proof()


@pytest.mark.requirement("RST-03.standby")
def test_standby_database_can_be_read_between_logs(database, url, restored, undo_file):
    """RESTORE WITH STANDBY lets the rows be read, and the next log backup still goes on top."""
    database.backup(url("full.bak"))
    first = database.proof()
    database.write(50)
    database.backup_log(url("next.trn"))

    copy = restored(database, url("full.bak"), f"STANDBY = N'{undo_file}'")
    read_between = copy.rows()
    copy.restore_log(url("next.trn"))

    assert (read_between, copy.proof()) == (first, database.proof())


@pytest.mark.requirement("RST-04.stop-at")
def test_restore_stops_at_a_moment(database, url, restored):
    """RESTORE LOG WITH STOPAT brings the rows that were committed before the moment, and none that came later."""
    database.backup(url("full.bak"))
    database.write(50)
    before, moment = database.proof(), database.moment()
    database.write(50)
    database.backup_log(url("log.trn"))

    copy = restored(database, url("full.bak"), "NORECOVERY")
    copy.restore_log(url("log.trn"), f"STOPAT = '{moment}'")

    assert copy.proof() == before


@pytest.mark.requirement("RST-04.stop-at-mark")
def test_restore_stops_at_a_mark(database, url, restored):
    """RESTORE LOG WITH STOPATMARK brings the rows of the marked transaction, and none that came later."""
    database.backup(url("full.bak"))
    database.write_marked(50, "closing")
    marked = database.proof()
    database.write(50)
    database.backup_log(url("log.trn"))

    copy = restored(database, url("full.bak"), "NORECOVERY")
    copy.restore_log(url("log.trn"), "STOPATMARK = 'closing'")

    assert copy.proof() == marked


@pytest.mark.requirement("RST-04.stop-before-mark")
def test_restore_stops_before_a_mark(database, url, restored):
    """RESTORE LOG WITH STOPBEFOREMARK brings the rows from before the marked transaction, and none of its own."""
    database.backup(url("full.bak"))
    database.write(50)
    before = database.proof()
    database.write_marked(50, "mistake")
    database.backup_log(url("log.trn"))

    copy = restored(database, url("full.bak"), "NORECOVERY")
    copy.restore_log(url("log.trn"), "STOPBEFOREMARK = 'mistake'")

    assert copy.proof() == before


@pytest.mark.requirement("RST-05.stop-on-error")
def test_backup_and_restore_may_stop_on_errors(database, url, restored):
    """A backup and a restore WITH CHECKSUM, STOP_ON_ERROR bring every row."""
    database.backup(url("checked.bak"), "CHECKSUM", "STOP_ON_ERROR")

    assert restored(database, url("checked.bak"), "CHECKSUM", "STOP_ON_ERROR").proof() == database.proof()


@pytest.mark.requirement("RST-05.continue-after-error")
def test_restore_that_goes_on_tells_of_the_damage(large_database, url, told_by_restore, tamper):
    """RESTORE WITH CONTINUE_AFTER_ERROR tells that one byte of a backup WITH CHECKSUM was changed."""
    large_database.backup(url("salvaged.bak"), "CHECKSUM")

    tamper.flip(url("salvaged.bak"))

    assert {3184, *DAMAGED}.intersection(told_by_restore(large_database, url("salvaged.bak"), "CONTINUE_AFTER_ERROR"))


@pytest.mark.requirement("RST-07.further-options")
@pytest.mark.parametrize(
    "options",
    [("MEDIANAME = N'Medium 1'", "STATS = 25", "RESTRICTED_USER", "NEW_BROKER"), ("KEEP_REPLICATION", "KEEP_CDC")],
    ids=["new-broker", "keep"],
)
def test_further_options_of_restore_are_taken(database, url, restored, options):
    """RESTORE takes MEDIANAME, STATS, RESTRICTED_USER, NEW_BROKER, KEEP_REPLICATION and KEEP_CDC, with every row."""
    database.backup(url("named.bak"), "MEDIANAME = N'Medium 1'")

    assert restored(database, url("named.bak"), *options).proof() == database.proof()


@pytest.mark.requirement("RST-06.restart")
def test_restore_may_say_restart(database, url, restored):
    """RESTORE WITH RESTART, as after an interruption, brings every row."""
    database.backup(url("full.bak"))

    assert restored(database, url("full.bak"), "RESTART").proof() == database.proof()


@pytest.mark.requirement("RST-08.block-size")
@pytest.mark.parametrize("options", [(), ("BLOCKSIZE = 4096",)], ids=["unnamed", "named"])
def test_block_size_of_a_restore_may_be_named(database, url, restored, options):
    """A backup with a BLOCKSIZE of 4,096 bytes is restored with every row, whether the restore names it or not."""
    database.backup(url("blocks.bak"), "BLOCKSIZE = 4096")

    assert restored(database, url("blocks.bak"), *options).proof() == database.proof()


@pytest.mark.requirement("RST-11.named-credential")
def test_restore_may_name_its_credential(database, url, restored, named_credential):
    """A backup and its restore name a credential that is the start of no URL, and every row comes back."""
    database.backup(url("named.bak"), f"CREDENTIAL = N'{named_credential}'")

    assert restored(database, url("named.bak"), f"CREDENTIAL = N'{named_credential}'").proof() == database.proof()


@pytest.mark.requirement("RST-02.missing-stripe")
def test_backup_with_a_missing_stripe_is_refused(database, urls, restore_must_fail):
    """A restore that is given all stripes but one is refused."""
    stripes = urls("striped", 3)
    database.backup(stripes)

    failure = restore_must_fail(database, stripes[:2])

    assert {3132, 3231}.intersection(failure.numbers)


@pytest.mark.requirement("RST-02.foreign-stripe")
def test_stripe_of_another_backup_is_refused(database, urls, restore_must_fail, tamper):
    """A restore is refused where one stripe was replaced by the same stripe of another backup."""
    database.backup(urls("today", 2))
    database.write(50)
    database.backup(urls("tomorrow", 2))

    tamper.copy(urls("tomorrow", 2)[1], urls("today", 2)[1])

    failure = restore_must_fail(database, urls("today", 2))

    assert DAMAGED.intersection(failure.numbers)


@pytest.mark.requirement("ERR-11.flipped-byte")
def test_flipped_byte_is_refused(large_database, url, restore_must_fail, tamper):
    """A backup WITH CHECKSUM of which one byte was changed in the store is refused."""
    large_database.backup(url("flipped.bak"), "CHECKSUM")

    tamper.flip(url("flipped.bak"))

    failure = restore_must_fail(large_database, url("flipped.bak"), "CHECKSUM")

    assert DAMAGED.intersection(failure.numbers)


@pytest.mark.requirement("ERR-11.truncated")
def test_truncated_backup_is_refused(large_database, url, restore_must_fail, tamper):
    """A backup of which the last MiB is gone is refused."""
    large_database.backup(url("truncated.bak"), "CHECKSUM")

    tamper.truncate(url("truncated.bak"))

    failure = restore_must_fail(large_database, url("truncated.bak"), "CHECKSUM")

    assert DAMAGED.intersection(failure.numbers)


@pytest.mark.requirement("META-04.damage-found")
def test_verify_finds_the_damage(large_database, url, tamper):
    """RESTORE VERIFYONLY finds that one byte of a backup WITH CHECKSUM was changed."""
    large_database.backup(url("flipped.bak"), "CHECKSUM")

    tamper.flip(url("flipped.bak"))

    failure = large_database.verify_must_fail(url("flipped.bak"), "CHECKSUM")

    assert DAMAGED.intersection(failure.numbers)


@pytest.mark.requirement("META-08.no-backup")
@pytest.mark.parametrize("body", [b"", b"This is no backup. " * 4096], ids=["empty", "text"])
def test_what_is_no_backup_is_refused(database, url, key_of, backup, restore_must_fail, body):
    """An object that is no backup, or is empty, ends a restore with an error of the media."""
    backup.upload(key_of(url("no.bak")), body)

    failure = restore_must_fail(database, url("no.bak"))

    assert DAMAGED.intersection(failure.numbers)


@pytest.mark.requirement("META-01.headeronly")
def test_header_tells_what_the_backup_is(database, url):
    """RESTORE HEADERONLY tells the database's name, the kind of the backup and the device type 9."""
    database.backup(url("full.bak"))
    database.backup(url("changes.bak"), "DIFFERENTIAL")
    database.backup_log(url("log.trn"))

    headers = [database.header(url(name)) for name in ("full.bak", "changes.bak", "log.trn")]

    seen = [(header["DatabaseName"], header["BackupType"], header["DeviceType"]) for header in headers]
    assert seen == [(database.name, 1, 9), (database.name, 5, 9), (database.name, 2, 9)]


@pytest.mark.requirement("META-02.filelistonly")
def test_file_list_names_every_file(database, url):
    """RESTORE FILELISTONLY names every file of the database, with its path and kind."""
    database.backup(url("full.bak"))

    assert database.file_list(url("full.bak")) == database.files()


@pytest.mark.requirement("META-03.labelonly")
def test_label_counts_the_stripes(database, urls):
    """RESTORE LABELONLY of each stripe tells its place among all stripes of the media set."""
    database.backup(urls("striped", 3))

    labels = [database.label(url) for url in urls("striped", 3)]

    assert sorted((label["FamilySequenceNumber"], label["FamilyCount"]) for label in labels) == [(1, 3), (2, 3), (3, 3)]
    assert len({label["MediaSetId"] for label in labels}) == 1


@pytest.mark.requirement("META-04.verifyonly")
def test_good_backup_is_verified(database, urls):
    """RESTORE VERIFYONLY finds a good striped backup valid."""
    database.backup(urls("striped", 2), "CHECKSUM")

    assert 3262 in database.verify(urls("striped", 2), "CHECKSUM").numbers


@pytest.mark.requirement("CRED-18.second-instance")
def test_second_instance_restores(database, url, second_engine):
    """A second instance, with a credential of its own, restores what the first one wrote."""
    database.backup(url("moved.bak"))

    copy = second_engine.restored(database, url("moved.bak"))

    assert copy.proof() == database.proof()


@pytest.mark.requirement("BAK-07.without-certificate")
def test_encrypted_backup_needs_its_certificate(database, url, certificate, second_engine):
    """An instance that has not the certificate is refused an encrypted backup with Msg 33111."""
    database.backup(url("secret.bak"), f"ENCRYPTION (ALGORITHM = AES_256, SERVER CERTIFICATE = [{certificate}])")

    failure = second_engine.restore_must_fail(database, url("secret.bak"))

    assert 33111 in failure.numbers


@pytest.mark.requirement("BAK-18.without-certificate")
def test_encrypted_database_needs_its_certificate(encrypted_database, url, second_engine):
    """An instance that has not its certificate is refused the backup of an encrypted database with Msg 33111."""
    encrypted_database.backup(url("tde.bak"), "COMPRESSION")

    failure = second_engine.restore_must_fail(encrypted_database, url("tde.bak"))

    assert 33111 in failure.numbers


@pytest.mark.requirement("BAK-03.two-instances")
def test_two_instances_write_one_chain(database, url, second_engine, rolled_forward_on_either):
    """A log chain that two instances write in turn, with a change of roles in between, comes back on either."""
    database.backup(url("full.bak"))
    successor = second_engine.restored(database, url("full.bak"), "NORECOVERY")
    database.write(50)
    handed_over = database.proof()
    database.backup_log(url("before.trn"), "NORECOVERY")
    successor.restore_log(url("before.trn"))
    taken_over = successor.proof()
    successor.write(50)
    successor.backup_log(url("after.trn"))

    copies = rolled_forward_on_either(database, url("full.bak"), [url("before.trn"), url("after.trn")])
    database.restore_log(url("after.trn"))

    assert taken_over == handed_over
    assert [copy.proof() for copy in (*copies, database)] == [successor.proof()] * 3


@pytest.mark.requirement("BAK-03.standby-takes-over")
def test_standby_on_a_second_instance_takes_over(database, url, second_engine, second_undo_file):
    """A standby on a second instance can be read, and takes over with the tail of the log and every row."""
    database.backup(url("full.bak"))
    first = database.rows()
    standby = second_engine.restored(database, url("full.bak"), f"STANDBY = N'{second_undo_file}'")
    read_meanwhile = standby.rows()
    database.write(50)
    handed_over = database.proof()
    database.backup_log(url("tail.trn"), "NORECOVERY")
    standby.restore_log(url("tail.trn"))

    assert (read_meanwhile, standby.proof()) == (first, handed_over)


@pytest.mark.requirement("BAK-05.copy-only-in-chain")
def test_copy_only_backup_leaves_the_chain_whole(database, url, second_engine, restored, rolled_forward):
    """A copy-only backup of the instance that took over comes back, and leaves the chain of both as it was."""
    database.backup(url("full.bak"))
    successor = second_engine.restored(database, url("full.bak"), "NORECOVERY")
    database.backup_log(url("tail.trn"), "NORECOVERY")
    successor.restore_log(url("tail.trn"))
    successor.write(50)
    successor.backup(url("copy.bak"), "COPY_ONLY")
    copied = successor.proof()
    successor.write(50)
    successor.backup_log(url("next.trn"))

    copy = rolled_forward(database, url("full.bak"), [url("tail.trn"), url("next.trn")])

    assert (restored(successor, url("copy.bak")).proof(), copy.proof()) == (copied, successor.proof())
