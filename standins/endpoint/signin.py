"""Sign-in for the embedded endpoint: plain key pairs, each with rights on S3 operations.

OpenStack Swift's own sign-in (tempauth) names users `account:user`, which SQL Server's `KEYID:SECRET` credential can't
hold, answers unknown keys and unsigned calls unlike AWS, and knows rights on its own sub-requests only. So the rights
are decided here, once for each S3 request, and everything that has not passed here is refused.

Settings: one `user_ROLE = KEYID SECRET RIGHT...` for each key pair.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from swift.common.middleware.s3api import s3api, s3response

__all__ = ["ACCOUNT", "User", "filter_factory", "needed_rights"]

ACCOUNT = "AUTH_restoreproof"
_UNCHECKED = "restoreproof.not_signed_in"

_Environ = dict[str, Any]
_App = Callable[[_Environ, Callable[..., Any]], Iterable[bytes]]

# The right each operation needs, by the class that carries it out and the method; all others need `other`.
_RIGHTS = {
    ("BucketController", "GET"): "list",
    ("BucketController", "HEAD"): "list",
    ("ObjectController", "GET"): "get",
    ("ObjectController", "HEAD"): "get",
    ("ObjectController", "PUT"): "put",
    ("UploadsController", "POST"): "put",
    ("PartController", "PUT"): "put",
    ("UploadController", "POST"): "put",
}

# Questions about a bucket or object that Swift's S3 API does not know and would answer as a plain list, GET or PUT.
_OF_ITS_OWN = frozenset(
    {"versions", "lifecycle", "encryption", "replication", "ownershipControls", "accelerate", "metrics", "analytics"}
    | {"inventory", "intelligent-tiering", "policyStatus", "attributes", "retention", "legal-hold"}
)


class User(NamedTuple):
    """One key pair's secret and rights."""

    secret: str
    rights: frozenset[str]


def needed_rights(request: Any) -> frozenset[str]:
    """Tell which rights an S3 request needs: one of `list`, `put`, `get`, `other`; a copy also reads its source."""
    if _OF_ITS_OWN & set(request.params):
        return frozenset({"other"})
    right = _RIGHTS.get((request.controller.__name__, request.method), "other")
    copies = right == "put" and "HTTP_X_AMZ_COPY_SOURCE" in request.environ
    return frozenset({right, "get"} if copies else {right})


class SignedS3(s3api.S3ApiMiddleware):  # type: ignore[misc]
    """Swift's S3 API for requests signed by one of our users; nothing else gets past it."""

    def __init__(self, app: _App, conf: dict[str, str], users: dict[str, User]) -> None:
        super().__init__(_closed_to_the_unchecked(app), conf)
        self._users = users

    def __call__(self, env: _Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        env[_UNCHECKED] = True
        return super().__call__(env, start_response)  # type: ignore[no-any-return]

    def handle_request(self, req: Any) -> Any:
        """Carry out an S3 request after its signature and its user's rights have been checked."""
        user = self._signed_in(req)
        req.environ.pop("s3api.auth_details")
        del req.environ[_UNCHECKED]
        req.account = ACCOUNT
        missing = needed_rights(req) - user.rights
        if missing:
            raise self._refusal(req, user, missing)
        return super().handle_request(req)

    def _signed_in(self, req: Any) -> User:
        details = req.environ["s3api.auth_details"]
        user = self._users.get(details["access_key"])
        if user is None:
            raise s3response.InvalidAccessKeyId(a_w_s_access_key_id=details["access_key"])
        if not details["check_signature"](user.secret):
            raise s3response.SignatureDoesNotMatch(**req.signature_does_not_match_kwargs())
        return user

    def _refusal(self, req: Any, user: User, missing: frozenset[str]) -> Exception:
        """Say no as AWS does: who may list but not read learns that an absent object is absent."""
        if missing == {"get"} and req.method in {"GET", "HEAD"} and "list" in user.rights:
            try:
                req.get_response(self.app, "HEAD")
            except (s3response.NoSuchKey, s3response.NoSuchBucket) as absent:
                return absent  # type: ignore[no-any-return]
        return s3response.AccessDenied()  # type: ignore[no-any-return]


def _closed_to_the_unchecked(app: _App) -> _App:
    """Close the way for unsigned requests and for Swift's own API, which the S3 API would let through.

    Swift's requests to itself, made on the way, are new ones and do not carry the mark.
    """

    def guard(environ: _Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = s3response.AccessDenied() if _UNCHECKED in environ else app
        return answer(environ, start_response)

    return guard


def _read_users(conf: dict[str, str]) -> dict[str, User]:
    users = {}
    for name, value in conf.items():
        if name.startswith("user_"):
            key_id, secret, *rights = value.split()
            users[key_id] = User(secret, frozenset(rights))
    return users


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Callable[[_App], SignedS3]:
    """Make the filter from its settings, as Paste asks for it."""
    conf = {**global_conf, **local_conf}
    users = _read_users(local_conf)
    return lambda app: SignedS3(s3api.ListingEtagMiddleware(app), conf, users)
