"""Edit networks in the browser: drawing, costs, limits, fixes, runs.

It serves one folder (the current one, or that of FILE) to one browser on this machine. A file is saved only if nobody
has changed it meanwhile; nothing outside the folder is read or written.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import webbrowser
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import suppress
from pathlib import Path

from archbuilder.cli._options import add_blocks_option
from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.document.text import MISSING

TAKEN = declare(
    "AB970",
    "a port that cannot be used",
    exit_status=2,
    why="Another program listens on that port, or the system reserves it. Without --port a free port is chosen.",
    bad="$ archbuilder live --port 1  # a port of the system's",
    good="$ archbuilder check net.yaml",
)
HOST = "127.0.0.1"  # only this machine


def configure(parser: ArgumentParser) -> None:
    help = "a YAML file to open, or a folder of them (default: the current folder)"
    parser.add_argument("path", metavar="FILE", nargs="?", default=".", help=help)
    parser.add_argument(
        "--port", metavar="N", type=_port, default=0, help="the port to listen on (default: a free one)"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address and do not open a browser")
    add_blocks_option(parser)


def run(args: Namespace) -> int:
    """Runs until it is interrupted."""
    import uvicorn

    from archbuilder.live.folder import Folder
    from archbuilder.live.server.app import application, new_token

    root, file = _opened(Path(args.path))
    token, listening = new_token(), _listen(args.port)
    port = listening.getsockname()[1]
    address = f"http://{HOST}:{port}/{token}/"
    app = application(Folder(root), token, port, file)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=1
    )
    print(f"{root}\n{address}\nwhoever has this address can edit the folder; Ctrl-C ends it", flush=True)
    if not args.no_browser:
        threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
    with suppress(KeyboardInterrupt):  # Ctrl-C ends the command
        asyncio.run(uvicorn.Server(config).serve([listening]))
    return 0


def _opened(path: Path) -> tuple[Path, str | None]:
    """The folder to serve, and the file to open first.  Raises ArchbuilderError AB001."""
    if path.is_dir():
        return path.resolve(), None
    if not path.is_file():
        raise ArchbuilderError(MISSING.at(Span(str(path)), "there is no such file or folder", "check the path"))
    here, file = Path.cwd().resolve(), path.resolve()
    root = here if file.is_relative_to(here) else file.parent
    return root, file.relative_to(root).as_posix()


def _listen(port: int) -> socket.socket:
    """A socket that only this machine can reach. Raises ArchbuilderError AB970."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen()  # so that a browser that connects before the server is ready waits
    except OSError as error:
        listening.close()
        message = f"port {port} cannot be used: {error.strerror}"
        raise ArchbuilderError(TAKEN.at(Span("--port"), message, "choose another port, or remove --port")) from None
    return listening


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ArgumentTypeError(f"{text!r} is not a port: a number from 1 to 65535")
    return int(text)
