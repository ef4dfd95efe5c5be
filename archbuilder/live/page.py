"""One HTML file that contains everything: the front end, Python for the browser, the analyser, and a network."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
import zipfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from html import escape
from os.path import commonpath, normpath, relpath
from pathlib import Path

from archbuilder.live.bytecode import LIBRARY, archived, compiled
from archbuilder.live.page_parts import PACKAGES, PARTS, PYODIDE, Part
from archbuilder.pipeline import Report
from archbuilder.starter.architectures import FOLDERS

STATIC = Path(__file__).with_name("static")
PACKAGE = Path(__file__).parent.parent
# packages that a browser does not need: everything above the analyser, and code that needs torch or a server
_LEFT_OUT = tuple(
    f"{name}/"
    for name in "cli data evidence importers lsp modules run search trained training weights live/static "
    "live/server".split()
)
_UNUSED = re.compile(r"pydantic/(v1/|mypy\.py)|.*(\.pyi|\.so)$|[^/]*\.dist-info/")
_EXTENSION = "_pydantic_core.cpython-314-wasm32-emscripten.so"
SITE = "/lib/parts"  # where the worker unpacks the packages, as web/src/worker.ts has it
BESIDE = "beside"  # the folder, among the packages, of the files that a network is based on


def page(report: Report | None, text: str, parts: Mapping[Part, bytes], base: str = "") -> str:
    """The page with a text in its editor.

    report: the report on the text, for the files that it is based on; None if the text is not from a file.
    parts:  the bytes of every part, as `parts.fetched` gives them.
    base:   the address that copied links begin with; that of the page itself by default."""
    name, beside = based_on(report)
    script, style = (_static(name) for name in ("app.js", "app.css"))
    nonce = hashlib.sha256(style.encode()).hexdigest()[:24]
    licences = _static("licences.txt") + "".join(_licences(parts))
    folder = f"{SITE}/{BESIDE}" if beside else ""
    inside = [
        _block("application/json", f'id="file" data-name="{escape(name)}" data-folder="{folder}"', _json(text)),
        _block("application/json", 'id="licences"', _json(licences)),
        *(_block("text/plain", f'data-part="{key}"', value) for key, value in _packed(parts, beside).items()),
        f'<script type="module">{script}</script>',
    ]
    head = [f'<meta http-equiv="Content-Security-Policy" content="{_policy(script, nonce)}">']
    if base:
        head.append(f'<meta name="archbuilder-base" content="{escape(base)}">')
    return (
        _static("index.html")
        .replace('<meta charset="utf-8">', '<meta charset="utf-8">\n' + "\n".join(head), 1)
        .replace('name="csp-nonce" content=""', f'name="csp-nonce" content="{nonce}"', 1)
        .replace('<link rel="stylesheet" href="app.css">', f'<style nonce="{nonce}">{style}</style>', 1)
        .replace('<script type="module" src="app.js"></script>', "\n".join(inside), 1)
    )


def _policy(script: str, nonce: str) -> str:
    """A policy under which nothing is loaded and no request leaves the page: only its own script and objects it
    creates."""
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}' 'wasm-unsafe-eval' blob:; worker-src blob:; "
        f"style-src 'nonce-{nonce}'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _block(kind: str, attributes: str, content: str) -> str:
    return f'<script type="{kind}" {attributes}>{content}</script>'


def _json(text: str) -> str:
    """A text as JSON in which no tag can end the script element."""
    return json.dumps(text).replace("<", "\\u003c")


def based_on(report: Report | None) -> tuple[str, dict[str, str]]:
    """The name of a report's file, and the files that it is based on, with paths relative to a common folder."""
    if report is None or report.document is None:
        return "net.yaml", {}
    sources = {
        file: text for file, text in report.document.sources.items() if Path(file).is_file() or file == report.file
    }
    if len(sources) < 2 or report.opened is None:
        return Path(report.file).name if report.file != "-" else "net.yaml", {}
    places = {file: normpath(report.opened.read_from(file)) for file in sources}
    root = commonpath([str(Path(place).parent) for place in places.values()])
    own = {file: Path(relpath(place, root)).as_posix() for file, place in places.items()}
    return own.pop(report.file), {own[file]: sources[file] for file in own}


def _packed(parts: Mapping[Part, bytes], beside: Mapping[str, str]) -> dict[str, str]:
    """The texts for the worker: its script, and the parts in base64."""
    with tarfile.open(fileobj=io.BytesIO(parts[PYODIDE])) as archive:
        files = {name: _member(archive, f"package/{name}") for name in _PYODIDE}
    library, site = compiled(files, {**dict(_wheels(parts)), **dict(_own())}, SITE)
    site |= {f"{BESIDE}/{name}": text.encode() for name, text in beside.items()}
    packed = files | {LIBRARY: archived(library), "packages": _joined(site)}
    return {
        "worker": _static("worker.js"),
        "pyodide-lock.json": _lock(packed.pop("pyodide-lock.json")),
        # level 9 would take three times as long, for a file that is a hundredth smaller
        **{name: b64encode(gzip.compress(data, 6, mtime=0)).decode() for name, data in packed.items()},
    }


_PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", LIBRARY, "pyodide-lock.json")


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    stream = archive.extractfile(name)
    assert stream is not None
    return stream.read()


def _lock(data: bytes) -> str:
    """Pyodide's list of packages, emptied, because packages in it would be downloaded."""
    return json.dumps(json.loads(data) | {"packages": {}}).replace("<", "\\u003c")


def _joined(files: Mapping[str, bytes]) -> bytes:
    """A line with the length of each file, and the files one after the other, which the worker unpacks faster than
    Python would an archive."""
    return json.dumps({name: len(data) for name, data in files.items()}).encode() + b"\n" + b"".join(files.values())


def _wheels(parts: Mapping[Part, bytes]) -> Iterator[tuple[str, bytes]]:
    for part in PACKAGES:
        with zipfile.ZipFile(io.BytesIO(parts[part])) as wheel:
            for info in wheel.infolist():
                if not info.is_dir() and (info.filename.endswith(_EXTENSION) or not _UNUSED.match(info.filename)):
                    yield info.filename, wheel.read(info)


def _own() -> Iterator[tuple[str, bytes]]:
    """The package without modules that a browser cannot use, and the architectures to start from."""
    for path in sorted(PACKAGE.rglob("*")):
        inside = path.relative_to(PACKAGE).as_posix()
        if path.suffix in (".py", ".yaml") and not inside.startswith((*_LEFT_OUT, "architectures/")):
            yield f"archbuilder/{inside}", path.read_bytes()
    shipped = next(filter(Path.is_dir, FOLDERS)).resolve()  # in a checkout it is a link, which rglob does not follow
    for path in sorted(shipped.rglob("*.yaml")):
        yield f"archbuilder/architectures/{path.relative_to(shipped).as_posix()}", path.read_bytes()


def _licences(parts: Mapping[Part, bytes]) -> Iterator[str]:
    """What the parts are, and under which licences."""
    for part in PARTS:
        yield f"\n{'-' * 80}\n\n{part.package} {part.version} ({part.licence})\n"
        if part in PACKAGES:
            with zipfile.ZipFile(io.BytesIO(parts[part])) as wheel:
                for name in wheel.namelist():
                    if re.search(r"dist-info/(licenses/)?LICEN[CS]E[^/]*$", name):
                        yield f"\n{wheel.read(name).decode('utf-8', 'replace').strip()}\n"
