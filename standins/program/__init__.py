"""Runs any local S3 server by its start-up hook, a short script, and cleans up after it."""
