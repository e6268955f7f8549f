"""Several nodes behind one name: whichever a connection meets, it must find the same store."""

from datetime import timedelta

import pytest


@pytest.fixture
def write_and_read_everywhere(backup, restore, nodes):
    """``write_and_read_everywhere(node, key, body)``: written through one node; the digests seen at all of them."""

    def both(node, key, body):
        backup.at(node).upload(key, body)
        return set(nodes.everywhere(lambda other: restore.at(other).digest(key)).values())

    return both


@pytest.mark.requirement("TLS-02.every-node-chains")
def test_certificates_of_all_nodes_chain_to_the_given_ca(tls, nodes, evidence):
    """The certificate of every node leads to the CA that SQL Server is given."""
    problems = nodes.everywhere(lambda node: tls.at(node).handshake().chain_problem(tls.ca))

    assert evidence.keep("chain_problems", problems) == nodes.alike("")


@pytest.mark.requirement("TLS-03.every-node-named")
def test_certificates_of_all_nodes_name_the_host(tls, nodes, evidence):
    """The certificate of every node covers the host of the URL."""
    problems = nodes.everywhere(lambda node: tls.at(node).handshake().covers(tls.host))

    assert evidence.keep("name_problems", problems) == nodes.alike("")


@pytest.mark.requirement("TLS-12.every-node-in-date")
def test_certificates_of_all_nodes_are_in_date(tls, nodes, evidence, now):
    """No certificate that a node sends has expired or is not yet valid."""
    shown = nodes.everywhere(lambda node: tls.at(node).handshake())

    outdated = {node: [*seen.expired(now), *seen.premature(now)] for node, seen in shown.items()}

    assert evidence.keep("outdated", outdated) == nodes.alike([])


@pytest.mark.requirement("TLS-05.same-certificate")
def test_all_nodes_show_the_same_certificate(tls, nodes, evidence):
    """All nodes show the same certificate, so that SQL Server may be given it instead of its CA."""
    chains = nodes.everywhere(lambda node: tls.at(node).handshake().facts["chain"])

    shown = evidence.keep("sha256", {node: chain[0]["sha256"] for node, chain in chains.items()})

    assert len(set(shown.values())) == 1


@pytest.mark.requirement("CLK-01.nodes-agree")
def test_clocks_of_all_nodes_agree(backup, nodes, evidence):
    """The Date headers of all nodes are within fifteen minutes of each other."""
    clocks = nodes.everywhere(lambda node: backup.at(node).call("HEAD").date())

    apart = max(clocks.values()) - min(clocks.values())

    evidence.keep("seconds_apart", apart.total_seconds())
    assert apart < timedelta(minutes=15)


@pytest.mark.requirement("PERM-01.keys-on-every-node")
def test_keys_work_on_every_node(backup, restore, housekeeping, bucket, nodes, evidence):
    """Every key that works on one node works on all of them."""
    keys = {"backup": backup, "restore": restore, "housekeeping": housekeeping}

    shown = nodes.everywhere(
        lambda node: {role: key.at(node).list(bucket.prefix).outcome for role, key in keys.items()}
    )

    assert evidence.keep("answers", shown) == nodes.alike(shown[nodes.first])


@pytest.mark.requirement("WIRE-16.upload-across-nodes")
def test_upload_goes_through_several_nodes(backup, restore, bucket, content, nodes):
    """An upload that is opened on one node takes parts through others, is completed on the first, and has its bytes."""
    key = bucket.key("across.bak")
    parts = [content.make("across 1", content.PART), content.make("across 2", content.KIB)]
    upload = backup.at(nodes.first).open_upload(key)

    tags = [upload.at(node).send(number, parts[number - 1]) for number, node in enumerate(nodes.others(2), 1)]
    upload.complete(tags).must_succeed()

    assert restore.at(nodes.first).digest(key) == content.digest(*parts)


@pytest.mark.requirement("MPU-14.parts-from-all-nodes")
def test_ten_parts_from_all_nodes_are_joined(backup, restore, bucket, content, nodes):
    """Ten parts that come through all nodes in turn are joined by their numbers, byte for byte."""
    key, part = bucket.key("round-robin.bak"), content.make("round robin", content.PART)
    parts = [bytes([number]) + part[1:] for number in range(1, 11)]
    upload = backup.at(nodes.first).open_upload(key)

    tags = [upload.at(node).send(number, parts[number - 1]) for number, node in enumerate(nodes.in_turn(10), 1)]
    upload.complete(tags).must_succeed()

    assert restore.at(nodes.first).digest(key) == content.digest(*parts)


@pytest.mark.requirement("WIRE-09.read-through-another-node")
def test_backup_is_read_through_another_node_at_once(backup, restore, bucket, content, nodes):
    """A backup that was written through one node is read through another at once, whichever comes first."""
    keys = {bucket.key(f"through-{number}.bak"): pair for number, pair in enumerate(nodes.pairs())}
    part = content.make("through", 64 * content.KIB)

    [backup.at(writer).upload(key, part) for key, (writer, _) in keys.items()]
    seen = {key: restore.at(reader).digest(key) for key, (_, reader) in keys.items()}

    assert seen == dict.fromkeys(keys, content.digest(part))


