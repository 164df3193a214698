"""A real Prometheus scrapes a real server, and answers every query of the dashboard and of the alert rules. Run by
`make test-metrics`; needs `prometheus` and `promtool` (Debian: apt-get install prometheus). DARKROOM is the server's binary.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

DEPLOY = Path(__file__).parent.parent / "deploy"
PICTURE = Path(__file__).parent / "fixtures/images/rgb.png"
TICKET = """mutation ($input: RequestUploadInput!) {
  requestUpload(input: $input) { upload { image { id } url fields { name value } } userErrors { message } } }"""
COMPLETE = "mutation ($input: CompleteUploadInput!) { completeUpload(input: $input) { userErrors { message } } }"
PATIENCE = 60


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url, token=None, body=None):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def until(what, has_come):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if (found := has_come()) not in (None, False):
                return found
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit(f"never came: {what}")


def upload(graphql, token):
    """One picture, so that what counts uploads has something to tell."""
    categories = get(graphql, token, {"query": "{ categories { id } }"})["data"]["categories"]
    picture = PICTURE.read_bytes()
    input = {"filename": "a.png", "contentType": "image/png", "fileSize": len(picture), "categoryId": categories[0]["id"]}
    ticket = get(graphql, token, {"query": TICKET, "variables": {"input": input}})["data"]["requestUpload"]["upload"]
    boundary = b"a boundary that is in no picture"
    parts = [(f'name="{field["name"]}"', field["value"].encode()) for field in ticket["fields"]]
    parts.append(('name="file"; filename="a.png"', picture))
    part = b'--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n'
    form = b"".join(part % (boundary, name.encode(), value) for name, value in parts) + b"--%s--\r\n" % boundary
    header = {"Content-Type": f'multipart/form-data; boundary="{boundary.decode()}"'}
    urllib.request.urlopen(urllib.request.Request(ticket["url"], form, header), timeout=10).close()
    get(graphql, token, {"query": COMPLETE, "variables": {"input": {"imageId": ticket["image"]["id"]}}})


def queries():
    panels = json.loads((DEPLOY / "grafana/darkroom.json").read_text())["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]


def main():
    program = os.environ["DARKROOM"]
    subprocess.run(["promtool", "check", "rules", DEPLOY / "prometheus/alerts.yml"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as folder:
        ports = {name: free_port() for name in ("server", "metrics", "prometheus")}
        address = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        settings = os.environ | {"DATA_DIR": folder, "RUST_LOG": "error", "BIND": address["server"], "METRICS_BIND": address["metrics"]}
        config = Path(folder) / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: ['{DEPLOY / 'prometheus/alerts.yml'}']\n"
            f"scrape_configs: [{{job_name: darkroom, static_configs: [{{targets: ['{address['metrics']}']}}]}}]\n"
        )
        options = [f"--config.file={config}", f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address={address['prometheus']}"]
        server = subprocess.Popen([program, "serve"], env=settings, stdout=subprocess.DEVNULL)
        prometheus = subprocess.Popen(["prometheus", *options, "--log.level=error"])
        try:
            until("the server", lambda: get(f"http://{address['server']}/readyz"))
            token = subprocess.run([program, "token", "ann@example.com"], env=settings, check=True, capture_output=True, text=True).stdout.strip()
            graphql = f"http://{address['server']}/graphql"
            api = f"http://{address['prometheus']}/api/v1"

            def ask(expression):
                # Rates need operations between scrapes.
                get(graphql, token, {"query": "query Gallery { images { totalCount } }"})
                answer = get(f"{api}/query?query={urllib.parse.quote(expression)}")
                assert answer["status"] == "success", answer
                return answer["data"]["result"]

            until("a scrape", lambda: ask('up{job="darkroom"} == 1') or None)
            upload(graphql, token)
            for title, expression in queries():
                # One process on SQLite has nobody to tell anything.
                until(title, lambda: ask(expression) or ("relay" in expression) or None)
            rules = get(f"{api}/rules")["data"]["groups"][0]["rules"]
            wrong = [rule["name"] for rule in rules if rule["health"] == "err" or rule["state"] == "firing"]
            assert len(rules) >= 6 and not wrong, wrong
            print(f"{len(queries())} queries of the dashboard and {len(rules)} alert rules are answered")
        finally:
            for process in (server, prometheus):
                process.terminate()
                process.wait()


main()
