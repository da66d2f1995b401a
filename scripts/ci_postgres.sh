#!/usr/bin/env bash
# A throw-away PostgreSQL server for tests, on loopback, with its own folder, port and socket folder.
#   ci_postgres.sh start PORT FOLDER   initdb and start; prints the URL for LAB_TUTOR_TEST_POSTGRES_URL
#   ci_postgres.sh stop FOLDER [MODE]  stop the server of that folder (and no other); MODE as pg_ctl has it: fast, immediate
#   ci_postgres.sh again FOLDER PORT   start the server of that folder once more
# INITDB_OPTIONS, between spaces, go to initdb; LARGEST_FILE_KIB is what no file of the server may grow beyond.
# Needs PostgreSQL's own programs (Debian: the package postgresql). PostgreSQL refuses to run as root:
# called by root, the server runs as the user postgres, or nobody where there is none.
set -euo pipefail

die() { echo "ci_postgres.sh: $*" >&2; exit 1; }

bindir() {
  local dir
  for dir in "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin /usr/local/bin; do
    [[ -x $dir/initdb && -x $dir/pg_ctl ]] && { echo "$dir"; return; }
  done
  die "initdb was not found; on Debian: apt install postgresql"
}

as_server() {                                      # run a command as the user who owns the server
  if [[ $(id -u) -ne 0 ]]; then "$@"; return; fi
  local user=postgres
  id postgres > /dev/null 2>&1 || user=nobody
  (cd / && runuser -u "$user" -- "$@")
}

start() {
  local port=${1:?port} folder=${2:?folder} bin password
  bin=$(bindir)
  mkdir -p "$folder/socket"
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  (umask 077 && printf '%s\n' "$password" > "$folder/password")
  if [[ $(id -u) -eq 0 ]]; then chown -R "$(id -u postgres 2>/dev/null || id -u nobody)" "$folder"; fi
  as_server "$bin/initdb" --pgdata="$folder/data" --username=lab_tutor --pwfile="$folder/password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C ${INITDB_OPTIONS:-} > "$folder/initdb.log" 2>&1 \
    || { cat "$folder/initdb.log" >&2; die "initdb failed"; }
  launch "$port" "$folder"
  echo "postgresql+asyncpg://lab_tutor:$password@127.0.0.1:$port/postgres"
}

launch() {
  local port=$1 folder=$2 bin
  bin=$(bindir)
  # A run's data outlive a killed server, and need not outlive the machine: without fsync a TRUNCATE is cheap.
  # The limit is set behind runuser, which sets its own.
  as_server bash -c 'ulimit -S -f "$1"; shift; exec "$@"' limited "${LARGEST_FILE_KIB:-unlimited}" \
    "$bin/pg_ctl" start --wait --timeout=60 --silent --pgdata="$folder/data" --log="$folder/data/server.log" \
    -o "-h 127.0.0.1 -p $port -k '$folder/socket' -c max_connections=200 -c fsync=off -c full_page_writes=off" < /dev/null > /dev/null \
    || { as_server cat "$folder/data/server.log" >&2 || true; die "the server did not start on port $port"; }
}

again() { launch "${2:?port}" "${1:?folder}"; }

stop() {
  local folder=${1:?folder} mode=${2:-fast} bin
  bin=$(bindir)
  as_server "$bin/pg_ctl" stop --mode="$mode" --wait --timeout=30 --silent --pgdata="$folder/data"
}

case ${1:-} in
  start | stop | again) command=$1; shift; "$command" "$@" ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
