"""Random recipes through training, as many as wanted: `python -m tests.fuzz_recipes --cases 500 --seed 1`.

Each case of tests/recipes is a file that check finds clean.  It trains, is evaluated, saved and resumed to the same
end, without a traceback, and where its numbers are ordinary ones with a finite loss.  Exit status 1 if one does not;
it is printed, cut down to what it takes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.recipes.files import File, drawn
from tests.recipes.images import Images
from tests.recipes.shortest import shortest
from tests.recipes.trial import fault

MAX_FAILURES = 20
WHOLE = 20  # every so many-th case also becomes a run folder with its report


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz_recipes", description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=100, metavar="N", help="number of cases")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the same seed gives the same cases")
    parser.add_argument("--only", type=int, metavar="K", help="print and try a single case")
    parser.add_argument("--device", default="cpu", help="where to train")
    args = parser.parse_args(arguments)
    seen, failed, start = Counter[str](), Counter[str](), time.perf_counter()
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings(), suppress(KeyboardInterrupt):
        warnings.simplefilter("ignore")
        images = Images(Path(name))
        for number in range(args.cases) if args.only is None else [args.only]:
            file = drawn(args.seed, number, images)
            seen["refused" if file is None else "ordinary" if file.ordinary else "wild"] += 1
            if file is not None and args.only is not None:
                print(file.text)
            if file is not None:
                _try(
                    file, f"case {number} of seed {args.seed}", failed, images.folder, args.device, number % WHOLE == 0
                )
            if failed.total() == MAX_FAILURES:
                break
    print(f"{seen.total()} cases in {time.perf_counter() - start:.0f} s: {dict(seen)}; failed: {failed.total()}")
    for kind, count in failed.most_common():
        print(f"  {count} {kind}")
    return int(failed.total() > 0)


def _try(file: File, name: str, failed: Counter[str], folder: Path, device: str, whole: bool) -> None:
    """Note what goes wrong with a case, and print the first of each kind."""

    def tried(file: File) -> str:
        return fault(file, folder, device, whole)

    if found := tried(file):
        kind = found.strip().splitlines()[-1]
        failed[kind] += 1
        if failed[kind] == 1:
            print(f"# {name}\n{shortest(file, tried).text}{found}\n", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
