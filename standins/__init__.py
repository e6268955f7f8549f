"""Stand-ins: processes that play an endpoint, a proxy or a server for a run, and leave nothing behind."""
