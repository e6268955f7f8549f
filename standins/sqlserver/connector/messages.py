"""SQL Server's messages about devices: numbers and texts are of the message table, 3000 to 3999.

Which operating system error stands for which trouble is documented for 5, 50, 87 and 12175 and observed for 1117; all
others are guesses: 2 for a missing key, 13 for nonsense, 32 for a device named twice, and WinHTTP's own for what its
caller sees of names, connections and TLS.
"""

from __future__ import annotations

from enum import Enum

from restoreproof.standins.sqlserver.session import SqlError

__all__ = [
    "ABORTED",
    "ACCESS_DENIED",
    "BAD_PARAMETER",
    "CANNOT_CONNECT",
    "INVALID_DATA",
    "IN_USE",
    "IO_ERROR",
    "NOT_FOUND",
    "NOT_SUPPORTED",
    "NO_NAME",
    "NO_TLS",
    "TIMED_OUT",
    "UNTRUSTED",
    "Stage",
    "bad_name",
    "bad_url",
    "damaged",
    "exists",
    "expected_families",
    "foreign",
    "incomplete",
    "malformed",
    "no_certificate",
    "too_long",
    "too_many_parts",
    "twice",
]

NOT_FOUND, ACCESS_DENIED, INVALID_DATA, IN_USE, NOT_SUPPORTED, BAD_PARAMETER, IO_ERROR = 2, 5, 13, 32, 50, 87, 1117
TIMED_OUT, NO_NAME, CANNOT_CONNECT, ABORTED, NO_TLS, UNTRUSTED = 12002, 12007, 12029, 12030, 12157, 12175

_TEXTS = {
    NOT_FOUND: "The system cannot find the file specified.",
    ACCESS_DENIED: "Access is denied.",
    INVALID_DATA: "The data is invalid.",
    IN_USE: "The process cannot access the file because it is being used by another process.",
    NOT_SUPPORTED: "The request is not supported.",
    BAD_PARAMETER: "The parameter is incorrect.",
    IO_ERROR: "The request could not be performed because of an I/O device error.",
}
_LOST = (TIMED_OUT, NO_NAME, CANNOT_CONNECT, ABORTED, NO_TLS)


class Stage(Enum):
    """What a request is for decides how its failure is told."""

    OPEN = 3201
    WRITE = 3202
    READ = 3203

    def error(self, url: str, number: int) -> SqlError:
        """Tell an operating system error in the words of this stage."""
        if self is Stage.OPEN:
            return SqlError(3201, f"Cannot open backup device '{url}'. Operating system error {_described(number)}.")
        verb = "Write" if self is Stage.WRITE else "Read"
        return SqlError(self.value, f'{verb} on "{url}" failed: {_described(IO_ERROR if number in _LOST else number)}')


def _described(number: int) -> str:
    """Give the number and its text; WinHTTP's have none on Linux (documented for 12175)."""
    return f"{number}({_TEXTS.get(number, 'failed to retrieve text for this error. Reason: 15105')})"


def bad_name(url: str) -> SqlError:
    """What is no device name at all, as s3:/host/bucket/key (observed)."""
    advice = "Reissue the BACKUP statement with a valid file name and device type."
    return SqlError(
        3078, f'The file name "{url}" is invalid as a backup device name for the specified device type. {advice}'
    )


def bad_url() -> SqlError:
    """A URL of another scheme, or with a query (the table's number; that S3 uses it is a guess)."""
    kinds = (
        "The URL must be either resolvable as an absolute or relative URI, has or can be composed as an HTTP or HTTPS"
    )
    return SqlError(
        3297,
        f"The URL provided does not meet specified requirements. {kinds} scheme, and cannot contain a query component.",
    )


def too_long(most: int) -> SqlError:
    """A URL that is longer than documented."""
    advice = "Reissue the BACKUP statement with a valid device name."
    name = f"The length of the device name provided exceeds supported limit (maximum length is:{most})."
    return SqlError(3057, f"Invalid device name. {name} {advice}")


def exists(url: str) -> SqlError:
    """The object is there, and WITH FORMAT is not."""
    return SqlError(
        3296, f"The file {url} exists on the remote endpoint, and WITH FORMAT was not specified. Backup cannot proceed."
    )


def too_many_parts(url: str, most: int) -> SqlError:
    """The object would need more parts than there may be."""
    return SqlError(
        3236, f"Write to S3 object storage device {url} failed. Device has reached its limit of {most} allowed parts."
    )


def malformed(url: str) -> SqlError:
    """What lies there is no backup, or its label or catalogue is damaged."""
    return SqlError(
        3241,
        f"The media family on device '{url}' is incorrectly formed. SQL Server cannot process this media family.",
    )


def damaged() -> SqlError:
    """A block of the backup set is not as it was written."""
    return SqlError(3189, "Damage to the backup set was detected.")


def incomplete(families: int, provided: int) -> SqlError:
    """Some stripes are missing."""
    return SqlError(
        3132,
        f"The media set has {families} media families but only {provided} are provided. All members must be provided.",
    )


def expected_families(url: str, families: int, expected: int) -> SqlError:
    """More devices were named than the media set has."""
    told = f"but {expected} media families are expected according to the backup device specification."
    return SqlError(3231, f'The media loaded on "{url}" is formatted to support {families} media families, {told}')


def twice(url: str, family: int, other: str) -> SqlError:
    """The same stripe was named twice."""
    told = f'is part of media family {family} which has already been processed on "{other}".'
    advice = "For tape devices, ensure that the correct volumes are loaded."
    return SqlError(
        3227, f'The backup media on "{url}" {told} Ensure that backup devices are correctly specified. {advice}'
    )


def foreign(url: str) -> SqlError:
    """A stripe of another backup."""
    told = "Ensure that the backup devices are loaded with the correct media."
    return SqlError(
        3258, f'The volume on the device "{url}" is not part of the media set that is currently being processed. {told}'
    )


def no_certificate(thumbprint: bytes) -> SqlError:
    """The backup is encrypted by a certificate that this instance has not."""
    return SqlError(33111, f"Cannot find server certificate with thumbprint '0x{thumbprint.hex().upper()}'.")
