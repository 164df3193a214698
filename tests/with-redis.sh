#!/usr/bin/env bash
# Runs a command beside a private Redis on a free port of the loopback. Installs it where it may.
# Ends it, by its pid, when the command is over.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v redis-server > /dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server > /dev/null
    else
        echo "please install Redis (Debian: apt-get install redis-server)" >&2
        exit 1
    fi
fi

data=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
redis-server --bind 127.0.0.1 --port "$port" --dir "$data" --save '' --appendonly no > "$data/log" 2>&1 &
REDIS_PID=$!
trap 'kill "$REDIS_PID" 2>/dev/null || true; wait "$REDIS_PID" 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 100); do
    if ! kill -0 "$REDIS_PID" 2>/dev/null; then tail -n 20 "$data/log" >&2; exit 1; fi
    [ "$(redis-cli -p "$port" ping 2>/dev/null || true)" = PONG ] && break
    sleep 0.1
done
export REDIS_PID TEST_REDIS="redis://127.0.0.1:$port"
"$@"
