"""Start the twin: `python -m simulators.openrouter --host 127.0.0.1 --port 8704 [--key KEY]`."""

import argparse
import socket
import sys

import uvicorn

from simulators.openrouter.app import create_app

GRACEFUL_STOP_S = 2


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen()  # a client may connect as soon as the address is printed
    return listener


def main() -> int:
    """Serve until stopped; a taken port is one clear line."""
    parser = argparse.ArgumentParser(prog="python -m simulators.openrouter", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8704, help="0 picks a free one; the first line says which")
    parser.add_argument("--key", default=None, help="accept this bearer only; otherwise any non-empty one")
    options = parser.parse_args()
    try:
        listener = _listen(options.host, options.port)
    except OSError as error:
        sys.stderr.write(f"openrouter twin cannot listen on {options.host}:{options.port}: {error.strerror}\n")
        return 1
    # A dropped connection is one of our answers: uvicorn would report each as an error.
    config = uvicorn.Config(
        create_app(key=options.key),
        access_log=False,
        log_level="critical",
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_STOP_S,
    )
    sys.stdout.write(f"openrouter twin: http://{options.host}:{listener.getsockname()[1]}/api/v1\n")
    sys.stdout.flush()
    with listener:
        uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
