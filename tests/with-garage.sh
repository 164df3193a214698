#!/usr/bin/env bash
# Runs a command beside a private Garage: a second real S3 that was not written here, on free ports of the loopback.
# Builds it from crates.io into target/tools where it is not there, which takes minutes. Ends it, by its pid, when the command is over.
set -euo pipefail
cd "$(dirname "$0")/.."
tools="$PWD/target/tools/garage"
garage="$tools/bin/garage"
if [ ! -x "$garage" ]; then
    CARGO_TARGET_DIR="$tools/build" cargo install --quiet --locked --root "$tools" garage@2.5.0
    rm -rf "$tools/build"
fi

data=$(mktemp -d)
AWS_ACCESS_KEY_ID=GK$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
AWS_SECRET_ACCESS_KEY=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION=us-east-1
read -r rpc s3 <<< "$(python3 - <<'PYTHON'
import socket
sockets = [socket.socket() for _ in range(2)]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))
PYTHON
)"
cat > "$data/garage.toml" <<TOML
metadata_dir = "$data/meta"
data_dir = "$data/data"
db_engine = "sqlite"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:$rpc"
rpc_public_addr = "127.0.0.1:$rpc"
rpc_secret = "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"

[s3_api]
s3_region = "$AWS_REGION"
api_bind_addr = "127.0.0.1:$s3"
TOML
chmod 600 "$data/garage.toml"
GARAGE_DEFAULT_ACCESS_KEY=$AWS_ACCESS_KEY_ID GARAGE_DEFAULT_SECRET_KEY=$AWS_SECRET_ACCESS_KEY \
    "$garage" -c "$data/garage.toml" server --single-node --default-access-key > "$data/log" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$data"' EXIT
# Ready when the key is there and may make buckets: each test has one of its own.
for _ in $(seq 300); do
    if ! kill -0 "$pid" 2>/dev/null; then tail -n 20 "$data/log" >&2; exit 1; fi
    "$garage" -c "$data/garage.toml" key allow --create-bucket "$AWS_ACCESS_KEY_ID" > /dev/null 2>&1 && ready=1 && break
    sleep 0.2
done
[ "${ready:-}" = 1 ] || { tail -n 20 "$data/log" >&2; exit 1; }
export TEST_S3_ENDPOINT="http://127.0.0.1:$s3"
"$@"
