#!/usr/bin/env bash
# Runs a command beside a private PostgreSQL on a free port of the loopback. Installs it where it may.
# Ends it, by its data folder, when the command is over.
set -euo pipefail
cd "$(dirname "$0")/.."
find_bin() { ls -d /usr/lib/postgresql/*/bin /usr/local/pgsql/bin 2> /dev/null | sort -V | tail -n 1 || true; }
bin=$(find_bin)
if [ -z "$bin" ] || [ ! -x "$bin/initdb" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql > /dev/null
        bin=$(find_bin)
    else
        echo "please install PostgreSQL (Debian: apt-get install postgresql)" >&2
        exit 1
    fi
fi

data=$(mktemp -d)
# It refuses to run as root.
as_owner=()
if [ "$(id -u)" = 0 ]; then
    chown postgres "$data"
    as_owner=(runuser -u postgres --)
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
options="-p $port -k $data -c listen_addresses=127.0.0.1 -c max_connections=300 -c fsync=off"
(cd "$data" && "${as_owner[@]}" "$bin/initdb" -D "$data/db" -U darkroom -A trust > "$data/initdb.log")
(cd "$data" && "${as_owner[@]}" "$bin/pg_ctl" -D "$data/db" -o "$options" -l "$data/log" -w start > /dev/null)
trap '"${as_owner[@]}" "$bin/pg_ctl" -D "$data/db" -m immediate stop > /dev/null 2>&1 || true; rm -rf "$data"' EXIT
export TEST_POSTGRES="postgres://darkroom@127.0.0.1:$port"
POSTGRES_PID=$(head -n 1 "$data/db/postmaster.pid")
export POSTGRES_PID
"$@"
