# make run    one binary, SQLite and S3 inside, on http://localhost:8000
# make test   everything that has to hold, on both storages and with real clients
.PHONY: run test test-rust test-elsewhere test-clients test-s3-tools test-metrics test-traces test-webhooks test-upgrade test-backup test-garage chaos web packages bench bench-api bench-live bench-large bench-completions bench-elsewhere bench-capacity bench-growth bench-imaging bench-efforts \
    bench-queue bench-attacks bench-accounts bench-log-ins bench-console bench-resume corpus schema fmt lint deny clean

export CARGO_TERM_COLOR ?= always
NPM := $(shell command -v npm 2>/dev/null)

run: web
	cargo run --profile trial -- serve

test: lint test-rust test-elsewhere test-clients

# Formatting, clippy without a warning, the schema as the code says (a test). Licences: `make deny`.
lint:
	cargo fmt --check
	cargo clippy --workspace --all-targets --quiet -- --deny warnings

test-rust:
	cargo test

# The suite again, on a real PostgreSQL, a real Redis and a real S3 that was not written here, with every socket at a second
# server; and what is watched once more by PostgreSQL's NOTIFY alone.
test-elsewhere: export TEST_WATCHED_ELSEWHERE = 1
test-elsewhere:
	tests/with-postgres.sh tests/with-redis.sh tests/with-seaweedfs.sh cargo test --test it
	tests/with-postgres.sh tests/with-seaweedfs.sh cargo test --test it -- websocket story changes life relay

# The suite on Garage, another S3 that was not written here. It comes as source, and takes minutes to build.
test-garage:
	tests/with-postgres.sh tests/with-redis.sh tests/with-garage.sh cargo test --test it

# Real clients, a real browser: graphql-http's audit, graphql-ws, Apollo, Chromium.
test-clients: web
	tests/clients/run.sh

# The packages of web/packages as `npm install` takes them, in target/packages.
packages: web
	cd web && npm run packages

# What `make test` does for a minute, for ten: two servers and two workers that are killed, and all that they need going away in turn.
# TEST_SEED repeats a run.
chaos: export CHAOS_SECONDS ?= 600
chaos:
	tests/with-postgres.sh tests/with-redis.sh tests/with-seaweedfs.sh cargo test --test it chaos -- --nocapture

# A real Prometheus scrapes the server, and answers the queries of deploy/grafana and the rules of deploy/prometheus. It has to be
# installed (Debian: apt-get install prometheus).
test-metrics:
	cargo test --quiet --no-run --test it
	DARKROOM=$(CURDIR)/target/debug/darkroom python3 tests/operations/metrics.py

# A real collector of OpenTelemetry, Rotel of PyPI, is sent what a real server traces.
ROTEL := target/tools/rotel/bin/python
test-traces: $(ROTEL)
	cargo test --quiet --no-run --test it
	DARKROOM=$(CURDIR)/target/debug/darkroom $(ROTEL) tests/operations/traces.py

$(ROTEL):
	python3 -m venv target/tools/rotel
	$@ -m pip install --quiet rotel==0.0.1a15

# What a real server sends to a webhook is verified by the library of PyPI, too.
WEBHOOKS := target/tools/webhooks/bin/python
test-webhooks: $(WEBHOOKS)
	cargo test --quiet --no-run --test it
	DARKROOM=$(CURDIR)/target/debug/darkroom $(WEBHOOKS) tests/operations/webhooks.py

$(WEBHOOKS):
	python3 -m venv target/tools/webhooks
	$@ -m pip install --quiet standardwebhooks==1.1.0

# The servers and the worker of a version before, whose binary is OLD, are replaced behind nginx while clients upload. nginx has to
# be installed (Debian: apt-get install nginx).
test-upgrade:
	cargo test --quiet --no-run --test it
	OLD=$(OLD) DARKROOM=$(CURDIR)/target/debug/darkroom tests/with-postgres.sh tests/with-seaweedfs.sh python3 tests/operations/upgrade.py

# Rows and objects are backed up while clients are at work, and restored elsewhere.
test-backup:
	cargo test --quiet --no-run --test it
	DARKROOM=$(CURDIR)/target/debug/darkroom tests/with-postgres.sh tests/with-seaweedfs.sh python3 tests/operations/backup.py

