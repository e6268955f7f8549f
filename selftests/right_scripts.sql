-- Scripts that are right, as people and their tools write them; a block begins with "--: NAME". {ROOT} is a bucket's URL.

--: as the dialogue of Management Studio writes them
BACKUP DATABASE [Sales] TO  URL = N'{ROOT}/Sales_20261126.bak' WITH  COPY_ONLY, NOFORMAT, NOSKIP, NAME = N'Sales-Full
 Database Backup',  COMPRESSION, ENCRYPTION(ALGORITHM = AES_256, SERVER CERTIFICATE = [Backups]),  STATS = 10, CHECKSUM, CONTINUE_AFTER_ERROR
GO
declare @backupSetId as int
select @backupSetId = position from msdb..backupset where database_name=N'Sales' and backup_set_id=(select max(backup_set_id)
 from msdb..backupset where database_name=N'Sales' )
if @backupSetId is null begin raiserror(N'Verify failed. Backup information for database ''Sales'' not found.', 16, 1) end
RESTORE VERIFYONLY FROM  URL = N'{ROOT}/Sales_20261126.bak' WITH  FILE = 1
GO
RESTORE DATABASE [Sales2] FROM  URL = N'{ROOT}/Sales_20261126.bak' WITH  FILE = 1,  MOVE N'Sales' TO N'D:\Data\Sales2.mdf',
  MOVE N'Sales_log' TO N'D:\Log\Sales2.ldf',  NORECOVERY,  REPLACE,  STATS = 5, KEEP_REPLICATION, RESTRICTED_USER
RESTORE LOG [Sales2] FROM  URL = N'{ROOT}/Sales_20261126.trn' WITH FILE = 1, STOPATMARK = 'lsn:15000000040000037'
  AFTER '2026-11-26T12:00:00', STANDBY = N'D:\undo.dat'
RESTORE DATABASE [Sales2] WITH RECOVERY, ENABLE_BROKER
GO

--: as the procedures of Ola Hallengren do
EXECUTE [dbo].[DatabaseBackup]
@Databases = 'USER_DATABASES, -%Test',
@URL = '{ROOT}',
@BackupType = 'FULL',
@Verify = 'Y',
@Compress = 'Y', @CompressionAlgorithm = 'ZSTD',
@CheckSum = 'Y', @Format = 'Y', @Init = 'N',
@MaxTransferSize = 20971520, @NumberOfFiles = 8, @MinBackupSizeForMultipleFiles = 10240,
@AvailabilityGroups = 'ALL_AVAILABILITY_GROUPS', @Updateability = 'READ_WRITE',
@DirectoryStructure = '{ServerName}${InstanceName}/{DatabaseName}/{BackupType}_{Partial}_{CopyOnly}',
@BackupOptions = '{"s3": {"region":"eu-west-1"}}', @Stats = 5, @DatabasesInParallel = 'N',
@LogToTable = 'Y', @Execute = 'Y'

