"""The checks, one file per area; the register of what they prove lies under ``requirements``."""
