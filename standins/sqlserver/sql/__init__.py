"""The T-SQL that the suites use, on tables that lie in SQLite files."""
