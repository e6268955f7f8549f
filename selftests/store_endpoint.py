"""The embedded endpoint as the engine's tests know it: started, with a bucket."""

from contextlib import contextmanager

from running_standin import RunningStandin, module

from restoreproof.fixtures.endpoints import Endpoint, keys_from

BUCKET = "backups"


@contextmanager
def store_endpoint(folder):
    with RunningStandin(module("endpoint"), folder) as store:
        store.client().create_bucket(Bucket=BUCKET)
        ready = store.ready
        facts = ("us-east-1", "path", ready["domain"], tuple(ready["addresses"]), BUCKET)
        yield Endpoint(ready["url"], ready["ca"], *facts, keys_from(ready["keys"]), "program")


def prefix(endpoint):
    """What a credential for the bucket is called."""
    return f"s3://{endpoint.host}:{endpoint.port}/{BUCKET}"
