"""A real Prometheus scrapes a real server, and answers every query of the dashboard and of the alert rules. Run by
`make test-metrics`; needs `prometheus` and `promtool` (Debian: apt-get install prometheus).
"""

import json
import os
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

from server import end, free_port, get, start, token, until, upload

DEPLOY = Path(__file__).parent.parent.parent / "deploy"


def queries():
    panels = json.loads((DEPLOY / "grafana/darkroom.json").read_text())["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]


def main():
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
        server = start(settings, "serve")
        prometheus = subprocess.Popen(["prometheus", *options, "--log.level=error"])
        try:
            until("the server", lambda: get(f"http://{address['server']}/readyz"))
            ann = token(settings)
            graphql = f"http://{address['server']}/graphql"
            api = f"http://{address['prometheus']}/api/v1"

            def ask(expression):
                # Rates need operations between scrapes.
                get(graphql, ann, {"query": "query Gallery { images { totalCount } }"})
                answer = get(f"{api}/query?query={urllib.parse.quote(expression)}")
                assert answer["status"] == "success", answer
                return answer["data"]["result"]

            until("a scrape", lambda: ask('up{job="darkroom"} == 1') or None)
            upload(graphql, ann)
            for title, expression in queries():
                # One process on SQLite has nobody to tell anything.
                until(title, lambda: ask(expression) or ("relay" in expression) or None)
            rules = get(f"{api}/rules")["data"]["groups"][0]["rules"]
            wrong = [rule["name"] for rule in rules if rule["health"] == "err" or rule["state"] == "firing"]
            assert len(rules) >= 6 and not wrong, wrong
            print(f"{len(queries())} queries of the dashboard and {len(rules)} alert rules are answered")
        finally:
            end(server, prometheus)


main()
