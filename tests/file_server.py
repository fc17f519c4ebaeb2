"""A web server on 127.0.0.1 that serves files, with the faults that real ones have."""

import http.server
import threading


class FileServer:
    """Serves contents by path, and counts the requests. A context manager.

    `files` maps a path to bytes, or to a function that gets the request's handler.
    """

    def __init__(self, **files):
        self.files = {f"/{name}": content for name, content in files.items()}
        self.requests = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append(self.path)
                content = server.files.get(self.path)
                if content is None:
                    self.send_error(404)
                elif callable(content):
                    content(self)
                else:
                    send(self, content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_address[1]}/{path}"


def send(handler, content, length=None, code=200):
    """Answers a request; `length` is what the header claims."""
    handler.send_response(code)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)


def redirect(target):
    """Returns an answer that sends the client to another path."""

    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.end_headers()

    return answer