# Five S3 tools on the embedded storage. rclone has to be installed (Debian: apt-get install rclone).
S3_TOOLS := target/s3-tools/bin/python
test-s3-tools: $(S3_TOOLS)
	cargo build --quiet
	DARKROOM=$(CURDIR)/target/debug/darkroom $(S3_TOOLS) tests/s3_tools/tools.py

$(S3_TOOLS): tests/s3_tools/requirements.txt
	python3 -m venv target/s3-tools
	$@ -m pip install --quiet --requirement $<
	@touch $@

# The console and GraphiQL, bundled. Without npm the server is built without them, and says so.
web: web/dist/graphiql.html
web/dist/graphiql.html: $(shell find web -name node_modules -prune -o -name dist -prune -o -name gql -prune -o -type f -print) schema.graphql
ifdef NPM
	cd web && npm ci --no-audit --no-fund && npm run build
	@touch $@ src/http/pages.rs
else
	@echo "npm is not installed: building without the console and GraphiQL (Debian: apt-get install nodejs npm)"
endif

# How fast and how large: see docs/benchmarks.md. PHOTO is a JPEG of 12 megapixels.
BENCH_PYTHON := target/bench-imaging/bin/python
PHOTO ?= ../shared/images/photos/iphone12_12mp_420.jpg
bench: web
	cargo build --release --quiet
	cd bench && npm ci --no-audit --no-fund --silent
	DARKROOM=$(CURDIR)/target/release/darkroom node bench/upload.mjs $(PHOTO)

# Beside Apollo Server 5 on one PostgreSQL with IMAGES images, and beside a bare handler.
bench-api:
	cargo build --release --quiet --package darkroom --package bare-peer
	cd bench && npm ci --no-audit --no-fund --silent && cd peers/apollo && npm ci --no-audit --no-fund --silent
	DARKROOM=$(CURDIR)/target/release/darkroom BARE=$(CURDIR)/target/release/bare-peer \
	    tests/with-postgres.sh node bench/api.mjs

# A file of 1 GiB by POST, beside nginx's WebDAV, which has to be installed (Debian: apt-get install nginx-light).
bench-large:
	cargo build --release --quiet
	DARKROOM=$(CURDIR)/target/release/darkroom node bench/large.mjs

# A thousand watchers, and an event to all of them, beside GraphQL Yoga and a bare broadcast. Takes about three minutes.
bench-live:
	cargo build --release --quiet --package darkroom --package broadcast-peer
	cd bench && npm ci --no-audit --no-fund --silent && cd peers/yoga && npm ci --no-audit --no-fund --silent
	DARKROOM=$(CURDIR)/target/release/darkroom BROADCAST=$(CURDIR)/target/release/broadcast-peer node bench/live.mjs

# How many small photos a second are completed. PROGRAMS are those to compare, a list with commas; SMALL is a JPEG of 200 KB.
SMALL ?= target/small.jpg
bench-completions: $(BENCH_PYTHON)
	cargo build --release --quiet
	$(BENCH_PYTHON) bench/small.py $(PHOTO) $(SMALL)
	PROGRAMS=$(or $(PROGRAMS),$(CURDIR)/target/release/darkroom) node bench/completions.mjs $(SMALL)

# How much later a watcher hears of a change on another server, by NOTIFY and by Redis. SMALL is a JPEG of 200 KB.
bench-elsewhere: $(BENCH_PYTHON)
	cargo build --release --quiet
	cd tests/clients && npm ci --no-audit --no-fund --silent
	$(BENCH_PYTHON) bench/small.py $(PHOTO) $(SMALL)
	DARKROOM=$(CURDIR)/target/release/darkroom tests/with-postgres.sh tests/with-redis.sh tests/with-seaweedfs.sh \
	    node bench/elsewhere.mjs $(SMALL)

# Photos a second with 1, 2 and 4 workers, tickets a second with one server and two, and what is busy meanwhile.
bench-capacity: $(BENCH_PYTHON)
	cargo build --release --quiet
	cd bench && npm ci --no-audit --no-fund --silent
	$(BENCH_PYTHON) bench/small.py $(PHOTO) $(SMALL)
	DARKROOM=$(CURDIR)/target/release/darkroom tests/with-postgres.sh tests/with-seaweedfs.sh node bench/capacity.mjs $(SMALL)

