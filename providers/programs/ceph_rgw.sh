#!/usr/bin/env bash
# Start-up hook: two Ceph RGW before one monitor and one OSD (bluestore on a sparse file), on loopback, no systemd, no root.
# Makes the bucket and three users; a bucket policy lets the backup user list and write, the restore user list and read.
# Install (Debian, Ubuntu): sudo apt-get install --no-install-recommends ceph-mon ceph-osd radosgw curl
set -euo pipefail

for program in ceph-mon ceph-osd ceph radosgw radosgw-admin curl; do
  command -v "$program" >/dev/null || {
    echo "$program is not installed; run: sudo apt-get install --no-install-recommends ceph-mon ceph-osd radosgw curl" >&2
    exit 1
  }
done
: >"$S3_READY" # users and bucket come after the server answers

D=$S3_DATA
mkdir -p "$D"/{run,log,mon,osd,rgw}
export CEPH_CONF=$D/ceph.conf
fsid=$(</proc/sys/kernel/random/uuid)
osd_id=$(</proc/sys/kernel/random/uuid)

# One copy of everything, few placement groups, a monitor that does not dawdle and does not mind a nearly full disk.
cat >"$CEPH_CONF" <<CONF
[global]
fsid = $fsid
mon_host = [v2:$S3_HOST:$S3_SPARE_PORT]
mon_initial_members = a
public_addr = $S3_HOST
cluster_addr = $S3_HOST
ms_bind_ipv6 = false
ms_bind_msgr1 = false
auth_allow_insecure_global_id_reclaim = false
run_dir = $D/run
admin_socket =
pid_file =
log_file = $D/log/\$name.log
mon_cluster_log_file = $D/log/cluster.log
crash_dir = $D/run
keyring = $D/admin.keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_max_pg_per_osd = 1000
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
paxos_propose_interval = 0.1
paxos_min_wait = 0.01
mon_tick_interval = 1
[mon]
mon_data = $D/mon
mon_data_avail_crit = 1
mon_data_avail_warn = 2
mon_osd_full_ratio = 0.97
mon_osd_backfillfull_ratio = 0.96
mon_osd_nearfull_ratio = 0.95
[osd]
osd_data = $D/osd
keyring = $D/osd/keyring
osd_objectstore = bluestore
bluestore_block_size = 21474836480
bluestore_block_create = true
bluestore_fsck_on_mount = false
osd_memory_target = 1073741824
CONF
for gateway in "a $S3_PORT" "b $S3_SECOND_PORT"; do
  read -r name port <<<"$gateway"
  cat >>"$CEPH_CONF" <<CONF
[client.rgw.$name]
keyring = $D/rgw/$name.keyring
rgw_data = $D/rgw
rgw_frontends = beast ssl_endpoint=$S3_HOST:$port ssl_certificate=$S3_BUNDLE
rgw_dns_name = $S3_DOMAIN
rgw_enable_usage_log = false
rgw_thread_pool_size = 64
CONF
done

{ # monitor, then OSD
  ceph-authtool --create-keyring "$D/mon.keyring" --gen-key -n mon. --cap mon 'allow *'
  ceph-authtool --create-keyring "$D/admin.keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *'
  ceph-authtool "$D/mon.keyring" --import-keyring "$D/admin.keyring"
  monmaptool --create --fsid "$fsid" --addv a "[v2:$S3_HOST:$S3_SPARE_PORT]" "$D/monmap"
  ceph-mon --mkfs -i a --monmap "$D/monmap" --keyring "$D/mon.keyring"
  ceph-mon -f -i a &
  secret=$(ceph-authtool --gen-print-key) # a key of this throw-away cluster, not of S3
  ceph osd new "$osd_id" -i - <<<"{\"cephx_secret\": \"$secret\"}"
  ceph-authtool --create-keyring "$D/osd/keyring" --name osd.0 --add-key "$secret"
  for name in a b; do
    ceph auth get-or-create "client.rgw.$name" mon 'allow rw' osd 'allow rwx' -o "$D/rgw/$name.keyring"
  done
  ceph-osd --mkfs -i 0 --osd-uuid "$osd_id"
  ceph-osd -f -i 0 &
} >"$D/log/cluster.out" 2>&1
radosgw -f -n client.rgw.a >"$D/log/rgw.out" 2>&1 & # waits for the OSD by itself
rgw=$!

