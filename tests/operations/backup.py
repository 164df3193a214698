"""Rows and objects are backed up while clients upload and delete, and restored into a new database and a new bucket: every image
of the backup has its files. Run by `make test-backup`.
"""

import os
import subprocess
import tempfile
import threading
import urllib.request
from pathlib import Path

from server import PROGRAM, elsewhere, end, free_port, get, start, token, until, upload

ALL = "{ images(first: 100) { totalCount nodes { id url variants { url } } } }"
DELETE = "mutation ($input: DeleteImageInput!) { deleteImage(input: $input) { userErrors { message } } }"
BEFORE = 20


def run(*words, settings=os.environ):
    return subprocess.run(words, env=settings, check=True, capture_output=True, text=True).stdout


def change(graphql, ann, stop):
    """Deletes an image for every one that it uploads."""
    while not stop.is_set():
        upload(graphql, ann)
        images = get(graphql, ann, {"query": ALL})["data"]["images"]["nodes"]
        get(graphql, ann, {"query": DELETE, "variables": {"input": {"imageId": images[-1]["id"]}}})


def main():
    with tempfile.TemporaryDirectory() as folder:
        backup = Path(folder) / "backup"
        # What is deleted meanwhile is in the trash, with its objects.
        kept = {"TRASH_RETENTION": "86400", "DATA_DIR": folder}
        before, after = (elsewhere() | kept | {"BIND": f"127.0.0.1:{free_port()}"} for _ in range(2))
        server = start(before, "serve")
        graphql = f"http://{before['BIND']}/graphql"
        stop = threading.Event()
        try:
            until("the server", lambda: get(f"http://{before['BIND']}/readyz"))
            ann = token(before)
            for _ in range(BEFORE):
                upload(graphql, ann)
            has_all = lambda: get(graphql, ann, {"query": ALL})["data"]["images"]["totalCount"] == BEFORE
            until("all images", has_all)
            busy = threading.Thread(target=change, args=(graphql, ann, stop))
            busy.start()
            # Rows first: what they name is there, and stays there as long as the trash keeps it.
            run("pg_dump", "--format=custom", f"--file={folder}/rows", before["DATABASE_URL"])
            copied = run(PROGRAM, "storage", "copy", "--from", "s3", "--to", "embedded", settings=before | {"DATA_DIR": str(backup)})
            stop.set()
            busy.join()
        finally:
            stop.set()
            end(server)
        run("pg_restore", "--exit-on-error", f"--dbname={after['DATABASE_URL']}", f"{folder}/rows")
        restored = run(PROGRAM, "storage", "copy", "--from", "embedded", "--to", "s3", settings=after | {"DATA_DIR": str(backup)})
        server = start(after, "serve")
        try:
            until("the server", lambda: get(f"http://{after['BIND']}/readyz"))
            images = get(f"http://{after['BIND']}/graphql", ann, {"query": ALL})["data"]["images"]
            urls = [url for image in images["nodes"] for url in (image["url"], *(variant["url"] for variant in image["variants"]))]
            for url in urls:
                urllib.request.urlopen(url, timeout=10).close()
            assert images["totalCount"] >= BEFORE - 1 and len(urls) > 2 * BEFORE, (images["totalCount"], len(urls))
            print(f"{copied.strip()}; restored: {restored.strip()}; {images['totalCount']} images with {len(urls)} files are there")
        finally:
            end(server)


main()
