"""What a real server sends to a webhook is verified by `standardwebhooks` of PyPI. Run by `make test-webhooks`."""

import os
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from threading import Thread

from server import end, free_port, get, start, token, until, upload
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

CREATE = """mutation($url: String!) { createWebhook(input: {url: $url, kinds: [COMPLETED]}) { created { secret } } }"""
came = Queue()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        came.put((body, dict(self.headers)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=receiver.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        bind = f"127.0.0.1:{free_port()}"
        settings = os.environ | {"DATA_DIR": folder, "RUST_LOG": "error", "BIND": bind}
        server = start(settings, "serve")
        try:
            until("the server", lambda: get(f"http://{bind}/readyz"))
            key, url = token(settings), f"http://{bind}/graphql"
            create = {"query": CREATE, "variables": {"url": f"http://localhost:{receiver.server_port}/"}}
            created = get(url, key, create)["data"]["createWebhook"]["created"]
            upload(url, key)
            body, headers = came.get(timeout=60)
            told = Webhook(created["secret"]).verify(body, headers)
            assert told["type"] == "image.completed", told
            try:
                Webhook(created["secret"]).verify(body.replace(b"completed", b"deleted"), headers)
            except WebhookVerificationError:
                print("the library of PyPI takes what was sent, and nothing else")
            else:
                raise AssertionError("a changed message was taken")
        finally:
            end(server)


main()
