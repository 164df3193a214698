"""Five S3 tools on the embedded storage: each lists, puts, gets, copies, uploads in parts, synchronises and removes.

Run by `make test-s3-tools`. DARKROOM is the program; awscli, s3cmd, s5cmd and minio are installed beside this Python,
rclone is found on the PATH. It prints a table, and ends with 1 if anything failed.
"""

import filecmp
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject

BIN = Path(sys.executable).parent
OPERATIONS = ["list", "put", "get", "copy", "multipart", "sync", "remove"]
REGION = "us-east-1"
MEBIBYTE = 1024 * 1024


def run(*command, **settings):
    done = subprocess.run([str(word) for word in command], env={**ENV, **settings}, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError((done.stderr or done.stdout).strip()[-300:])
    return done.stdout


class Tool:
    """A command-line tool: `sub` commands by the names of the operations, on URLs that begin with `scheme`."""

    def __init__(self, name, words, scheme, put, get, copy, multipart, sync, remove, listing):
        self.name, self.words, self.scheme = name, words, scheme
        self.commands = {"put": put, "get": get, "copy": copy, "multipart": multipart, "sync": sync, "remove": remove, "list": listing}

    def do(self, operation, *paths):
        return run(*self.words, *self.commands[operation], *paths)

    def url(self, key=""):
        return f"{self.scheme}media/{self.name}/{key}"

    def put(self, file, key):
        self.do("put", file, self.url(key))

    def multipart(self, file, key):
        self.do("multipart", file, self.url(key))

    def get(self, key, file):
        self.do("get", self.url(key), file)

    def copy(self, key, other):
        self.do("copy", self.url(key), self.url(other))

    def sync(self, folder, back):
        self.do("sync", f"{folder}/", self.url("dir/"))
        # s5cmd takes a folder of objects by a wildcard only.
        self.do("sync", self.url("dir/*" if self.name == "s5cmd" else "dir/"), f"{back}/")

    def remove(self):
        self.do("remove", self.url("*" if self.name == "s5cmd" else ""))

    def list(self):
        try:
            return self.do("list", self.url("*" if self.name == "s5cmd" else ""))
        except RuntimeError as error:
            if not str(error) or "no object found" in str(error) or "directory not found" in str(error):
                return ""
            raise


class MinioPy:
    name = "minio-py"

    def __init__(self, host, secret):
        self.client = Minio(host, access_key="darkroom", secret_key=secret, secure=False)

    def key(self, key):
        return f"{self.name}/{key}"

    def put(self, file, key):
        self.client.fput_object("media", self.key(key), str(file))

    def multipart(self, file, key):
        self.client.fput_object("media", self.key(key), str(file), part_size=5 * MEBIBYTE)

    def get(self, key, file):
        self.client.fget_object("media", self.key(key), str(file))

    def copy(self, key, other):
        self.client.copy_object("media", self.key(other), CopySource("media", self.key(key)))

    def sync(self, folder, back):
        """Copies a folder there and back: minio-py itself has no command for it."""
        for file in filter(Path.is_file, folder.rglob("*")):
            self.put(file, f"dir/{file.relative_to(folder)}")
        for found in self.client.list_objects("media", prefix=self.key("dir/"), recursive=True):
            relative = found.object_name.removeprefix(self.key("dir/"))
            self.get(f"dir/{relative}", back / relative)

    def remove(self):
        found = self.client.list_objects("media", prefix=self.key(""), recursive=True)
        errors = list(self.client.remove_objects("media", [DeleteObject(one.object_name) for one in found]))
        assert not errors, errors

    def list(self):
        return "\n".join(one.object_name for one in self.client.list_objects("media", prefix=self.key(""), recursive=True))


def is_same(folder, other):
    compared = filecmp.dircmp(folder, other)
    names = set(compared.common_dirs)
    return (
        not (compared.left_only or compared.right_only or compared.diff_files or compared.funny_files)
        and all(is_same(folder / name, other / name) for name in names)
    )


def attempt(tool, operation, work):
    small, large, got = work / "small.txt", work / "large.bin", work / f"{tool.name}.got"
    if operation == "list":
        tool.put(small, "listed.txt")
        assert "listed.txt" in tool.list(), "the object is not listed"
    elif operation == "put":
        tool.put(small, "small.txt")
    elif operation == "get":
        tool.get("small.txt", got)
        assert got.read_bytes() == small.read_bytes(), "other bytes"
    elif operation == "copy":
        tool.copy("small.txt", "copy.txt")
        got.unlink(missing_ok=True)
        tool.get("copy.txt", got)
        assert got.read_bytes() == small.read_bytes(), "other bytes"
    elif operation == "multipart":
        tool.multipart(large, "large.bin")
        got.unlink(missing_ok=True)
        tool.get("large.bin", got)
        assert got.read_bytes() == large.read_bytes(), "other bytes"
    elif operation == "sync":
        back = work / f"{tool.name}.back"
        back.mkdir()
        tool.sync(work / "dir", back)
        assert is_same(work / "dir", back), "another folder came back"
    else:
        tool.remove()
        assert not tool.list().strip(), "something is left"


def tools(url, secret):
    host = url.removeprefix("http://")
    s3cmd = [
        sys.executable, BIN / "s3cmd", "--config=/dev/null", "--access_key=darkroom", f"--secret_key={secret}", f"--host={host}",
        f"--host-bucket={host}", "--no-ssl", f"--region={REGION}", "--no-progress",
    ]  # fmt: skip
    return [
        Tool(
            "aws-cli", [BIN / "aws", "--endpoint-url", url, "s3"], "s3://", ["cp"], ["cp"], ["cp"], ["cp"], ["sync"],
            ["rm", "--recursive"], ["ls", "--recursive"],
        ),
        Tool(
            "rclone", ["rclone", "--config", "/dev/null", "--retries", "1"], "M:", ["copyto"], ["copyto"], ["copyto"],
            ["copyto", "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M"], ["sync"], ["delete"], ["lsf", "-R"],
        ),
        Tool(
            "s3cmd", s3cmd, "s3://", ["put"], ["get", "--force"], ["cp"], ["put", "--multipart-chunk-size-mb=5"], ["sync"],
            ["del", "--recursive", "--force"], ["ls", "--recursive"],
        ),
        Tool(
            "s5cmd", [BIN / "s5cmd", "--endpoint-url", url, "--retry-count", "1"], "s3://", ["cp"], ["cp"], ["cp"],
            ["cp", "-p", "5"], ["sync"], ["rm"], ["ls"],
        ),
        MinioPy(host, secret),
    ]  # fmt: skip


def main():
    work = Path(tempfile.mkdtemp(prefix="darkroom-s3-tools-"))
    for name, data in [("one.txt", b"one"), ("sub/two+plus.txt", b"two"), ("with space/ünï%20.txt", b"three"), ("sub/blob.bin", os.urandom(300_000))]:
        file = work / "dir" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (work / "small.txt").write_bytes(b"some bytes")
    (work / "large.bin").write_bytes(os.urandom(30 * MEBIBYTE))
    settings = {**os.environ, "BIND": "127.0.0.1:0", "DATA_DIR": str(work / "data"), "RUST_LOG": "error"}
    server = subprocess.Popen([os.environ["DARKROOM"], "serve"], env=settings, stdout=subprocess.PIPE, text=True)
    try:
        url = "http://" + server.stdout.readline().split()[-1]
        secret = (work / "data" / "s3.secret").read_text().strip()
        ENV.update(AWS_ACCESS_KEY_ID="darkroom", AWS_SECRET_ACCESS_KEY=secret, AWS_REGION=REGION, AWS_DEFAULT_REGION=REGION)
        ENV.update(HOME=str(work), AWS_EC2_METADATA_DISABLED="true")
        ENV.update(RCLONE_CONFIG_M_TYPE="s3", RCLONE_CONFIG_M_PROVIDER="Other", RCLONE_CONFIG_M_REGION=REGION)
        ENV.update(RCLONE_CONFIG_M_ACCESS_KEY_ID="darkroom", RCLONE_CONFIG_M_SECRET_ACCESS_KEY=secret, RCLONE_CONFIG_M_ENDPOINT=url)
        return table(tools(url, secret), work)
    finally:
        server.terminate()
        server.wait()
        subprocess.run(["rm", "-rf", work], check=True)


def table(all_tools, work):
    errors = []
    print("| tool |", " | ".join(OPERATIONS), "|")
    print("|---" * (len(OPERATIONS) + 1) + "|")
    for tool in all_tools:
        row = []
        for operation in OPERATIONS:
            try:
                attempt(tool, operation, work)
                row.append("yes")
            except Exception as error:  # noqa: BLE001: whatever went wrong is told below the table
                row.append("**no**")
                errors.append(f"{tool.name} {operation}: {error}")
        print(f"| {tool.name} |", " | ".join(row), "|", flush=True)
    print("\n".join(errors))
    return 1 if errors else 0


ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}

if __name__ == "__main__":
    sys.exit(main())
