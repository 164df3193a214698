#!/usr/bin/env bash
# Clients that were not written here, against the real program. Installs what it needs where it may.
set -euo pipefail
cd "$(dirname "$0")"

install() {
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" > /dev/null
    else
        echo "please install: $* (Debian: apt-get install $*)" >&2
        exit 1
    fi
}
command -v npm > /dev/null || install nodejs npm
command -v jq > /dev/null || install jq
export CHROMIUM="${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}"
if [ -z "$CHROMIUM" ]; then install chromium; CHROMIUM=$(command -v chromium); fi

export FIREFOX="${FIREFOX:-$(command -v firefox-esr || command -v firefox || true)}"
if [ -z "$FIREFOX" ]; then install firefox-esr; FIREFOX=$(command -v firefox-esr); fi

# Where npm came only now, the pages were not built.
(cd ../.. && make web && cd web && npm run lint && npm test)
npm ci --no-audit --no-fund --silent
# As the tests build it: `cargo build` would choose other features, and build half of it again.
(cd ../.. && cargo test --quiet --no-run --test it)
DARKROOM="${DARKROOM:-$PWD/../../target/debug/darkroom}" npm test
