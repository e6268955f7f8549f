"""Defects of rights: keys that may do too much or too little."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_answer_head, on_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]


def _refuse_backup_listing(context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    if flow.response.status_code == 200 and context.is_by(flow, "backup"):  # noqa: PLR2004 - OK
        context.refuse(flow, 403, "AccessDenied")


def _refuse_restore_listing(context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    probing = context.operation(flow).query.get("max-keys") == "1"
    if probing and flow.response.status_code == 200 and context.is_by(flow, "restore"):  # noqa: PLR2004 - OK
        context.refuse(flow, 403, "AccessDenied")


def _let_do_all(role: str) -> Callable[[Context, HTTPFlow], None]:
    """Carry a request of this role out as if its key might do anything."""

    def let(context: Context, flow: HTTPFlow) -> None:
        if context.is_by(flow, role):
            context.resign(flow, "housekeeping")

    return let


def _hide_absence(context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    if flow.response.status_code == 404 and context.is_by(flow, "backup"):  # noqa: PLR2004 - not found
        flow.response.status_code, flow.response.reason = 403, "Forbidden"


async def _refuse_to_replace(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    if not context.is_by(flow, "backup"):
        return
    there = await context.upstream.ask("HEAD", operation.bucket, operation.key)
    if there.status == 200:  # noqa: PLR2004 - OK
        context.refuse(flow, 403, "AccessDenied")


async def _abort_all_the_same(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    assert flow.response
    if flow.response.status_code == 403 and context.is_by(flow, "backup"):  # noqa: PLR2004 - forbidden
        query = f"uploadId={quote(operation.upload, safe='-_.~')}"
        await context.upstream.ask("DELETE", operation.bucket, operation.key, query)


def _hide_existence(context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    if flow.response.status_code == 403 and context.is_by(flow, "backup"):  # noqa: PLR2004 - forbidden
        flow.response.status_code, flow.response.reason = 404, "Not Found"


def _refuse_bucket_head(context: Context, flow: HTTPFlow) -> None:
    if context.is_by(flow, "backup"):
        context.refuse(flow, 403, "AccessDenied")


def _list_nothing(context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    if context.operation(flow).query.get("max-keys") == "1" and context.is_by(flow, "backup"):
        flow.response.content = documents.filtered(flow.response.content or b"", "Contents", lambda _row: False)


DEFECTS = (
    Defect(
        "listing-refused-to-backup-key",
        "A key that may list and write is refused the listing that a backup starts with.",
        "PERM-01.backup-key-suffices",
        (
            "BAK-09.found-once-complete",
            "BAK-09.not-found-once-deleted",
            "CRED-13.no-session-token",
            "LIST-03.one-row-list",
            "PERM-01.backup-key-suffices",
        ),
        on_answer(_refuse_backup_listing, Kind.LIST_OBJECTS),
    ),
    Defect(
        "backup-key-reads",
        "A key that may list and write reads objects too.",
        "PERM-01.backup-key-cannot-read",
        (
            "PERM-01.backup-key-cannot-read",
            "PERM-02.backup-key-cannot-restore",
            "WIRE-08.denied-code",
        ),
        on_request(_let_do_all("backup"), Kind.GET_OBJECT),
    ),
    Defect(
        "listing-refused-to-restore-key",
        "A key that may list and read is refused the one-row listing that a restore looks its backup up with.",
        "PERM-03.restore-key-suffices",
        ("PERM-03.restore-key-suffices",),
        on_answer(_refuse_restore_listing, Kind.LIST_OBJECTS),
    ),
    Defect(
        "restore-key-writes",
        "A key that may list and read writes and deletes too.",
        "PERM-03.restore-key-cannot-write",
        ("PERM-03.restore-key-cannot-write",),
        on_request(_let_do_all("restore"), Kind.PUT_OBJECT, Kind.CREATE_UPLOAD, Kind.DELETE_OBJECT),
    ),
    Defect(
        "absent-key-answers-403",
        "Asked for an object that is not there, the store says 403 to a key that may list.",
        "PERM-06.absent-key-is-404",
        ("PERM-06.absent-key-is-404",),
        on_answer_head(_hide_absence, Kind.HEAD_OBJECT),
    ),
    Defect(
        "backup-key-cannot-replace",
        "Putting an object where one is already takes the right to delete.",
        "PERM-02.backup-key-replaces",
        ("PERM-02.backup-key-replaces", "WIRE-09.one-version-at-a-time", "WIRE-09.range-after-overwrite"),
        on_request(_refuse_to_replace, Kind.PUT_OBJECT),
    ),
    Defect(
        "restore-key-joins-uploads",
        "A key that may list and read adds parts to uploads, completes and aborts them.",
        "PERM-04.restore-key-leaves-uploads-alone",
        ("PERM-04.restore-key-leaves-uploads-alone",),
        on_request(_let_do_all("restore"), Kind.UPLOAD_PART, Kind.COMPLETE_UPLOAD, Kind.ABORT_UPLOAD),
    ),
    Defect(
        "backup-key-deletes",
        "A key that may list and write deletes too.",
        "PERM-05.backup-key-cannot-delete",
        ("PERM-05.backup-key-cannot-delete",),
        on_request(_let_do_all("backup"), Kind.DELETE_OBJECT),
    ),
    Defect(
        "backup-key-administers",
        "A key that may list and write makes buckets and sees open uploads too.",
        "PERM-05.backup-key-cannot-administer",
        ("PERM-05.backup-key-cannot-administer",),
        on_request(_let_do_all("backup"), Kind.CREATE_BUCKET, Kind.LIST_UPLOADS),
    ),
    Defect(
        "refused-abort-aborts",
        "An abort that is refused for want of rights removes the upload all the same.",
        "PERM-05.backup-outlives-refusals",
        ("PERM-05.backup-outlives-refusals",),
        on_answer(_abort_all_the_same, Kind.ABORT_UPLOAD),
    ),
    Defect(
        "existing-object-hidden",
        "Who may not read is told that an object is not there.",
        "BAK-09.existing-is-never-absent",
        ("BAK-09.existing-is-never-absent",),
        on_answer_head(_hide_existence, Kind.HEAD_OBJECT),
    ),
    Defect(
        "bucket-head-refused",
        "HEAD of the bucket is refused to a key that may list and write.",
        "LIST-03.head-bucket",
        ("LIST-03.head-bucket", "URL-02.path-style"),
        on_request(_refuse_bucket_head, Kind.HEAD_BUCKET),
    ),
    Defect(
        "one-row-list-empty",
        "A list of one row is empty for a key that may list and write.",
        "LIST-03.one-row-list",
        ("LIST-03.one-row-list",),
        on_answer(_list_nothing, Kind.LIST_OBJECTS),
    ),
    Defect(
        "list-key-reads",
        "A key that may only list reads, too.",
        "PERM-05.list-key-only-lists",
        ("PERM-05.list-key-only-lists",),
        on_request(_let_do_all("list_only"), Kind.GET_OBJECT),
    ),
    Defect(
        "put-key-lists",
        "A key that may only put lists, too.",
        "PERM-05.put-key-only-puts",
        ("PERM-05.put-key-only-puts",),
        on_request(_let_do_all("put_only"), Kind.LIST_OBJECTS),
    ),
    Defect(
        "get-key-deletes",
        "A key that may only get deletes, too.",
        "PERM-05.get-key-only-gets",
        ("PERM-05.get-key-only-gets",),
        on_request(_let_do_all("get_only"), Kind.DELETE_OBJECT),
    ),
)
