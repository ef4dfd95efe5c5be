"""Python's modules compiled for a page, by the Python that runs in it.

A browser would compile what is imported each time it opens a page, which is most of what first facts wait for.  So it
is done once, when the page is written: node runs the page's own Pyodide, and that compiles the packages, and of the
standard library what they import.  Where there is no node, the sources go into the page as they are."""

from __future__ import annotations

import hashlib
import inspect
import io
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from archbuilder.files import cache_folder, write_whole

LIBRARY = "python_stdlib.zip"  # of Pyodide
# what a page has no use for: terminals, processes, servers, mail, tests
_UNUSED = re.compile(
    r"(unittest|_pyrepl|multiprocessing|wsgiref|xmlrpc|sqlite3|xml|http/server|__phello__|ensurepip|venv)\b"
    r"|(pdb|pydoc|doctest|mailbox|imaplib|smtplib|poplib|ftplib|webbrowser|cProfile|trace|pickletools)\.py$"
)
PATIENCE = 300  # seconds
_WHEN = (2026, 1, 1, 0, 0, 0)  # the same files make the same archive, byte for byte
_NODE = """\
import { readFileSync, writeFileSync } from "node:fs";
const { loadPyodide } = await import(process.cwd() + "/pyodide.mjs");
const python = await loadPyodide({ env: { PYTHONHASHSEED: "0", PYDANTIC_DISABLE_PLUGINS: "__all__" } });
for (const name of ["python_stdlib.zip", "site.zip"]) python.FS.writeFile("/" + name, readFileSync(name));
python.runPython(readFileSync("compile.py", "utf8"));
writeFileSync("compiled.zip", python.FS.readFile("/compiled.zip"));
"""

Files = dict[str, bytes]


def node() -> str | None:
    """What runs Pyodide here, None where nothing does."""
    return shutil.which("node")


def compiled(pyodide: Mapping[str, bytes], site: Files, place: str) -> tuple[Files, Files]:
    """The standard library and the packages, with bytecode in the place of sources.

    pyodide: the files of Pyodide.
    site:    those of the packages, by their paths in the folder `place` of the page's file system."""
    library = {name: data for name, data in unpacked(pyodide[LIBRARY]).items() if not _UNUSED.match(name)}
    script = f"{inspect.getsource(_compile)}\n_compile({place!r})\n"
    given = {**pyodide, "site.zip": archived(site), "compile.py": script.encode(), "run.mjs": _NODE.encode()}
    program = node()
    found = unpacked((_compiled(program, given) if program else None) or archived({}))
    return _replaced(library, found, "library/"), _replaced(site, found, "site/")


def archived(files: Mapping[str, bytes], comment: str = "") -> bytes:
    """An archive that is not compressed: whoever packs it does that once for all of it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _WHEN), data)
        archive.comment = comment.encode()
    return target.getvalue()


def unpacked(archive: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}


def _replaced(sources: Files, found: Files, room: str) -> Files:
    codes = {name.removeprefix(room): code for name, code in found.items() if name.startswith(room)}
    kept = {name: data for name, data in sources.items() if f"{name}c" not in codes}
    return kept | codes


def _compiled(program: str, given: Files) -> bytes | None:
    """The archive of bytecode that these files make, from the cache or made; None where it cannot be made."""
    digest = hashlib.sha256(archived(given)).hexdigest()
    cache = cache_folder() / "page" / "bytecode.zip"
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(cache) as archive:
        if archive.comment.decode() == digest:
            return cache.read_bytes()
    made = _run(program, given)
    if made is None:
        return None
    data = archived(unpacked(made), digest)
    with suppress(OSError):  # a cache that cannot be written: it is compiled again next time
        cache.parent.mkdir(parents=True, exist_ok=True)
        write_whole(cache, data)
    return data


def _run(program: str, given: Files) -> bytes | None:
    """Pyodide compiles under node, the program, in a folder of its own; None where it does not run here."""
    with tempfile.TemporaryDirectory() as name, suppress(OSError, subprocess.SubprocessError):
        for file, data in given.items():
            Path(name, file).write_bytes(data)
        subprocess.run([program, "run.mjs"], cwd=name, capture_output=True, timeout=PATIENCE, check=True)
        return Path(name, "compiled.zip").read_bytes()
    return None


def _compile(place: str) -> None:
    """In Pyodide: /site.zip is unpacked and imported, and what was imported is compiled into /compiled.zip."""
    import py_compile
    import sys
    import zipfile
    from importlib import import_module

    own = "archbuilder/"
    places = {"library": next(path for path in sys.path if path.endswith(".zip")), "site": place}
    sys.dont_write_bytecode = True
    sys.path.insert(0, place)
    for room, archive in (("library", "/python_stdlib.zip"), ("site", "/site.zip")):
        zipfile.ZipFile(archive).extractall(place if room == "site" else f"/{room}")
    answers = import_module("archbuilder.live.answers")
    for kind in set(import_module("archbuilder.live.answers.question").KINDS.values()):
        import_module(f"archbuilder.live.answers.{kind}")
    answers.answer({"ask": "check", "text": "archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [{conv: 8}]\n"})
    files = {str(getattr(module, "__file__", None)) for module in list(sys.modules.values())}
    with zipfile.ZipFile("/compiled.zip", "w") as target:
        for room, folder in places.items():
            names = {file.removeprefix(f"{folder}/") for file in files if file.startswith(f"{folder}/")}
            if room == "site":
                names |= {name for name in zipfile.ZipFile("/site.zip").namelist() if name.startswith(own)}
            for name in sorted(name for name in names if name.endswith(".py")):
                # docstrings are manuals: those of the package stay
                py_compile.compile(
                    f"{place if room == 'site' else '/library'}/{name}",
                    cfile="/code",
                    dfile=f"{folder}/{name}",
                    doraise=True,
                    optimize=0 if name.startswith(own) else 2,
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                )
                target.write("/code", f"{room}/{name}c")
