#!/bin/bash
# A throw-away S3 server on this machine: Ceph's RADOS gateway on a one-disk cluster that lives in memory.
#
#   s3-server.sh start DIRECTORY [OWNER]   starts it and prints http://KEY:SECRET@127.0.0.1:PORT
#   s3-server.sh stop DIRECTORY            ends its processes and removes the directory
#
# When a process OWNER is given, the server ends soon after it, however that one ends.
#
# Everything it writes is below DIRECTORY; ports are whatever is free. It needs the programs of the Debian packages
# ceph-mon, ceph-osd, radosgw and ceph-common, and neither root nor systemd. The credentials protect nothing.
set -euo pipefail

ACCESS_KEY=ballast-test-key
SECRET_KEY=ballast-test-secret
START_TIMEOUT_SECONDS=90

main() {
  command=$1
  directory=$2
  owner=${3:-}
  case $command in
    start) start ;;
    stop) stop ;;
    guard) guard ;;
    *) echo "usage: s3-server.sh start DIRECTORY [OWNER] | stop DIRECTORY" >&2; exit 2 ;;
  esac
}

start() {
  mkdir -p "$directory"/{monitor,run,log}
  directory=$(cd "$directory" && pwd)
  [ -z "$owner" ] || launch guard "$0" guard "$directory" "$owner"
  export CEPH_CONF=$directory/ceph.conf
  cluster_id=$(uuid)
  monitor_port=$(free_port 20000)
  gateway_port=$(free_port 25000)
  write_configuration

  # The monitor keeps the cluster's map; it needs to know its own address before it first starts.
  monmaptool --create --fsid "$cluster_id" --addv a "[v2:127.0.0.1:$monitor_port]" "$directory/monmap" >"$directory/log/monmap.out"
  ceph-mon --mkfs --id a --monmap "$directory/monmap"
  launch monitor ceph-mon -f --id a

  # One storage daemon, whose disk is memory.
  disk_id=$(uuid)
  mkdir "$directory/disk0"
  ceph --connect-timeout 30 osd new "$disk_id" 0 >/dev/null
  ceph-osd --id 0 --mkfs --osd-uuid "$disk_id" 2>"$directory/log/mkfs.out"
  launch storage ceph-osd -f --id 0
  wait_until "ceph osd stat 2>/dev/null | grep -q '1 up'"

  # Objects can be put into the storage class GLACIER, as a listing shows it; the gateway still serves them.
  radosgw-admin user create --uid=test --display-name=test --access-key="$ACCESS_KEY" --secret="$SECRET_KEY" >"$directory/log/user.out" 2>&1
  radosgw-admin zonegroup placement add --rgw-zonegroup default --placement-id default-placement --storage-class GLACIER >>"$directory/log/user.out" 2>&1
  radosgw-admin zone placement add --rgw-zone default --placement-id default-placement --storage-class GLACIER \
    --data-pool default.rgw.glacier.data >>"$directory/log/user.out" 2>&1
  launch gateway radosgw -f -n client.gateway --rgw-frontends="beast endpoint=127.0.0.1:$gateway_port tcp_nodelay=1"
  wait_until "curl --silent --output /dev/null http://127.0.0.1:$gateway_port/"
  echo "http://$ACCESS_KEY:$SECRET_KEY@127.0.0.1:$gateway_port"
}

stop() {
  local file pid
  for file in "$directory"/*.pid; do
    [ -e "$file" ] || continue
    pid=$(cat "$file")
    # Nothing in it is worth an orderly end. The guard that comes here need not end itself.
    [ "$pid" = $$ ] || kill -KILL "$pid" 2>/dev/null || true
  done
  rm -rf "$directory"
}

# Runs beside the server for as long as its owner does, and ends it then.
guard() {
  while [ -d "$directory" ] && kill -0 "$owner" 2>/dev/null; do
    sleep 1
  done
  stop
}

write_configuration() {
  cat >"$CEPH_CONF" <<CONFIGURATION
[global]
fsid = $cluster_id
mon_host = [v2:127.0.0.1:$monitor_port]
mon_initial_members = a
mon_data = $directory/monitor
osd_data = $directory/disk\$id
run_dir = $directory/run
log_file = $directory/log/\$name.log
mon_cluster_log_file = $directory/log/cluster.log
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_port_min = $((monitor_port + 10))
ms_bind_port_max = $((monitor_port + 200))

# Nobody but the tests can reach it.
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc

# One copy on one disk, few placement groups, and no pauses between elections: it is up in a second.
osd_objectstore = memstore
memstore_device_bytes = 8589934592
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_class_update_on_start = false
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
mon_data_avail_crit = 1
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
rgw_rados_pool_pg_num_min = 8
rgw_dynamic_resharding = false
# Encryption is accepted without TLS.
rgw_crypt_require_ssl = false
# What tests delete gives its memory back at once.
rgw_gc_obj_min_wait = 5
rgw_gc_processor_period = 5
rgw_gc_processor_max_time = 5
CONFIGURATION
}

# launch NAME PROGRAM ARGUMENT...: runs it in a session of its own, so that ^C in a terminal leaves its end to us.
launch() {
  local name=$1
  shift
  setsid "$@" >"$directory/log/$name.out" 2>&1 </dev/null &
  echo $! >"$directory/$name.pid"
}

wait_until() {
  local deadline=$((SECONDS + START_TIMEOUT_SECONDS))
  until eval "$1"; do
    if [ $SECONDS -ge $deadline ]; then
      echo "s3-server.sh: gave up waiting for: $1; see $directory/log" >&2
      exit 1
    fi
    sleep 0.1
  done
}

# free_port BASE: a port near BASE, the same 300 apart for every run, at which nothing listens.
free_port() {
  local attempt port
  for attempt in $(seq 1 50); do
    port=$(($1 + RANDOM % 16 * 300 + attempt))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  echo "s3-server.sh: found no free port" >&2
  exit 1
}

uuid() {
  cat /proc/sys/kernel/random/uuid
}

main "$@"
