"""Defects of rights: keys that may do too much or too little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_answer_head, on_request

if TYPE_CHECKING:
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


def _let_backup_key_read(context: Context, flow: HTTPFlow) -> None:
    if context.is_by(flow, "backup"):
        context.resign(flow, "housekeeping")


def _let_restore_key_write(context: Context, flow: HTTPFlow) -> None:
    if context.is_by(flow, "restore"):
        context.resign(flow, "housekeeping")


def _hide_absence(context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    if flow.response.status_code == 404 and context.is_by(flow, "backup"):  # noqa: PLR2004 - not found
        flow.response.status_code, flow.response.reason = 403, "Forbidden"


DEFECTS = (
    Defect(
        "listing-refused-to-backup-key",
        "A key that may list and write is refused the listing that a backup starts with.",
        "PERM-01.backup-key-suffices",
        ("PERM-01.backup-key-suffices",),
        on_answer(_refuse_backup_listing, Kind.LIST_OBJECTS),
    ),
    Defect(
        "backup-key-reads",
        "A key that may list and write reads objects too.",
        "PERM-01.backup-key-cannot-read",
        ("PERM-01.backup-key-cannot-read", "WIRE-08.denied-code"),
        on_request(_let_backup_key_read, Kind.GET_OBJECT),
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
        on_request(_let_restore_key_write, Kind.PUT_OBJECT, Kind.CREATE_UPLOAD, Kind.DELETE_OBJECT),
    ),
    Defect(
        "absent-key-answers-403",
        "Asked for an object that is not there, the store says 403 to a key that may list.",
        "PERM-06.absent-key-is-404",
        ("PERM-06.absent-key-is-404",),
        on_answer_head(_hide_absence, Kind.HEAD_OBJECT),
    ),
)
