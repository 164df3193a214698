"""A real server to look at from outside, and a client that uploads to it. DARKROOM is the server's binary."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PROGRAM = os.environ["DARKROOM"]
PICTURE = Path(__file__).parent.parent / "fixtures/images/rgb.png"
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
    return ticket["image"]["id"]


def token(settings):
    words = [PROGRAM, "token", "ann@example.com"]
    return subprocess.run(words, env=settings, check=True, capture_output=True, text=True).stdout.strip()


def elsewhere():
    """Settings for a new database and a new bucket of what with-postgres.sh and with-seaweedfs.sh started."""
    name = f"test_{os.getpid()}_{time.monotonic_ns()}"
    subprocess.run(["psql", "-q", os.environ["TEST_POSTGRES"] + "/postgres", "-c", f"CREATE DATABASE {name}"], check=True)
    settings = os.environ | {
        "DATABASE_URL": f"{os.environ['TEST_POSTGRES']}/{name}",
        "AWS_STORAGE_BUCKET_NAME": name.replace("_", "-"),
        "AWS_ENDPOINT_URL_S3": os.environ["TEST_S3_ENDPOINT"],
        "JWT_SECRET": "a secret that is long enough for a test",
        "RATE_LIMIT_POINTS": "0",
        "RUST_LOG": "error",
    }
    subprocess.run([PROGRAM, "storage", "setup"], env=settings, check=True, stdout=subprocess.DEVNULL)
    return settings


def start(settings, *words, program=PROGRAM):
    return subprocess.Popen([program, *words], env=settings, stdout=subprocess.DEVNULL)


def end(*processes):
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()
