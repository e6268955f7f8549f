"""Misconfigurations, one by one: how each is planted, what the doctor has to call it, and what it hides."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from planted_store import DAY, LOCKED, MIDDLE, OTHERS, RETENTION, Plan

if TYPE_CHECKING:
    from collections.abc import Callable

ROUTE, TLS, TRUST, ASKED, KEYS, INSIDE = range(6)
"""How far a look has to come to see a fault; what stops it before that hides the fault."""

NEVER = 99
LONG_KEY = "SQLPROD01/" + "SalesOrders" * 20 + "/full.bak"


@dataclass(frozen=True)
class Fault:
    """One misconfiguration.

    `seen_at` is the stage at which it shows, and `stops` the stage after which, for it, nothing is looked at any more.
    `knobs` are those of the plan that it turns: two that turn the same one can't occur together.
    `hides` names further faults that do not show beside this one.
    """

    name: str
    plant: "Callable[[Plan], None]"
    seen_at: int = ROUTE
    stops: int = NEVER
    knobs: frozenset = frozenset()
    hides: frozenset = frozenset()
    finds: frozenset = field(default_factory=frozenset)

    @property
    def findings(self):
        return self.finds or {self.name}


def turn(**knobs):
    def plant(plan):
        for name, value in knobs.items():
            setattr(plan, name, value)

    return plant


def fault(name, seen_at=ROUTE, stops=NEVER, hides=(), finds=(), **knobs):
    return Fault(name, turn(**knobs), seen_at, stops, frozenset(knobs), frozenset(hides), frozenset(finds))


def grant(role, right):
    return lambda plan: plan.rights[role].add(right)


def take(role, right):
    return lambda plan: plan.rights[role].discard(right)


def spell(role, text):
    return lambda plan: plan.extra.update({role: plan.extra.get(role, "") + text})


def of_keys(name, plant, hides=(), stops=NEVER):
    return Fault(name, plant, KEYS, stops, frozenset(), frozenset(hides))


def inside(name, plant, hides=()):
    return Fault(name, plant, INSIDE, NEVER, frozenset(), frozenset(hides))


TRUSTLESS = {"expires-soon"}
OF_BACKUP = {"backup-cannot-list", "backup-cannot-put", "backup-may-read", "backup-may-delete", "restore-may-write"}
OF_RESTORE = {"restore-cannot-list", "restore-cannot-get", "restore-may-write"}

FAULTS = (
    fault("name-unknown", stops=ROUTE, host="nowhere.invalid", addresses=(), hides={"nothing-listens"}),
    fault("nothing-listens", stops=ROUTE, speaks="nothing", hides={"some-addresses-dead"}),
    fault("some-addresses-dead", addresses=("127.0.0.1:9", "127.0.0.1")),
    fault("proxy-here", environ={"HTTPS_PROXY": "http://proxy.test:3128"}),
    fault("plain-http", TLS, TLS, speaks="http"),
    fault("wrong-ca", TRUST, TRUST, given=OTHERS, hides={"intermediate-missing"}),
    Fault("intermediate-missing", turn(issuer=MIDDLE, sent=False), TRUST, TRUST, frozenset({"issuer"})),
    fault("expired", TRUST, TRUST, until=timedelta(days=-1)),
    fault("expires-soon", TRUST, until=timedelta(days=1)),
    fault("name-not-covered", TRUST, TRUST, names=("*.s3.localhost", "other.example")),
    fault("clock-apart", TRUST, ASKED, skew=timedelta(minutes=20)),
    fault("clock-drifts", TRUST, skew=timedelta(minutes=3)),
    fault("no-bucket-named", ROUTE, ASKED, named=False),
    fault("colon-in-id", prefix={"housekeeping": "a:"}),
    Fault("colon-in-secret", spell("backup", ":")),
    Fault("secret-not-alphanumeric", spell("restore", "/+=")),
    Fault("secret-of-odd-characters", spell("backup", "%!")),
    fault("temporary-key", prefix={"restore": "ASIA"}),
    fault("url-too-long", key=LONG_KEY),
    fault("key-not-kept", key="../SQLPROD01/full.bak"),
    fault("too-few-parts", limits="parts = 1000"),
    fault(
        "clean-up-kills-backup",
        hides={"no-abort-rule"},
        cleanup='[cleanup]\nmechanism = "built-in"\nafter = "1h"',
    ),
    fault(
        "no-s3-answer",
        KEYS,
        KEYS,
        console=True,
        hides={"wrong-region", "wrong-secret", "unknown-key", "bucket-missing"},
    ),
    fault("wrong-region", KEYS, KEYS, region="eu-central-7", hides={"wrong-secret", "bucket-missing"}),
    of_keys("wrong-secret", lambda plan: plan.wrong_secrets.add("backup"), OF_BACKUP),
    of_keys("unknown-key", lambda plan: plan.unknown.add("restore"), OF_RESTORE),
    fault("bucket-missing", KEYS, KEYS, bucket="elsewhere"),
    inside("backup-cannot-list", take("backup", "list")),
    inside("backup-cannot-put", take("backup", "put"), {"backup-may-read", "backup-may-delete", "restore-may-write"}),
    inside("restore-cannot-list", take("restore", "list")),
    inside("restore-cannot-get", take("restore", "get")),
    inside("backup-may-read", grant("backup", "get")),
    inside("backup-may-delete", grant("backup", "delete")),
    inside("restore-may-write", grant("restore", "put")),
    fault(
        "default-retention",
        INSIDE,
        lock=LOCKED.format(RETENTION),
        hides={"versioning-on", "backup-may-read", "backup-may-delete"},
    ),
    fault("object-lock-on", INSIDE, lock=LOCKED.format(""), hides={"versioning-on"}),
    fault("versioning-on", INSIDE, versioning=True),
    fault("no-abort-rule", INSIDE, abort=""),
    Fault("lifecycle-kills-backup", turn(window=9.0 * DAY), INSIDE, NEVER, frozenset({"abort"})),
)
"""`lifecycle-kills-backup` plans a window longer than the seven days of the rule that every plan has."""