# Lists, searches and statistics at 10,000, 100,000 and 1,000,000 images, on both databases. Takes about a quarter of an hour.
bench-growth:
	cargo build --release --quiet
	DARKROOM=$(CURDIR)/target/release/darkroom tests/with-postgres.sh node bench/growth.mjs

# The console in Chromium, four times slower: its first page, and 100,000 images scrolled through, beside another grid. Takes
# about twenty minutes.
bench-console: web
	cargo build --release --quiet --package darkroom
	cd bench && npm ci --no-audit --no-fund --silent
	cd bench/peers/grid && npm ci --no-audit --no-fund --silent && npm run --silent build
	DARKROOM=$(CURDIR)/target/release/darkroom node bench/console.mjs

# 1 GiB in parts from Chromium, which is closed at half and opened again.
bench-resume: web
	cargo build --release --quiet --package darkroom
	cd tests/clients && npm ci --no-audit --no-fund --silent
	DARKROOM=$(CURDIR)/target/release/darkroom node bench/resume.mjs

# Lists, searches and permission checks with 100 users and with 100,000, 10,000 groups and 1,000,000 shares, on both databases.
bench-accounts:
	cargo build --release --quiet
	DARKROOM=$(CURDIR)/target/release/darkroom tests/with-postgres.sh node bench/accounts.mjs

# 10,000 wrong passwords at one account in three ways, and the time of a refusal. Takes about a minute.
bench-log-ins:
	cargo build --release --quiet --package darkroom
	cd bench && npm ci --no-audit --no-fund --silent
	DARKROOM=$(CURDIR)/target/release/darkroom node bench/log-ins.mjs

# The image pipeline beside sharp, on the photos in PHOTOS. Takes about a minute for each. With nasm installed, JPEG is decoded by SIMD
# code, as in the image of the Dockerfile.
PHOTOS ?= $(PHOTO) $(filter-out $(PHOTO),$(wildcard $(dir $(PHOTO))*.jpg))
bench-imaging: $(BENCH_PYTHON)
	cargo build --release --quiet --package bench-imaging
	cd bench/peers/sharp && npm ci --no-audit --no-fund --silent
	BENCH_IMAGING=$(CURDIR)/target/release/bench-imaging $(BENCH_PYTHON) bench/imaging/compare.py $(PHOTOS)

# Any folder of pictures beside Pillow and Chromium, which has to be installed (Debian: apt-get install chromium): a table by kind, and
# what is different by file on stderr. DIR is the folder.
CORPUS_PYTHON := target/corpus/bin/python
corpus: $(CORPUS_PYTHON)
	cargo build --release --quiet
	cd bench && npm ci --no-audit --no-fund --silent
	PROGRAM=$(CURDIR)/target/release/darkroom $(CORPUS_PYTHON) bench/corpus/compare.py $(DIR)

$(CORPUS_PYTHON): bench/corpus/requirements.txt
	python3 -m venv target/corpus
	$@ -m pip install --quiet --requirement $<
	@touch $@

# What libwebp's settings cost and give: the tables of docs/decisions/0033.
bench-efforts: $(BENCH_PYTHON)
	cargo build --release --quiet --package bench-imaging
	BENCH_IMAGING=$(CURDIR)/target/release/bench-imaging $(BENCH_PYTHON) bench/imaging/efforts.py $(PHOTOS)

$(BENCH_PYTHON): bench/imaging/requirements.txt
	python3 -m venv target/bench-imaging
	$@ -m pip install --quiet --requirement $<
	@touch $@

# Two hundred photos queued at once, and little memory for them: all are made, and the processes together stay small.
bench-queue: web
	cargo build --release --quiet
	cd bench && npm ci --no-audit --no-fund --silent
	DARKROOM=$(CURDIR)/target/release/darkroom node bench/queue.mjs $(PHOTO)

# What attackers take, and what somebody else feels meanwhile. Takes about six minutes. BEFORE is a program to compare with.
bench-attacks: web
	cargo build --release --quiet
	$(if $(BEFORE),DARKROOM=$(BEFORE) node bench/attacks.mjs)
	DARKROOM=$(CURDIR)/target/release/darkroom node bench/attacks.mjs

schema:
	cargo run --quiet -- schema > schema.graphql

fmt:
	cargo fmt

deny:
	cargo deny check licenses bans sources

clean:
	rm -rf target web/dist web/node_modules tests/clients/node_modules
