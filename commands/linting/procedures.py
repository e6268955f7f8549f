"""What the widespread maintenance procedure DatabaseBackup is told to do, as the backup that it makes of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.linting.address import Address
from restoreproof.commands.linting.script import Device, Option, Transfer
from restoreproof.commands.linting.values import hole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from restoreproof.commands.linting.script import Call
    from restoreproof.commands.linting.values import Value

PROCEDURE = "databasebackup"

PARAMETERS = tuple(
    """
@AdaptiveCompression @AvailabilityGroupDirectoryStructure @AvailabilityGroupFileName @AvailabilityGroups
@BackupOptions @BackupSetName @BackupSoftware @BackupType @BlockSize @BufferCount @ChangeBackupType @CheckSum
@CleanupMode @CleanupTime @Compress @CompressionAlgorithm @CompressionLevel @CompressionLevelNumeric @CopyOnly
@Credential @DatabaseOrder @Databases @DatabasesInParallel @DataDomainBoostDevicePath @DataDomainBoostHost
@DataDomainBoostLockboxPath @DataDomainBoostUser @Description @Directory @DirectoryCheck @DirectoryStructure
@DirectoryStructureCase @Encrypt @EncryptionAlgorithm @EncryptionKey @ExcludeLogShippedFromLogBackup @Execute
@ExpireDate @FileExtensionDiff @FileExtensionFull @FileExtensionLog @FileName @FileNameCase @Format @Init
@LogSizeSinceLastLogBackup @LogToTable @MaxFileSize @MaxTransferSize @MinBackupSizeForMultipleFiles
@MinDatabaseSizeForDifferentialBackup @MirrorCleanupMode @MirrorCleanupTime @MirrorDirectory @MirrorURL
@ModificationLevel @NoRecovery @NumberOfFiles @ObjectLevelRecoveryMap @OverrideBackupPreference @ReadWriteFileGroups
@RetainDays @ServerAsymmetricKey @ServerCertificate @Stats @StringDelimiter @Threads @Throttle @TimeSinceLastLogBackup
@TokenTimezone @Updateability @URL @Verify
""".upper().split()
)
"""What the procedure can be told, in capitals."""

_SWITCHES = {"@checksum": "CHECKSUM", "@compress": "COMPRESSION", "@format": "FORMAT", "@init": "INIT"}
_VALUES = {
    "@backupoptions": "BACKUP_OPTIONS",
    "@blocksize": "BLOCKSIZE",
    "@buffercount": "BUFFERCOUNT",
    "@description": "DESCRIPTION",
    "@maxtransfersize": "MAXTRANSFERSIZE",
}


def as_backup(call: Call, *, in_transaction: bool) -> Transfer | None:
    """The backup that a call of the procedure makes, if it goes to a URL.

    The procedure makes the names of files itself, so each URL is the start of one.
    """
    url = call.named.get("@url")
    if call.name != PROCEDURE or not url:
        return None
    devices = tuple(_devices(url))
    mirror = call.named.get("@mirrorurl")
    mirrors = (tuple(_devices(mirror)),) if mirror else ()
    options = tuple(_options(call))
    return Transfer("BACKUP", "DATABASE", devices, mirrors, options, call.spot, in_transaction, procedure=PROCEDURE)


def _devices(urls: Value) -> Iterator[Device]:
    at = 0
    for text in urls.text.split(","):
        blanks = len(text) - len(text.lstrip())
        places = urls.places[at + blanks : at + len(text)]
        at += len(text) + 1
        value = type(urls)(text.strip(), places[: len(text.strip())], urls.spot) + hole(urls.spot)
        yield Device("URL", value, Address(value.text, folder=True))


def _options(call: Call) -> Iterator[Option]:
    for name, value in call.named.items():
        if name in _SWITCHES and value.text.upper() == "Y":
            yield Option(_SWITCHES[name], value.spot)
        elif name in _VALUES:
            yield Option(_VALUES[name], value.spot, value)
