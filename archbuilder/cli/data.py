"""Prepare, list and verify data sets.

archbuilder data prepare FILE.yaml              prepare the data set of a file (`train` does it automatically)
archbuilder data download mnist                 download a data set that is known by name
archbuilder data import cifar10 --npz FILE      import it from a file instead of downloading it,
archbuilder data import mnist --folder DIR      or from a folder written by torchvision
archbuilder data list                           list the prepared data sets and their folder
archbuilder data verify [NAME ...]              read every byte and compare checksums
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.cli._options import add_source_options
from archbuilder.spec.data import DATASETS

if TYPE_CHECKING:
    from archbuilder.data.prepared import Prepared

KNOWN = tuple(name for name, (shape, _) in DATASETS.items() if shape)  # `digits` ships with the package


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    made = actions.add_parser("prepare", help="prepare the data set of a YAML file")
    made.add_argument("file", metavar="FILE", help="a network with a data: section")
    made.add_argument("--skip-corrupt", action="store_true", help="leave out image files that cannot be read")
    add_source_options(made)
    taken = actions.add_parser("import", help="prepare a data set from an .npz file or from torchvision's folder")
    taken.add_argument("name", choices=KNOWN)
    source = taken.add_mutually_exclusive_group(required=True)
    source.add_argument("--npz", type=Path, metavar="FILE", help="x_train, y_train, x_test, y_test")
    source.add_argument("--folder", type=Path, metavar="DIR", help="root= of the data set in torchvision.datasets")
    fetched = actions.add_parser("download", help="download a data set from its official site and prepare it")
    fetched.add_argument("name", choices=KNOWN)
    listed = actions.add_parser("list", help="show the prepared data sets and their folder")
    verified = actions.add_parser("verify", help="compare prepared data sets with their checksums")
    verified.add_argument("names", nargs="*", metavar="NAME", help="which ones (default: all)")
    for action in (made, taken, fetched, listed, verified):
        action.add_argument(
            "--data-dir", metavar="DIR", help="where prepared data sets are kept (default: the user's cache folder)"
        )


def run(args: argparse.Namespace) -> int:
    """Exit 0 done or all intact, 1 something is damaged or not the expected data set, 2 could not run."""
    from archbuilder.data.prepared import data_folder

    root = data_folder(args.data_dir)
    if args.action == "list":
        return _list(root)
    if args.action == "verify":
        return _verify(root, args.names)
    return _prepare(args) if args.action == "prepare" else _fetch(root, args)


def _prepare(args: argparse.Namespace) -> int:
    from archbuilder import pipeline
    from archbuilder.data.datasets import load, ready
    from archbuilder.diagnostics import ArchbuilderError, Span

    report = pipeline.check(args.file, args.set)
    spec = report.spec
    if spec is None or spec.data is None:
        from archbuilder.run.plan import NO_DATA

        place = spec.span() if spec else Span(args.file)
        absent = NO_DATA.at(place, "there is no data: section", "add for example data: {dataset: digits}")
        raise ArchbuilderError(*report.errors or [absent])
    prepared = ready(spec.data, spec.input, spec.classes, data_dir=args.data_dir, skip_corrupt=args.skip_corrupt)
    if prepared is None:
        print(f"{spec.data.dataset}: needs no preparation")
    else:
        _tell(spec.data.dataset, prepared)
    if spec.data.subset is not None:
        splits = load(spec.data, spec.input, spec.classes, data_dir=args.data_dir)
        used = len(splits.train) + (len(splits.validation) if spec.data.validation and splits.validation else 0)
        print(f"subset: {used:,} of the {splits.subset_of:,} training images are used")
    return 0


def _fetch(root: Path, args: argparse.Namespace) -> int:
    from archbuilder.data import known_datasets
    from archbuilder.diagnostics import Span

    if args.action == "download":
        prepared = known_datasets.download(args.name, root, Span(args.name))
    elif args.npz:
        prepared = known_datasets.import_npz(args.name, args.npz, root, Span(str(args.npz)))
    else:
        prepared = known_datasets.import_folder(args.name, args.folder, root, Span(str(args.folder)))
    _tell(args.name, prepared)
    return 0


def _tell(name: str, prepared: Prepared) -> None:
    print(f"{name}: verified and stored in {prepared.folder} ({prepared.bytes / 2**20:.0f} MiB)")
    print(_size(prepared))


def _size(prepared: Prepared) -> str:
    splits, skipped = prepared.splits(), prepared.manifest.get("skipped", [])
    counts = [len(part) for part in (splits.train, splits.validation, splits.test) if part is not None]
    without = f", {len(skipped):,} unreadable files left out" if skipped else ""
    return f"{' + '.join(map(str, counts))} images of {len(splits.class_names)} classes{without}"


def _list(root: Path) -> int:
    from archbuilder.data import digits
    from archbuilder.data.prepared import listing, open_prepared
    from archbuilder.diagnostics import ArchbuilderError, Span

    print(f"data folder: {root}")
    shipped = digits.load((1, 8, 8))
    width = max(len(name) for name in (digits.NAME, *(folder.name for folder in listing(root))))
    print(f"{digits.NAME:{width}} {len(shipped.train)} + {len(shipped.test)} images of 10 classes, with the package")
    for folder in listing(root):
        try:
            print(f"{folder.name:{width}} {_size(open_prepared(folder, Span(str(folder))))}")
        except ArchbuilderError as error:
            print(f"{folder.name:{width}} damaged: {error.diagnostics[0].message}")
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
        print(f"{folder.name}: {'damaged' if found else 'all checksums are correct'}")
    if not folders:
        print(f"nothing is prepared in {root}")
    if problems:
        raise ArchbuilderError(*problems)
    return 0