--: and as that procedure makes its own statements
CREATE PROCEDURE dbo.Backups @Databases nvarchar(max), @URL nvarchar(max) = NULL, @Compress nvarchar(max) = NULL AS
BEGIN
  SET NOCOUNT ON
  DECLARE @CurrentCommand nvarchar(max), @CurrentDatabaseName sysname, @CurrentBackupType nvarchar(max)
  DECLARE @CurrentFiles TABLE (FilePath nvarchar(max), Mirror bit)
  WHILE (1 = 1)
  BEGIN
    SELECT TOP 1 @CurrentDatabaseName = name FROM sys.databases WHERE state_desc = 'ONLINE'
    IF @@ROWCOUNT = 0 BREAK
    SELECT @CurrentCommand = CASE
    WHEN @CurrentBackupType IN('DIFF','FULL') THEN 'BACKUP DATABASE ' + QUOTENAME(@CurrentDatabaseName)
    WHEN @CurrentBackupType = 'LOG' THEN 'BACKUP LOG ' + QUOTENAME(@CurrentDatabaseName)
    END
    SET @CurrentCommand += ' TO'
    SELECT @CurrentCommand += ' URL = N''' + REPLACE(FilePath,'''','''''') + '''' + CASE WHEN ROW_NUMBER() OVER (ORDER BY FilePath ASC)
      <> 4 THEN ',' ELSE '' END
    FROM @CurrentFiles WHERE Mirror = 0 ORDER BY FilePath ASC
    SET @CurrentCommand += ' WITH '
    IF @Compress = 'Y' SET @CurrentCommand += 'COMPRESSION' ELSE SET @CurrentCommand += 'NO_COMPRESSION'
    IF @CurrentBackupType = 'DIFF' SET @CurrentCommand += ', DIFFERENTIAL'
    EXECUTE dbo.CommandExecute @DatabaseContext = 'master', @Command = @CurrentCommand, @CommandType = 'BACKUP_DATABASE', @Mode = 1
    SELECT @CurrentCommand = 'RESTORE VERIFYONLY FROM' + STUFF((SELECT ', URL = N''' + FilePath + '''' FROM @CurrentFiles FOR XML PATH('')), 1, 1, '')
    EXECUTE sp_executesql @CurrentCommand
  END
END
GO

--: as dbatools' commands do
BACKUP DATABASE [Sales] TO  URL = N'{ROOT}/Sales_202611261200-1-of-2.bak',  URL = N'{ROOT}/Sales_202611261200-2-of-2.bak'
 WITH  BLOCKSIZE = 65536,  BUFFERCOUNT = 24,  MAXTRANSFERSIZE = 20971520, NOFORMAT, NAME = N'dbatools', SKIP, COMPRESSION, STATS = 1, CHECKSUM
RESTORE DATABASE [Sales] FROM  URL = N'{ROOT}/Sales_202611261200-1-of-2.bak',  URL = N'{ROOT}/Sales_202611261200-2-of-2.bak'
 WITH  FILE = 1,  MOVE N'Sales' TO N'/var/opt/mssql/data/Sales.mdf',  NORECOVERY,  STATS = 10, BLOCKSIZE = 65536
RESTORE HEADERONLY FROM  URL = N'{ROOT}/Sales_202611261200-1-of-2.bak'
RESTORE FILELISTONLY FROM  URL = N'{ROOT}/Sales_202611261200-1-of-2.bak'
IF NOT EXISTS (SELECT 1 FROM sys.credentials WHERE name = N'{ROOT}')
  CREATE CREDENTIAL [{ROOT}] WITH IDENTITY = N'S3 Access Key', SECRET = N'<key id>:<secret key>'
ELSE ALTER CREDENTIAL [{ROOT}] WITH IDENTITY = N'S3 Access Key', SECRET = N'<key id>:<secret key>'

--: a loop over all databases
DECLARE @name sysname, @sql nvarchar(max), @url nvarchar(400), @stamp char(8) = CONVERT(char(8), SYSDATETIME(), 112);
DECLARE backups CURSOR LOCAL FAST_FORWARD FOR SELECT name FROM sys.databases WHERE database_id > 4;
OPEN backups; FETCH NEXT FROM backups INTO @name;
WHILE @@FETCH_STATUS = 0
BEGIN
    SET @url = N'{ROOT}/' + @name + N'_' + @stamp + N'.bak';
    SET @sql = N'BACKUP DATABASE ' + QUOTENAME(@name) + N' TO URL = @where WITH CHECKSUM, COMPRESSION, FORMAT';
    EXEC sp_executesql @sql, N'@where nvarchar(400)', @where = @url;
    BACKUP LOG @name TO URL = @url WITH CHECKSUM, NO_TRUNCATE, NORECOVERY
    FETCH NEXT FROM backups INTO @name;
END
CLOSE backups; DEALLOCATE backups;

--: one text for all databases
DECLARE @sql nvarchar(max) = N'';
SELECT @sql += N'BACKUP DATABASE ' + QUOTENAME(name) + N' TO URL = N''{ROOT}/' + name + N'_20261126.bak'' WITH CHECKSUM, FORMAT;'
FROM sys.databases WHERE name NOT IN (N'tempdb');
SELECT @sql = STRING_AGG(CAST(N'BACKUP LOG ' + QUOTENAME(name) + N' TO URL = ''' + name AS nvarchar(max)), N';') FROM sys.databases;
EXEC (@sql);

--: files, filegroups, mirrors, snapshots, groups of databases
BACKUP DATABASE Sales FILE = 'a', FILEGROUP = 'b' TO URL = '{ROOT}/20261126_f.bak' WITH CHECKSUM, DIFFERENTIAL;
BACKUP DATABASE Sales READ_WRITE_FILEGROUPS TO URL = '{ROOT}/20261126_p.bak' WITH CHECKSUM
BACKUP DATABASE Sales TO URL = '{ROOT}/20261126_m.bak' MIRROR TO URL = '{ROOT}/20261126_n.bak' WITH FORMAT, CHECKSUM;
BACKUP GROUP Sales, Stock TO URL = '{ROOT}/20261126_g.bkm' WITH METADATA_ONLY, FORMAT, CHECKSUM, MEDIANAME = 'x', MEDIADESCRIPTION = 'y';
RESTORE DATABASE Sales PAGE = '1:57, 1:202' FROM URL = '{ROOT}/20261126_m.bak' WITH NORECOVERY;
RESTORE DATABASE Sales FROM URL = '{ROOT}/20261126_m.bak' WITH PARTIAL, NEW_BROKER, KEEP_CDC, FILESTREAM (DIRECTORY_NAME = fs), STOPAT = '20261126'
RESTORE DATABASE Sales FROM DATABASE_SNAPSHOT = 'Sales_before';
RESTORE VERIFYONLY FROM URL = '{ROOT}/20261126_m.bak' WITH LOADHISTORY, STOP_ON_ERROR, RESTORE_OPTIONS = '{"s3": {"region":"us-east-1"}}'
BACKUP DATABASE Sales TO URL = '{ROOT}/20261126_z.bak' WITH COMPRESSION (ALGORITHM = ZSTD, LEVEL = HIGH), CHECKSUM;
BACKUP DATABASE Sales TO dump, dump2 WITH CHECKSUM
BACKUP LOG Sales TO DISK = 'NUL'
IF @@ERROR <> 0 PRINT 'no log';

--: what is no backup
BACKUP CERTIFICATE Backups TO FILE = 'c.cer' WITH PRIVATE KEY (FILE = 'c.key', ENCRYPTION BY PASSWORD = '<password>');
BACKUP SERVICE MASTER KEY TO FILE = 'k' ENCRYPTION BY PASSWORD = '<password>';
BACKUP MASTER KEY TO FILE = 'm' ENCRYPTION BY PASSWORD = '<password>'
RESTORE MASTER KEY FROM FILE = 'm' DECRYPTION BY PASSWORD = '<password>' ENCRYPTION BY PASSWORD = '<password>';
CREATE CREDENTIAL hsm WITH IDENTITY = 'user', SECRET = 'word' FOR CRYPTOGRAPHIC PROVIDER provider;
CREATE TABLE backups (restored datetime, backup_log nvarchar(9), url nvarchar(400) DEFAULT '{ROOT}');
SELECT backups database_name, restored log FROM backup_log backups WHERE backups.url = 's3://h/b' AND url = 'x';
UPDATE backups SET url = 's3://h/b', name = 'x', format = 'y', stats = 1 FROM backups database_backups WHERE name = 'x';
EXEC dbo.backups database_name; EXEC restored logs, @url = 's3://h/b';
GRANT BACKUP DATABASE, BACKUP LOG TO operators; DENY BACKUP LOG TO others AS dbo;
RESTORE DATABASE Sales WITH RECOVERY
init: GOTO init
