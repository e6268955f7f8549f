"""Settings of the self-tests, wherever and however they are started."""

import signal

from hypothesis import HealthCheck, settings

# How long an example takes on a busy machine says nothing about the code.
settings.register_profile("restoreproof", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("restoreproof")

# A shell makes what it puts into the background deaf to Ctrl-C, and all that is started from there with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
