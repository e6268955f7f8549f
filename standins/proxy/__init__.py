"""A TLS reverse proxy before any S3 endpoint: transparent, or with the defects of bad vendors."""
