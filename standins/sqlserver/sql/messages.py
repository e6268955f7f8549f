"""Numbers and texts of SQL Server's messages.

Numbers and texts are those of Microsoft's "Database Engine events and errors" unless a line says otherwise.
"""

from __future__ import annotations

from restoreproof.standins.sqlserver.session import SqlError

__all__ = ["TEXTS", "error", "refused"]

_SYNTAX = 15
TEXTS: dict[int, str] = {
    137: 'Must declare the scalar variable "{}".',
    134: "The variable name '{}' has already been declared. Variable names must be unique within a query batch or "
    "stored procedure.",
    207: "Invalid column name '{}'.",
    208: "Invalid object name '{}'.",
    220: "Arithmetic overflow error for data type {}, value = {}.",
    241: "Conversion failed when converting date and/or time from character string.",
    245: "Conversion failed when converting the {} value '{}' to data type {}.",
    271: 'The column "{}" cannot be modified because it is either a computed column or is the result of a UNION '
    "operator.",
    515: "Cannot insert the value NULL into column '{}', table '{}'; column does not allow nulls. {} fails.",
    544: "Cannot insert explicit value for identity column in table '{}' when IDENTITY_INSERT is set to OFF.",
    547: 'The {} statement conflicted with a constraint in database "{}": {}.',
    652: 'The index for table "dbo.{}" resides on a read-only filegroup ("{}"), which cannot be modified.',
    911: "Database '{}' does not exist. Make sure that the name is entered correctly.",
    924: "Database '{}' is already open and can only have one user at a time.",
    927: "Database '{}' cannot be opened. It is in the middle of a restore.",
    942: "Database '{}' cannot be opened because it is offline.",
    1801: "Database '{}' already exists. Choose a different database name.",
    1834: "The file '{}' cannot be overwritten. It is being used by database '{}'.",
    1969: "Default FILESTREAM filegroup is not available in this database.",
    2627: "Violation of PRIMARY KEY constraint 'PK__{0}'. Cannot insert duplicate key in object '{1}'.",
    2628: "String or binary data would be truncated in table '{}', column '{}'. Truncated value: '{}'.",
    2714: "There is already an object named '{}' in the database.",
    2715: "Column, parameter, or variable #1: Cannot find data type {}.",
    3010: "Invalid backup mirror specification. All mirrors must have the same number of members.",
    3011: "All backup devices must be of the same general class (for example, DISK and TAPE).",
    3013: "{} is terminating abnormally.",
    3021: "Cannot perform a backup or restore operation within a transaction.",
    1828: 'The logical file name "{}" is already in use. Choose a different name.',
    1921: "Invalid filegroup '{}' specified.",
    3027: 'The filegroup "{}" is not part of the database.',
    3031: "Option '{}' conflicts with option(s) '{}'. Remove the conflicting option and reissue the statement.",
    3032: "One or more of the options ({}) are not supported for this statement. Review the documentation for "
    "supported "
    "options.",
    3035: 'Cannot perform a differential backup for database "{}", because a current database backup does not exist. '
    "Perform a full database backup by reissuing BACKUP DATABASE, omitting the WITH DIFFERENTIAL option.",
    3036: 'The database "{}" is in warm-standby state (set by executing RESTORE WITH STANDBY) and cannot be backed up '
    "until the entire restore sequence is completed.",
    3041: "BACKUP failed to complete the command {}. Check the backup application log for detailed messages.",
    3044: "Invalid zero-length device name. Reissue the BACKUP statement with a valid device name.",
    3057: "Invalid device name. The length of the device name provided exceeds supported limit (maximum length is:{}). "
    "Reissue the BACKUP statement with a valid device name.",
    3073: "The option WITH FILE_SNAPSHOT is only permitted if all database files are in Azure Storage.",  # text: guess
    3078: 'The file name "{}" is invalid as a backup device name for the specified device type. Reissue the BACKUP '
    "statement with a valid file name and device type.",
    3101: "Exclusive access could not be obtained because the database is in use.",
    3102: "{} cannot process database '{}' because it is in use by this session. It is recommended that the master "
    "database be used when performing this operation.",
    3117: "The log or differential backup cannot be restored because no files are ready to rollforward.",
    3118: 'The database "{}" does not exist. RESTORE can only create a database when restoring either a full backup or '
    "a file backup of the primary file.",
    3119: "Problems were identified while planning for the RESTORE statement. Previous messages provide details.",
    3132: "The media set has {} media families but only {} are provided. All members must be provided.",
    3135: "The backup set in file '{}' was created by {} and cannot be used for this restore operation.",
    3136: "This differential backup cannot be restored because the database has not been restored to the correct "
    "earlier state.",
    3144: "File '{}' was not backed up in file 1 on device '{}'. The file cannot be restored from this backup set.",
    3147: "Backup and restore operations are not allowed on database tempdb.",
    3153: "The database is already fully recovered.",
    3154: "The backup set holds a backup of a database other than the existing '{}' database.",
    3156: "File '{}' cannot be restored to '{}'. Use WITH MOVE to identify a valid location for the file.",
    3159: 'The tail of the log for the database "{}" has not been backed up. Use BACKUP LOG WITH NORECOVERY to backup '
    "the log if it contains work you do not want to lose. Use the WITH REPLACE or WITH STOPAT clause of the RESTORE "
    "statement to just overwrite the contents of the log.",
    3184: "RESTORE WITH CONTINUE_AFTER_ERROR was successful but some damage was encountered. Inconsistencies in the "
    "database are possible.",
    3187: "RESTORE WITH CHECKSUM cannot be specified because the backup set does not contain checksum information.",
    3201: "Cannot open backup device '{}'. Operating system error {}.",
    3205: "Too many backup devices specified for backup or restore; only {} are allowed.",
    3206: "Backup device '{}' does not exist. To view existing backup devices, use the sys.backup_devices "
    "catalog view. "
    "To create a new backup device use either sp_addumpdevice or SQL Server Management Studio.",
    3214: "Too many backup mirrors are specified. Only {} are allowed.",
    3215: "Use WITH FORMAT to create a new mirrored backup set.",
    3216: "RESTORE REWINDONLY is only applicable to tape devices.",
    3217: "Invalid value specified for {} parameter.",
    3233: "Invalid Identity Specified for the S3 Credential. Credential Identity should be S3 Access Key.",
    3234: "Logical file '{}' is not part of database '{}'. Use RESTORE FILELISTONLY to list the logical file names.",
    3235: 'The file "{}" is not part of database "{}". You can only list files that are members of this database.',
    3241: "The media family on device '{}' is incorrectly formed. SQL Server cannot process this media family.",
    3244: "Descriptor block size exceeds {} bytes. Use a shorter name and/or description string and retry the "
    "operation.",
    3250: "The value '{}' is not within range for the {} parameter.",
    3253: "The block size parameter must supply a value that is a power of 2.",
    3287: "The file ID {} on device '{}' is invalid.",  # text: guess
    3288: "The credential '{}' does not exist, or the login has no permission for it.",  # text: guess
    3297: "The URL '{}' does not meet the requirements for a backup device.",  # text: guess
    3701: "Cannot drop the {} '{}', because it does not exist or you do not have permission.",
    3702: 'Cannot drop database "{}" because it is currently in use.',
    3716: "The {} '{}' cannot be dropped because it is bound to one or more {}.",
    3906: 'Failed to update database "{}" because the database is read-only.',
    4060: 'Cannot open database "{}" requested by the login. The login failed.',
    4208: "The statement {} is not allowed while the recovery model is SIMPLE. Use BACKUP DATABASE or change the "
    "recovery model using ALTER DATABASE.",
    4214: "BACKUP LOG cannot be performed because there is no current database backup.",
    4305: "The log in this backup set begins at LSN {}, which is too recent to apply to the database. An earlier log "
    "backup that includes LSN {} can be restored.",
    4326: "The log in this backup set terminates at LSN {}, which is too early to apply to the database. A more recent "
    "log backup that includes LSN {} can be restored.",
    4330: "This backup set cannot be applied because it is on a recovery path that is inconsistent with the database. "
    "The recovery path is the sequence of data and log backups that have brought the database to a particular "
    "recovery point. Find a compatible backup to restore, or restore the rest of the database to match a recovery "
    "point within this backup set, which will restore the database to a different point in time.",
    4333: "The database cannot be recovered because the log was not restored.",
    4335: "The specified STOPAT time is too early. All or part of the database is already rolled forward beyond that "
    "point.",
    4338: "The STOPAT clause specifies a point too early to allow this backup set to be restored. Choose a different "
    "stop point or use RESTORE DATABASE WITH RECOVERY to recover at the current point.",
    6106: "Process ID {} is not an active process ID.",
    8115: "Arithmetic overflow error converting {} to data type {}.",
    8134: "Divide by zero error encountered.",
    8653: "The query processor is unable to produce a plan for the table or view '{}' because the table resides in a "
    "filegroup that is not online.",
    15151: "Cannot {} the {} '{}', because it does not exist or you do not have permission.",
    15247: "User does not have permission to perform this action.",
    15530: 'The {} with name "{}" already exists.',
    15581: "Please create a master key in the database or open the master key in the session before performing this "
    "operation.",
    18456: "Login failed for user '{}'.",
    33091: "Warning: The certificate used for encrypting the database encryption key has not been backed up. You "
    "should immediately back up the certificate and the private key associated with the certificate.",
    33103: "A database encryption key already exists for this database.",
    33106: "Cannot change database encryption state because no database encryption key is set.",
    33111: "Cannot find server certificate with thumbprint '{}'.",
    41337: "Cannot create memory optimized tables. To create memory optimized tables, the database must have a "
    "MEMORY_OPTIMIZED_FILEGROUP that is online and has at least one container.",
}
_SEVERITIES = {137: 15, 134: 15, 2628: 16, 4060: 11, 3701: 11, 18456: 14, 15247: 14, 927: 14}


def error(number: int, *values: object, line: int = 1, state: int = 1) -> SqlError:
    """A message with its placeholders filled in."""
    return SqlError(number, TEXTS[number].format(*values), severity=_SEVERITIES.get(number, 16), state=state, line=line)


def refused(what: str, line: int = 1) -> SqlError:
    """What the stand-in does not know; SQL Server has no such message, so that nobody takes it for one of its own."""
    return SqlError(50001, f"The stand-in for SQL Server does not know this: {what}", severity=_SYNTAX + 1, line=line)
