"""The linter of ``restoreproof lint``: reads scripts in T-SQL, and names the rules for S3 that they break."""
