#!/usr/bin/env bash
# Start-up hook: MinIO, single node, with a user for each role when MinIO's client `mc` is there as well.
# What it removes lies in .trash for up to five minutes (MINIO_API_DELETE_CLEANUP_INTERVAL), which is not counted as residue.
# Install: export GOBIN="${XDG_CACHE_HOME:-$HOME/.cache}/restoreproof/bin"
#          go install github.com/minio/minio@latest && go install github.com/minio/mc@latest
set -euo pipefail
built="${XDG_CACHE_HOME:-$HOME/.cache}/restoreproof/bin"

# find NAME: where the program is, on the search path or among those built for us; nothing if nowhere.
find() { command -v "$1" || { [ -x "$built/$1" ] && echo "$built/$1"; } || true; }

minio=$(find minio)
mc=$(find mc)
if [ -z "$minio" ]; then
  echo "minio is not installed; run: GOBIN=$built go install github.com/minio/minio@latest" >&2
  exit 1
fi

: >"$S3_READY" # users and bucket come after the server answers

# The server looks for fixed file names; the client trusts what lies in certs/CAs of its own folder.
work=$S3_DATA/work
mkdir -p "$work/certs" "$work/mc/certs/CAs" "$S3_DATA/disk"
cp "$S3_CERT" "$work/certs/public.crt"
cp "$S3_KEY" "$work/certs/private.key"
cp "$S3_CA" "$work/mc/certs/CAs/ca.crt"

export MINIO_ROOT_USER=$S3_HOUSEKEEPING_KEY_ID MINIO_ROOT_PASSWORD=$S3_HOUSEKEEPING_SECRET
export MINIO_DOMAIN=$S3_DOMAIN MINIO_BROWSER=off MINIO_REGION=$S3_REGION
"$minio" server --quiet --address "$S3_HOST:$S3_PORT" --certs-dir "$work/certs" "$S3_DATA/disk" &
server=$!

# The version it prints says "development"; the module's version is in the binary, if go is there to read it.
version=$(go version -m "$minio" 2>/dev/null | awk '$1 == "mod" {print $3}' || true)
software="MinIO ${version:-$("$minio" --version | awk 'NR == 1 {print $3}')}"
# Its day, as dotted numbers that ranges of releases can be about: 2026.2.12.
day=$(grep -oE '20[0-9]{2}-?[01][0-9]-?[0-3][0-9]' <<<"$software" | head -n 1 | tr -d - || true)
release=${day:+"${day:0:4}.$((10#${day:4:2})).$((10#${day:6:2}))"}

# say JSON: tell the supervisor that we are ready; renamed, so it is never half read.
say() { printf '%s\n' "$1" >"$S3_READY.new" && mv "$S3_READY.new" "$S3_READY"; }

if [ -z "$mc" ]; then
  say "{\"keys\": [\"housekeeping\"], \"software\": \"$software\", \"release\": \"$release\", \"usage\": [\"du\", \"-sb\", \"--exclude=.trash\", \"$S3_DATA/disk\"]}"
  wait "$server"
  exit
fi

# The alias with the root pair goes by environment, the users' secrets by standard input: never on a command line.
client() { MC_HOST_lab="https://$S3_HOUSEKEEPING_KEY_ID:$S3_HOUSEKEEPING_SECRET@localhost:$S3_PORT" \
  "$mc" --config-dir "$work/mc" --quiet "$@" >/dev/null; }
until client mb --ignore-existing "lab/$S3_BUCKET" 2>/dev/null; do # `mc ready` looks every five seconds only
  kill -0 "$server" # ends the hook if the server has ended
  sleep 0.1
done

# add_user ROLE KEY_ID SECRET ACTIONS: a user who may do these and nothing else; ACTIONS as JSON strings.
add_user() {
  local role=$1 key_id=$2 secret=$3 actions=$4
  cat >"$work/$role.json" <<JSON
{"Version": "2012-10-17",
 "Statement": [{"Effect": "Allow", "Action": [$actions], "Resource": ["arn:aws:s3:::*", "arn:aws:s3:::*/*"]}]}
JSON
  printf '%s\n%s\n' "$key_id" "$secret" | client admin user add lab
  client admin policy create lab "only-$role" "$work/$role.json"
  client admin policy attach lab "only-$role" --user "$key_id"
}
adding=()
add_user backup "$S3_BACKUP_KEY_ID" "$S3_BACKUP_SECRET" '"s3:ListBucket", "s3:PutObject"' & adding+=($!)
add_user restore "$S3_RESTORE_KEY_ID" "$S3_RESTORE_SECRET" '"s3:ListBucket", "s3:GetObject"' & adding+=($!)
add_user list_only "$S3_LIST_ONLY_KEY_ID" "$S3_LIST_ONLY_SECRET" '"s3:ListBucket"' & adding+=($!)
add_user put_only "$S3_PUT_ONLY_KEY_ID" "$S3_PUT_ONLY_SECRET" '"s3:PutObject"' & adding+=($!)
add_user get_only "$S3_GET_ONLY_KEY_ID" "$S3_GET_ONLY_SECRET" '"s3:GetObject"' & adding+=($!)
for one in "${adding[@]}"; do wait "$one"; done
say "{\"bucket\": \"$S3_BUCKET\", \"software\": \"$software\", \"release\": \"$release\",
 \"keys\": [\"backup\", \"restore\", \"housekeeping\", \"list_only\", \"put_only\", \"get_only\"],
 \"usage\": [\"du\", \"-sb\", \"--exclude=.trash\", \"$S3_DATA/disk\"]}"
wait "$server"
