"""A real collector of OpenTelemetry, Rotel, is sent what a real server traces. Run by `make test-traces`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import rotel as rotel_package
from server import end, free_port, get, start, token, until, upload

# What the collector prints of an upload, once it has all of it.
SPANS = ["POST", "mutation anonymous", "job process", "download the original", *["store a variant"] * 5]


def main():
    with tempfile.TemporaryDirectory() as folder:
        bind, grpc, http = (f"127.0.0.1:{free_port()}" for _ in range(3))
        settings = os.environ | {"DATA_DIR": folder, "RUST_LOG": "error", "BIND": bind}
        log = Path(folder) / "collector.log"
        rotel = Path(rotel_package.__file__).parent / "rotel-agent"
        ends = [f"--otlp-http-endpoint={http}", f"--otlp-grpc-endpoint={grpc}", "--exporter=blackhole"]
        words = [rotel, "start", *ends, "--debug-log=traces", "--debug-log-verbosity=detailed"]
        with log.open("w") as output:
            collector = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT)
        traced = settings | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{http}", "OTEL_BSP_SCHEDULE_DELAY": "100"}
        server = start(traced, "serve")
        try:
            until("the server", lambda: get(f"http://{bind}/readyz"))
            upload(f"http://{bind}/graphql", token(settings))
            has_all = lambda text: all(text.count(name) >= SPANS.count(name) for name in SPANS)
            until("the spans", lambda: has_all(log.read_text()))
            print(f"the collector has all of {sorted(set(SPANS))}")
        finally:
            end(server, collector)
            if "--show" in sys.argv:
                print(log.read_text())


main()
