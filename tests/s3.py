"""S3 servers on 127.0.0.1, and a proxy before them that damages what they answer.

Every process that has used `s3://` aborts at its end, so it is used in child processes only.
"""

import contextlib
import functools
import http.client
import http.server
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).parent.parent
KEY, SECRET = "test-key", "test-secret-that-no-log-may-show"
BUCKET = "bucket"
GATEWAY = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"


def environment(endpoint, **changes):
    """Returns the environment of a child process that uses a server; None removes a variable."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "S3_", "TSM_"))
    }
    variables |= {
        "S3_ENDPOINT": endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **changes,
    }
    return {name: value for name, value in variables.items() if value is not None}


def python(code, endpoint, timeout=300, **changes):
    """Runs code in a child process, which ends as commands do; returns the finished process."""
    code = f"{code}\nimport os, sys\nsys.stdout.flush()\nos._exit(0)\n"
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(endpoint, **changes),
    )


def command(endpoint, *arguments, timeout=300, **changes):
    """Runs a command of the project in a child process."""
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(endpoint, **changes),
    )


@contextlib.contextmanager
def moto():
    """Context manager that starts moto with a bucket; yields the endpoint. Any key is let in."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )
        client.create_bucket(Bucket=BUCKET)
        client.close()
        yield endpoint
    finally:
        server.stop()


@functools.cache
def gateway_program():
    """Builds versitygw in build/, once; needs Go and its module proxy."""
    folder = ROOT / "build" / "versitygw"
    program = folder / "versitygw"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        variables = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod"}
        subprocess.run(["go", "install", GATEWAY], check=True, env=variables, timeout=1800)
    return program


@contextlib.contextmanager
def gateway(folder):
    """Context manager that starts versitygw, which checks signatures; yields the endpoint.

    Args:
        folder: buckets are its folders, and objects are files.
    """
    (folder / BUCKET).mkdir(parents=True)
    port = _free_port()
    process = subprocess.Popen(
        [gateway_program(), "--port", f"127.0.0.1:{port}", "posix", folder],
        env={**os.environ, "ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _wait_for(port):
    for _ in range(400):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the server does not answer")


class FaultProxy:
    """Stands between a client and a server, and damages answers to GET.

    A context manager. `fault` is one of `FAULTS` or None, and happens to the next `times` requests
    for objects whose names contain `part`. A GET of /inject/FAULT/TIMES sets it from another
    process. `done` counts the damaged answers.
    """

    FAULTS = ("reset", "503", "slow", "cut", "flip", "hang")

    def __init__(self, endpoint):
        self.upstream = endpoint.removeprefix("http://")
        self.fault, self.times, self.part = None, 0, ""
        self.done = 0
        proxy, lock = self, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                if self.path.startswith("/inject/"):
                    _, _, fault, times = self.path.split("/")
                    proxy.inject(fault, int(times))
                    self.send_response(204)
                    return self.end_headers()
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    fits = self.command == "GET" and proxy.part in self.path
                    fault = proxy.fault if fits and proxy.times > 0 else None
                    if fault:
                        proxy.times -= 1
                        proxy.done += 1
                with contextlib.suppress(ConnectionError):
                    proxy.answer(self, body, fault)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def inject(self, fault, times=10**9, part=".tfrecord"):
        """Damages the next answers; None stops that, and keeps the count."""
        self.fault, self.times, self.part = fault, times, part
        self.done = 0 if fault else self.done

    def answer(self, handler, body, fault):
        if fault == "reset":
            linger = struct.pack("ii", 1, 0)  # closes with RST
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.connection.close()
            handler.close_connection = True
            return
        if fault == "hang":
            self.stopping.wait(600)
            handler.close_connection = True
            return
        if fault == "503":
            text = b"<Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>"
            handler.send_response(503)
            handler.send_header("Content-Length", str(len(text)))
            handler.end_headers()
            handler.wfile.write(text)
            return

        connection = http.client.HTTPConnection(self.upstream)
        connection.request(handler.command, handler.path, body, dict(handler.headers.items()))
        answer = connection.getresponse()
        content = bytearray(answer.read())
        connection.close()
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                handler.send_header(name, value)
        length = answer.getheader("Content-Length") or str(len(content))
        handler.send_header("Content-Length", length)
        handler.end_headers()

        if fault == "flip" and content:
            for place in range(500, len(content), 1000):
                content[place] ^= 1
        if fault == "cut":
            handler.wfile.write(content[: len(content) // 2])
            handler.close_connection = True
        elif fault == "slow":
            for start in range(0, len(content), 4096):
                handler.wfile.write(content[start : start + 4096])
                time.sleep(0.005)
        else:
            handler.wfile.write(content)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
