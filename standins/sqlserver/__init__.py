"""A stand-in for SQL Server, to rehearse with: it speaks TDS to the real driver and backs up to S3 for real."""
