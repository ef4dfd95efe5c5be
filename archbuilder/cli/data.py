"""Prepare, list and verify data sets.

archbuilder data import cifar10 --npz FILE    take CIFAR-10 from a file instead of its home site
archbuilder data download cifar10             fetch it now; `train` does so by itself
archbuilder data list                         what is there, and where
archbuilder data verify [NAME ...]            read every byte and compare checksums
"""

from __future__ import annotations

import argparse
from pathlib import Path

PREPARED = ("cifar10",)  # data sets that are kept on disk; `digits` ships with the package


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    taken = actions.add_parser("import", help="prepare a data set from an .npz file")
    taken.add_argument("name", choices=PREPARED)
    taken.add_argument("--npz", required=True, type=Path, metavar="FILE", help="x_train, y_train, x_test, y_test")
    fetched = actions.add_parser("download", help="fetch a data set from its home site and prepare it")
    fetched.add_argument("name", choices=PREPARED)
    listed = actions.add_parser("list", help="show the prepared data sets and their folder")
    verified = actions.add_parser("verify", help="compare prepared data sets with their checksums")
    verified.add_argument("names", nargs="*", metavar="NAME", help="all of them where none is named")
    for action in (taken, fetched, listed, verified):
        action.add_argument("--data-dir", metavar="DIR", help="instead of the user's cache folder")


def run(args: argparse.Namespace) -> int:
    """Exit 0 done or all well, 1 something is damaged or not what it is said to be, 2 could not run."""
    from archbuilder.data.prepared import data_folder

    root = data_folder(args.data_dir)
    if args.action == "list":
        return _list(root)
    if args.action == "verify":
        return _verify(root, args.names)
    return _prepare(root, args)


def _prepare(root: Path, args: argparse.Namespace) -> int:
    from archbuilder.data import cifar10
    from archbuilder.diagnostics import Span

    if args.action == "import":
        prepared = cifar10.import_npz(args.npz, root, Span(str(args.npz)))
    else:
        prepared = cifar10.download(root, Span(args.name))
    print(f"{args.name}: verified and stored in {prepared.folder} ({prepared.bytes / 2**20:.0f} MiB)")
    return 0


def _list(root: Path) -> int:
    from archbuilder.data import digits
    from archbuilder.data.prepared import listing, open_prepared
    from archbuilder.diagnostics import ArchbuilderError, Span

    print(f"data folder: {root}")
    shipped = digits.load((1, 8, 8))
    print(f"{digits.NAME:8} {len(shipped.train)} + {len(shipped.test)} images, ships with the package")
    for folder in listing(root):
        try:
            splits = open_prepared(folder, Span(str(folder))).splits()
            print(f"{folder.name:8} {len(splits.train)} + {len(splits.test)} images")
        except ArchbuilderError as error:
            print(f"{folder.name:8} damaged: {error.diagnostics[0].message}")
    return 0


def _verify(root: Path, names: list[str]) -> int:
    from archbuilder.data.prepared import absent, listing, verify
    from archbuilder.diagnostics import ArchbuilderError, Span

    folders = [root / name for name in names] or listing(root)
    problems = []
    for folder in folders:
        if not folder.is_dir():
            problems.append(absent(folder))
            continue
        found = verify(folder, Span(str(folder)))
        problems += found
        print(f"{folder.name}: {'damaged' if found else 'every checksum is right'}")
    if not folders:
        print(f"nothing is prepared in {root}")
    if problems:
        raise ArchbuilderError(*problems)
    return 0
