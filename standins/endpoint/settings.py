"""The settings files of the embedded endpoint: what is written into its private folder before it starts."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["BACKENDS", "DEVICE", "NODES", "SERVERS", "KeyPair", "Plan", "write"]

BACKENDS = ("account", "container", "object")
NODES = ("proxy", "second_proxy")
"""Clients may come to either; the two share settings, certificate and store, and nothing in memory."""
SERVERS = (*BACKENDS, *NODES)
DEVICE = "disk"


@dataclass(frozen=True)
class KeyPair:
    """One user of the endpoint: its key pair and what it may do (`list`, `put`, `get`, `other`)."""

    role: str
    key_id: str
    secret: str
    rights: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What the endpoint is asked to be; `ports` has one entry per server."""

    folder: Path
    ports: dict[str, int]
    keys: tuple[KeyPair, ...]
    region: str
    domain: str
    part_minimum: int


# One replica on one device: the hash suffix only has to exist.
_CLUSTER = """\
[swift-hash]
swift_hash_path_suffix = restoreproof
[storage-policy:0]
name = one
default = yes
"""

# No syslog (the address leads nowhere), no preallocation, no look-out for mount points, no read-ahead cache kept.
_EVERY_SERVER = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
devices = {folder}
mount_check = false
disable_fallocate = true
log_level = WARNING
log_address = {folder}/no-syslog
log_custom_handlers = restoreproof.standins.endpoint.server.log_to_stderr
"""

_BACKEND = """\
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
mb_per_sync = 2048
log_requests = false
network_chunk_size = 1048576
disk_chunk_size = 1048576
keep_cache_size = 5368709122
"""

# Backends keep no log of requests, nor has the pipeline a filter for one: nobody would read it. What a bucket's listing
# may be spread over is not remembered, for no bucket here is ever split.
# Traps: parts are limited to 1000 and manifests to 1000 segments unless said otherwise (AWS and SQL Server use 10,000),
# GETs of objects with small parts are slowed to one part a second unless the limit on their size is 0, and the parts of
# a deleted object are left to a daemon, which nobody runs here, unless that is forbidden.
_PROXY = """\
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck remembering listing_formats bulk s3api copy slo dlo \
versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
object_chunk_size = 1048576
client_chunk_size = 1048576
recheck_listing_shard_ranges = 0
recheck_updating_shard_ranges = 0
[filter:remembering]
paste.filter_factory = restoreproof.standins.endpoint.remembering:filter_factory
[filter:s3api]
paste.filter_factory = restoreproof.standins.endpoint.signin:filter_factory
location = {region}
storage_domain = {domain}
max_upload_part_num = 10000
min_segment_size = {part_minimum}
s3_acl = false
{users}
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
max_manifest_size = 33554432
allow_async_delete = false
rate_limit_under_size = 0
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
"""
_PLAIN_FILTERS = (
    "catch_errors",
    "gatekeeper",
    "healthcheck",
    "listing_formats",
    "bulk",
    "copy",
    "dlo",
)


def write(plan: Plan) -> None:
    """Write every settings file; they hold the secrets, so only their owner may read them."""
    (plan.folder / DEVICE).mkdir()
    _put(plan.folder / "swift.conf", _CLUSTER)
    for name in BACKENDS:
        _put(plan.folder / f"{name}.conf", _every_server(plan, name) + _BACKEND.format(name=name))
    _put(plan.folder / "proxy.conf", _every_server(plan, "proxy") + _proxy(plan))


def _every_server(plan: Plan, name: str) -> str:
    return _EVERY_SERVER.format(port=plan.ports[name], folder=plan.folder)


def _proxy(plan: Plan) -> str:
    users = "\n".join(f"user_{key.role} = {key.key_id} {key.secret} {' '.join(key.rights)}" for key in plan.keys)
    plain = "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in (*_PLAIN_FILTERS, "symlink"))
    settings = {"region": plan.region, "domain": plan.domain, "part_minimum": plan.part_minimum}
    return _PROXY.format(**settings, users=users) + plain


def _put(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
