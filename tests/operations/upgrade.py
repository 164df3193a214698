"""Two servers behind nginx and a worker, of the version before, are replaced one by one while clients upload: no request fails.

Run by `make test-upgrade OLD=…`, with the version before as OLD; needs nginx (Debian: apt-get install nginx).
"""

import os
import re
import subprocess
import tempfile
import threading
from pathlib import Path

from server import PROGRAM, elsewhere, end, free_port, get, start, until, upload

OLD = os.environ["OLD"]
CONF = Path(__file__).parent.parent.parent / "deploy/nginx/darkroom.conf"
CLIENTS = 3
PASSWORD = "a long pass phrase"
LOG_IN = f"""mutation {{
  logIn(input: {{email: "admin@localhost", password: "{PASSWORD}"}}) {{ session {{ accessToken refreshToken }} }} }}"""
REFRESH = """mutation ($token: String!) {
  refreshSession(input: {refreshToken: $token}) { session { accessToken } userErrors { code } } }"""
IMAGES = "{ images(first: 100) { totalCount nodes { status variants { type } } } }"


def nginx(folder, proxy, servers):
    text = CONF.read_text().replace("listen 8000", f"listen 127.0.0.1:{proxy}")
    for name, port in zip(("server", "server-2"), servers):
        text = text.replace(f"server {name}:8000", f"server 127.0.0.1:{port}")
    paths = "".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    head = f"pid {folder}/pid; error_log {folder}/errors; daemon off; events {{}} http {{ access_log off; {paths}"
    (Path(folder) / "nginx.conf").write_text(f"{head}\n{text}\n}}")
    return subprocess.Popen(["nginx", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/errors"])


class Client(threading.Thread):
    """Uploads until it is told to stop."""

    def __init__(self, graphql, ann, stop):
        super().__init__()
        self.graphql, self.ann, self.stop = graphql, ann, stop
        self.uploads, self.failures = 0, []

    def run(self):
        while not self.stop.is_set():
            try:
                upload(self.graphql, self.ann)
                self.uploads += 1
            except Exception as error:
                self.failures.append(repr(error))


def main():
    with tempfile.TemporaryDirectory() as folder:
        proxy, *ports = (free_port() for _ in range(3))
        shared = elsewhere() | {"DATA_DIR": folder, "PUBLIC_URL": f"http://127.0.0.1:{proxy}", "TRUSTED_PROXIES": "127.0.0.1"}
        shared |= {"RATE_LIMIT_POINTS": "0", "SHUTDOWN_DELAY": "0", "ADMIN_PASSWORD": PASSWORD}
        settings = [shared | {"BIND": f"127.0.0.1:{port}"} for port in ports]
        ready = lambda port: until("a server", lambda: get(f"http://127.0.0.1:{port}/readyz"))
        servers = [start(of_server, "serve", "--no-worker", program=OLD) for of_server in settings]
        for port in ports:
            ready(port)
        worker = start(shared, "worker", program=OLD)
        front = nginx(folder, proxy, ports)
        graphql, stop = f"http://127.0.0.1:{proxy}/graphql", threading.Event()
        clients = []
        try:
            ready(proxy)
            # Of a log-in: what the command prints only its own version may know.
            session = get(graphql, None, {"query": LOG_IN})["data"]["logIn"]["session"]
            ann = session["accessToken"]
            clients = [Client(graphql, ann, stop) for _ in range(CLIENTS)]
            for client in clients:
                client.start()
            done = lambda: sum(client.uploads for client in clients)
            goes_on = lambda: (before := done(), until("more uploads", lambda: done() > before + 20))
            goes_on()
            for at, port in enumerate(ports):
                end(servers[at])
                servers[at] = start(settings[at], "serve", "--no-worker")
                ready(port)
                goes_on()
            end(worker)
            worker = start(shared, "worker")
            goes_on()
            stop.set()
            for client in clients:
                client.join()
            completed = '{ images(first: 1) { totalCount } }'
            until("all images", lambda: get(graphql, ann, {"query": completed})["data"]["images"]["totalCount"] == done())
            failures = [failure for client in clients for failure in client.failures]
            refreshed = get(graphql, None, {"query": REFRESH, "variables": {"token": session["refreshToken"]}})
            assert refreshed["data"]["refreshSession"]["session"], f"a log-in goes on: {refreshed}"
            print(f"{done()} uploads, all COMPLETED; {len(failures)} requests failed: {failures[:3]}")
            assert not failures
        finally:
            stop.set()
            end(front, worker, *servers)


main()