@pytest.mark.requirement("WIRE-09.listed-on-every-node")
def test_backup_is_listed_on_every_node_at_once(backup, restore, bucket, content, nodes, evidence):
    """A backup that was written through one node is listed on every node at once, with its size."""
    key = bucket.key("listed.bak")

    backup.at(nodes.first).upload(key, content.make("listed", 64 * content.KIB))
    shown = evidence.keep("listed", nodes.everywhere(lambda node: restore.at(node).sizes(key)))

    assert shown == nodes.alike({key: 64 * content.KIB})


@pytest.mark.requirement("WIRE-09.overwrite-on-every-node")
def test_overwrite_is_seen_on_every_node_at_once(bucket, content, nodes, write_and_read_everywhere):
    """After an overwrite through one node the new bytes are read through every node at once, and nothing of the old."""
    key, versions = bucket.key("overwritten.bak"), [content.make(f"version {n}", 16 * content.KIB) for n in range(3)]

    seen = [
        write_and_read_everywhere(node, key, version) for node, version in zip(nodes.in_turn(3), versions, strict=True)
    ]

    assert seen == [{content.digest(version)} for version in versions]


@pytest.mark.requirement("WIRE-09.deleted-on-every-node")
def test_deleted_backup_is_gone_on_every_node_at_once(backup, restore, housekeeping, bucket, content, nodes, evidence):
    """A backup that was deleted through one node can be read through no other."""
    key = bucket.key("deleted.bak")
    backup.at(nodes.first).upload(key, content.make("deleted", content.KIB))
    nodes.everywhere(lambda node: restore.at(node).get(key))

    housekeeping.at(nodes.last).delete(key).must_succeed()
    shown = evidence.keep("status", nodes.everywhere(lambda node: restore.at(node).get(key).status))

    assert shown == nodes.alike(404)


@pytest.mark.requirement("RST-14.same-etag-on-every-node")
def test_object_has_the_same_etag_on_every_node(backup, restore, bucket, content, nodes, evidence):
    """An object has the same ETag on every node, so that a read can go on through another."""
    key = bucket.key("tagged.bak")
    backup.at(nodes.first).upload(key, content.make("tagged", content.KIB))

    tags = nodes.everywhere(lambda node: restore.at(node).head(key).must_succeed().header("ETag"))

    assert len(set(evidence.keep("etags", tags).values())) == 1


@pytest.mark.requirement("ABORT-03.listed-on-every-node")
def test_open_upload_is_listed_on_every_node(backup, housekeeping, bucket, nodes):
    """An upload that was opened on one node is listed as open on every node."""
    upload = backup.at(nodes.first).open_upload(bucket.key("killed.bak"))

    shown = nodes.everywhere(lambda node: housekeeping.at(node).open_uploads(upload.key))

    assert shown == nodes.alike([(upload.key, upload.id)])


@pytest.mark.requirement("ABORT-03.aborted-through-another-node")
def test_upload_is_aborted_through_another_node(backup, restore, housekeeping, bucket, content, nodes):
    """An upload that was opened on one node and aborted through another can't be completed, and no object appears."""
    upload = backup.at(nodes.first).open_upload(bucket.key("aborted.bak"))
    tags = [upload.send(1, content.make("aborted", content.KIB))]

    upload.by(housekeeping).at(nodes.last).abort().must_succeed()

    upload.complete(tags).must_be_refused()
    restore.at(nodes.first).get(upload.key).must_be_refused()


@pytest.mark.requirement("WIRE-12.part-again-through-another-node")
def test_part_cut_off_on_one_node_is_sent_again_through_another(backup, restore, bucket, content, cutter, nodes):
    """A part that broke off on one node and came whole through another is kept whole."""
    key, part = bucket.key("node-went-away.bak"), content.make("node went away", content.MIB)
    upload = backup.at(nodes.first).open_upload(key)

    cutter.at(nodes.first).send_part(upload, 1, part, stop_after=content.MIB // 2)
    tags = [upload.at(nodes.last).send(1, part)]
    upload.at(nodes.last).complete(tags).must_succeed()

    assert restore.at(nodes.last).digest(key) == content.digest(part)


@pytest.mark.requirement("WIRE-12.completion-again-through-another-node")
def test_completion_lost_on_one_node_is_repeated_through_another(
    backup, restore, bucket, content, lines, nodes, watch, evidence
):
    """A completion that was sent to one node and repeated through another makes the object, once and whole."""
    key, part = bucket.key("completed-twice.bak"), content.make("completed twice", 64 * content.KIB)
    upload = backup.at(nodes.first).open_upload(key)
    tags = [upload.send(1, part)]

    lines.at(nodes.first).complete_unheard([(upload, tags)])
    evidence.keep("second_answer", upload.at(nodes.last).complete(tags).outcome)
    read = watch(lambda: restore.at(nodes.last).get(key), 5, lambda answer: answer.is_success)

    assert restore.at(nodes.last).keys(key) == [key]
    assert content.digest(read.body) == content.digest(part)
