"""Network cameras: HTTP and RTSP servers on 127.0.0.1 whose video never ends."""

import fractions
import http.server
import io
import itertools
import socket
import subprocess
import sys
import threading
import time

import av
from PIL import Image
from videos import encode, moving_square

RATE = 20


class CameraServer:
    """Serves `/mjpeg` (a multipart stream of JPEGs, as from cameras) and `/ts` (H.264 in MPEG-TS).

    A context manager. It can be stopped in mid-stream and started again on the same port.
    """

    def __init__(self, size=(64, 48)):
        self.frames = moving_square(20, size[1], size[0])
        self.port = 0
        self.start()

    def start(self):
        self.stopping = threading.Event()
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                parts = {"/mjpeg": camera.mjpeg, "/ts": camera.transport_stream}.get(self.path)
                if parts is None:
                    return self.send_error(404)
                self.send_response(200)
                kind = (
                    "multipart/x-mixed-replace; boundary=frame"
                    if self.path == "/mjpeg"
                    else "video/mp2t"
                )
                self.send_header("Content-Type", kind)
                self.end_headers()
                try:
                    for part in parts():
                        self.wfile.write(part)
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self):
        """Breaks all connections."""
        self.stopping.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()  # waits for the handlers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"

    def paced(self):
        started = time.monotonic()
        for number, frame in enumerate(itertools.cycle(self.frames)):
            if self.stopping.wait(max(0, number / RATE - (time.monotonic() - started))):
                return
            yield number, frame

    def mjpeg(self):
        for _, frame in self.paced():
            jpeg = io.BytesIO()
            Image.fromarray(frame).save(jpeg, "jpeg", quality=95)
            data = jpeg.getvalue()
            yield b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (
                len(data),
                data,
            )

    def transport_stream(self):
        buffer = io.BytesIO()
        buffer.seekable = lambda: False
        with av.open(buffer, "w", format="mpegts") as container:
            options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(RATE)}
            stream = container.add_stream("libx264", rate=RATE, options=options)
            stream.height, stream.width = self.frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
            for number, frame in self.paced():
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                picture.pts, picture.time_base = number, fractions.Fraction(1, RATE)
                container.mux(stream.encode(picture))
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()


class RtspServer:
    """Serves a video in a loop over RTSP, from a process.

    A context manager. The process can be killed and started again on the same port.

    Args:
        folder: where the video is written.
    """

    def __init__(self, folder):
        options = {"preset": "ultrafast", "tune": "zerolatency", "g": "5"}
        encode(folder / "camera.mp4", moving_square(20), rate=RATE, options=options)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        serve = (
            f"aio_rtsp_toolkit.server.serve({str(folder)!r}, host='127.0.0.1', port={self.port})"
        )
        self.command = [
            sys.executable,
            "-c",
            f"import asyncio, aio_rtsp_toolkit.server; asyncio.run({serve})",
        ]
        self.folder = folder
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, cwd=self.folder, stdout=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise TimeoutError("the RTSP server does not answer")

    def stop(self):
        """Kills it."""
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def url(self, path):
        return f"{path}://127.0.0.1:{self.port}/camera.mp4?play_count=0"
