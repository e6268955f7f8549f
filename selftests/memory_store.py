"""A store in memory that refuses, lies or answers nonsense as it is told, behind a recording server."""

from urllib.parse import parse_qs, unquote, urlsplit

REASONS = {204: "No Content", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 501: "Not Implemented"}


class Store:
    """Buckets in memory behind the fewest S3 operations that clean-up needs; `prefix` is ignored.

    `refuses` maps an operation to (status, code), `says` one to the body of a 200; `done` is what was changed. Of
    `refuses_names` no uploads can be listed; `exact` lists those of a key, and says nothing of a prefix.
    """

    def __init__(self, *buckets, versioning="", refuses=None, says=None, refuses_names=(), exact=False):
        self.buckets = {name: {} for name in buckets}
        self.open = {}
        self.versioning = versioning
        self.refuses = refuses or {}
        self.says = says or {}
        self.refuses_names = refuses_names
        self.exact = exact
        self.done = []

    def __call__(self, request):
        method, target, _ = request.line.split()
        bucket, _, key = unquote(urlsplit(target).path).lstrip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(urlsplit(target).query, keep_blank_values=True).items()}
        name = operation(method, key, query)
        status, body = self.answer(name, bucket, key, query)
        if method != "GET" and status < 300:
            self.done.append((name, f"{bucket}/{key}"))
        reason = REASONS.get(status, "OK")
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + (b"" if method == "HEAD" else body.encode())

    def answer(self, name, bucket, key, query):
        refusal = self.refuses.get((name, bucket), self.refuses.get(name))
        if refusal:
            return refusal[0], f"<Error><Code>{refusal[1]}</Code><Message>no</Message></Error>"
        if name in self.says:
            return 200, self.says[name]
        if bucket not in self.buckets and name != "make":
            return 404, "<Error><Code>NoSuchBucket</Code></Error>"
        return getattr(self, name)(bucket, key, query)

    def list(self, bucket, _key, _query):
        rows = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in self.buckets[bucket])
        return 200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"

    def versions(self, bucket, _key, _query):
        rows = "".join(
            f"<Version><Key>{key}</Key><VersionId>{version}</VersionId></Version>"
            for key, versions in self.buckets[bucket].items()
            for version in versions
        )
        return 200, f"<ListVersionsResult><IsTruncated>false</IsTruncated>{rows}</ListVersionsResult>"

    def versioned(self, *_):
        state = f"<Status>{self.versioning}</Status>" if self.versioning else ""
        return 200, f"<VersioningConfiguration>{state}</VersioningConfiguration>"

    def uploads(self, bucket, _key, query):
        if query.get("prefix") in self.refuses_names:
            return 400, "<Error><Code>InvalidName</Code><Message>no</Message></Error>"
        rows = "".join(
            f"<Upload><Key>{key}</Key><UploadId>{upload}</UploadId></Upload>"
            for upload, (holder, key) in self.open.items()
            if holder == bucket and (not self.exact or key == query.get("prefix"))
        )
        return 200, f"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{rows}</ListMultipartUploadsResult>"

    def parts(self, _bucket, _key, query):
        if query["uploadId"] in self.open:
            return 200, "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>"
        return 404, "<Error><Code>NoSuchUpload</Code></Error>"

    def initiate(self, bucket, key, _query):
        self.open["id-1"] = (bucket, key)
        return 200, "<InitiateMultipartUploadResult><UploadId>id-1</UploadId></InitiateMultipartUploadResult>"

    def abort(self, _bucket, _key, query):
        return (
            (204, "") if self.open.pop(query["uploadId"], None) else (404, "<Error><Code>NoSuchUpload</Code></Error>")
        )

    def delete_many(self, *_):
        return 501, "<Error><Code>NotImplemented</Code></Error>"

    def delete(self, bucket, key, query):
        versions = self.buckets[bucket].get(key, [])
        versions[:] = [version for version in versions if version != query.get("versionId", "null")]
        if self.versioning and "versionId" not in query:
            versions.append("marker")
        if not versions:
            self.buckets[bucket].pop(key, None)
        return 204, ""

    def drop(self, bucket, _key, _query):
        if self.buckets[bucket]:
            return 409, "<Error><Code>BucketNotEmpty</Code></Error>"
        del self.buckets[bucket]
        return 204, ""

    def make(self, bucket, _key, _query):
        self.buckets[bucket] = {}
        return 200, ""

    def head(self, *_):
        return 200, ""


def operation(method, key, query):
    if method == "GET":
        of_bucket = {"versions": "versions", "versioning": "versioned", "uploads": "uploads", "uploadId": "parts"}
        return next((name for word, name in of_bucket.items() if word in query), "list")
    if method == "POST":
        return "delete_many" if "delete" in query else "initiate"
    if method == "DELETE":
        return "abort" if "uploadId" in query else "delete" if key else "drop"
    return "head" if method == "HEAD" else "make"
