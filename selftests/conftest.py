"""Settings of the self-tests: how long an example takes on a busy machine says nothing about the code."""

from hypothesis import HealthCheck, settings

settings.register_profile("restoreproof", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("restoreproof")
