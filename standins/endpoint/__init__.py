"""The embedded endpoint: real S3 software from PyPI, started and stopped by us."""