# wait_for PID URL: until a gateway answers; ends the hook if it has ended.
wait_for() {
  until curl --silent --cacert "$S3_CA" --output /dev/null "$2/"; do
    kill -0 "$1"
    sleep 0.1
  done
}

# RGW takes any other host name than its own for a bucket's, localhost too; an address is fine.
url=https://$S3_HOST:$S3_PORT

# request CURL-OPTION...: a signed request; the key pair goes by standard input, never on the command line.
request() {
  curl --silent --show-error --fail-with-body --cacert "$S3_CA" --config - "$@" <<CURL
user = "$S3_HOUSEKEEPING_KEY_ID:$S3_HOUSEKEEPING_SECRET"
aws-sigv4 = "aws:amz:$S3_REGION:s3"
header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"
CURL
}
wait_for "$rgw" "$url"
radosgw -f -n client.rgw.b >"$D/log/second.out" 2>&1 & # pools and zone are there now: two at once would both make them
second=$!

# add_user NAME KEY_ID SECRET MAX_BUCKETS (-1: none); by standard input, for the same reason.
add_user() {
  radosgw-admin metadata put "user:$1" >>"$D/log/admin.out" 2>&1 <<JSON
{"key": "user:$1", "ver": {"tag": "$1", "ver": 1}, "data": {"user_id": "$1", "display_name": "$1", "max_buckets": $4,
 "op_mask": "read, write, delete", "type": "rgw", "keys": [{"user": "$1", "access_key": "$2", "secret_key": "$3"}]}}
JSON
}
add_user housekeeping "$S3_HOUSEKEEPING_KEY_ID" "$S3_HOUSEKEEPING_SECRET" 1000
add_user backup "$S3_BACKUP_KEY_ID" "$S3_BACKUP_SECRET" -1
add_user restore "$S3_RESTORE_KEY_ID" "$S3_RESTORE_SECRET" -1
add_user list_only "$S3_LIST_ONLY_KEY_ID" "$S3_LIST_ONLY_SECRET" -1
add_user put_only "$S3_PUT_ONLY_KEY_ID" "$S3_PUT_ONLY_SECRET" -1
add_user get_only "$S3_GET_ONLY_KEY_ID" "$S3_GET_ONLY_SECRET" -1

# Objects belong to who wrote them: the bucket's owner needs to be allowed in, and the writer denied to read.
cat >"$D/policy.json" <<JSON
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow",
   "Principal": {"AWS": ["arn:aws:iam:::user/backup", "arn:aws:iam:::user/restore", "arn:aws:iam:::user/list_only"]},
   "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::$S3_BUCKET"},
  {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/backup", "arn:aws:iam:::user/put_only"]},
   "Action": "s3:PutObject", "Resource": "arn:aws:s3:::$S3_BUCKET/*"},
  {"Effect": "Deny", "Principal": {"AWS": ["arn:aws:iam:::user/backup", "arn:aws:iam:::user/put_only"]},
   "Action": "s3:GetObject", "Resource": "arn:aws:s3:::$S3_BUCKET/*"},
  {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/restore", "arn:aws:iam:::user/get_only"]},
   "Action": "s3:GetObject", "Resource": "arn:aws:s3:::$S3_BUCKET/*"},
  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam:::user/housekeeping"},
   "Action": "s3:*", "Resource": ["arn:aws:s3:::$S3_BUCKET", "arn:aws:s3:::$S3_BUCKET/*"]}]}
JSON
request --request PUT "$url/$S3_BUCKET"
request --upload-file "$D/policy.json" "$url/$S3_BUCKET?policy="

wait_for "$second" "https://$S3_HOST:$S3_SECOND_PORT"

version=$(radosgw --version | awk '{print $3}')
printf '{"host": "%s", "bucket": "%s", "second_node": true,
 "keys": ["backup", "restore", "housekeeping", "list_only", "put_only", "get_only"],
 "software": "Ceph RGW %s", "release": "%s"}\n' \
  "$S3_HOST" "$S3_BUCKET" "$version" "$version" >"$S3_READY.new"
mv "$S3_READY.new" "$S3_READY" # renamed, so it is never half read
wait -n "$rgw" "$second"
