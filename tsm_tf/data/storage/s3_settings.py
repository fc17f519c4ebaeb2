"""What the file system for `s3://` needs: set and checked once, before it is first used."""

import functools
import os
import socket
import threading
import urllib.parse

import tensorflow as tf

from tsm_tf import cli
from tsm_tf.errors import InputError, one_line

_ENDPOINTS = ("S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_SECRETS = (*_KEYS, "AWS_SESSION_TOKEN")
_SETTINGS = {
    "S3_DISABLE_MULTI_PART_DOWNLOAD": "1",  # with it, retries after broken responses are right
    "AWS_EC2_METADATA_DISABLED": "true",  # credentials come from the environment only
}
_TIMEOUTS = {  # of one attempt, in milliseconds; by default, a server may be silent for minutes
    "S3_CONNECT_TIMEOUT_MSEC": "5000",
    "S3_REQUEST_TIMEOUT_MSEC": "10000",
}
_CONNECT_SECONDS = 5.0
_SHORTEST_SECRET = 4  # characters; replacing shorter ones would garble messages

_lock = threading.Lock()


def check_settings(path: str) -> None:
    """Sets and checks what a file system needs, once per process, before it is first used.

    Raises:
        InputError: an environment variable is missing or wrong, or the server does not answer.
    """
    if path.startswith("s3://"):
        with _lock:
            _set_up_s3()


@functools.cache
def _set_up_s3() -> None:
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    address = urllib.parse.urlsplit(endpoint)
    if address.scheme not in ("http", "https") or not address.hostname:
        rule = (
            "must be the address of the S3 server with http:// or https://, "
            "such as https://s3.eu-west-1.amazonaws.com"
        )
        raise InputError("S3_ENDPOINT", rule, endpoint)
    for name in _KEYS:
        if not os.environ.get(name):
            rule = "must be set in the environment, to read and write s3://"
            raise InputError(name, rule, "nothing")

    os.environ["S3_ENDPOINT"] = endpoint
    os.environ.update(_SETTINGS)
    for name, value in _TIMEOUTS.items():
        os.environ.setdefault(name, value)
    _connect(endpoint, address)
    _load_s3()
    cli.end_without_finalizing()


def _connect(endpoint, address):
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname, port), _CONNECT_SECONDS).close()
    except OSError as error:
        rule = f"must be the address of a server that answers ({one_line(error)})"
        raise InputError("S3_ENDPOINT", rule, endpoint) from None


def _load_s3():
    try:
        import tensorflow_io  # noqa: F401 (registers the file system)
    except ImportError as error:
        rule = f"must not be s3:// without tensorflow-io, which cannot be loaded ({error})"
        raise InputError("data", rule, "s3://") from None
    if "s3" not in tf.io.gfile.get_registered_schemes():
        rule = "must not be s3:// if tensorflow-io does not work with this TensorFlow"
        raise InputError("data", rule, tf.__version__)


def without_secrets(message: str) -> str:
    """Returns a message without the credentials in the environment, to show or log it."""
    for name in _SECRETS:
        if len(secret := os.environ.get(name, "")) >= _SHORTEST_SECRET:
            message = message.replace(secret, f"${name}")
    return message
