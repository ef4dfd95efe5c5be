"""How a process trains: one value, of which the command line, the keywords of `train` and a run's notes are made.

An option is a field of `Options`, with its help, and a keyword in `Keywords`; nothing else names it but what heeds it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict, TypeVar, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare, show
from archbuilder.schema.hints import expected

PathLike = str | os.PathLike[str]

OPTION = declare(
    "AB790",
    "an option of training with an invalid value",
    exit_status=2,
    why=(
        "A run records the options that it was started with, so that it can be resumed with them. A value that could "
        "not be read back, or that has no meaning, is refused before anything is written."
    ),
    bad="$ archbuilder train net.yaml --keep 3000000000",
    good="$ archbuilder train net.yaml --no-report --keep 3",
)
KEEP, MINUTES = 3, 10.0


@dataclass(frozen=True)
class Typed:
    """How an option stands on the command line.

    metavar: what stands for its value in the help; flags: what it is called there, unless after its field.
    again:   whether the weights depend on it, so that it is typed to get the same run again.
    """

    metavar: str | None = None
    flags: tuple[str, ...] = ()
    again: bool = False


def _path(value: Any) -> Any:
    """A path of any kind; an empty one is none."""
    if not isinstance(value, (str, os.PathLike)):
        return value
    if "\0" in str(value):
        raise ValueError("has a character that is not allowed in paths")
    return Path(value) if value else None


def _absolute(path: Path | None) -> str | None:
    if path is None:
        return None
    return str(path.absolute() if path.exists() else path)  # a network that comes with archbuilder goes by its name


Place = Annotated[Path | None, BeforeValidator(_path), PlainSerializer(_absolute)]


class Options(BaseModel):
    """How a network is trained, besides what its YAML says.

    A run notes them; where it goes on, one that is left at its default is what the run was started with.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Typed(again=True)] = Field(
        "auto", description="auto: a GPU if there is one"
    )
    threads: Annotated[int | None, Typed("N", again=True)] = Field(
        None, ge=1, description="number of CPU threads (default: torch's choice)"
    )
    data_dir: Annotated[Place, Typed("DIR", again=True)] = Field(
        None, description="where prepared data sets are kept (default: the user's cache folder)"
    )
    init: Annotated[Place, Typed("RUN", again=True)] = Field(
        None,
        description=(
            "start with the weights of another run, or of a file of weights; the classifier is new if the number of "
            "classes differs"
        ),
    )
    keep: Annotated[int | None, Typed("K")] = Field(
        None, ge=1, lt=2**31, description=f"number of checkpoints that are kept, besides the best (default: {KEEP})"
    )
    minutes: Annotated[float | None, Typed("M", flags=("--checkpoint-minutes", "--minutes"))] = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description=f"minutes between checkpoints within an epoch (default: {MINUTES:g})",
    )
    log: Annotated[tuple[str, ...], Typed("TRACKER", flags=("--tracker", "--log"))] = Field(
        (),
        strict=False,
        description="tensorboard, or another tracker of Accelerate (torchrun has its own option --log)",
    )
    sync_batch_norm: Annotated[bool, Typed(again=True)] = Field(
        False, description="with several GPUs: batch norm uses the images of all GPUs"
    )
    report: Annotated[bool, Typed()] = Field(
        True, description="write report.html and the files that belong to it at the end"
    )

    @classmethod
    def of(cls, given: Options | None = None, **keywords: Any) -> Options:
        """Options of which some are said by their names; those stand over what was given.

        Raises ArchbuilderError AB790, and TypeError for a name that there is not.
        """
        if unknown := keywords.keys() - cls.model_fields:
            raise TypeError(f"there is no option {min(unknown)}: {', '.join(cls.model_fields)}")
        try:
            return cls(**{**(dict(given) if given else {}), **keywords})
        except ValidationError as error:
            raise ArchbuilderError(*_wrong(error)) from None

    @classmethod
    def noted(cls, environment: Mapping[str, Any]) -> Options:
        """Those of a run's environment.json; a run of an older version has not noted all."""
        return cls(**{name: environment[name] for name in Options.model_fields if name in environment})

    def over(self, others: Options) -> Options:
        """These; one that is left at its default is as in the others."""
        said = {name: value for name, value in self if value != Options.model_fields[name].default}
        return others.model_copy(update=said)

    def words(self) -> Iterator[str]:
        """What is typed to get the same again."""
        for name, value in self:
            if typed(name).again and value != Options.model_fields[name].default:
                yield from (flags(name)[0],) if value is True else (flags(name)[0], str(value))


def typed(name: str) -> Typed:
    """How the option of that name stands on the command line."""
    return next(item for item in Options.model_fields[name].metadata if isinstance(item, Typed))


def flags(name: str) -> tuple[str, ...]:
    """What it is called there: --sync-batch-norm; what is on unless said, as it is switched off: --no-report."""
    on = Options.model_fields[name].default is True
    return typed(name).flags or (f"--{'no-' if on else ''}{name.replace('_', '-')}",)


def _wrong(error: ValidationError) -> Iterator[Diagnostic]:
    for found in error.errors(include_url=False):
        name = str(found["loc"][0])
        said = f"expected {expected(found)}, found {show(found['input'])}"
        if found["type"] == "value_error":
            said = str(found["ctx"]["error"])
        yield OPTION.at(Span(flags(name)[0]), f"{name}: {said}")


class Keywords(TypedDict, total=False):
    """The same as keywords of a function, for whoever checks types; a test holds the two together."""

    device: str
    threads: int | None
    data_dir: PathLike | None
    init: PathLike | None
    keep: int | None
    minutes: float | None
    log: Sequence[str]
    sync_batch_norm: bool
    report: bool


F = TypeVar("F", bound=Callable[..., Any])


def takes_options(function: F) -> F:
    """Show what `**keywords` of a function stands for: in its signature, and in its documentation at `{options}`."""
    whole: Any = function
    own, types = signature(function), get_type_hints(Keywords)
    parameters = [each for each in own.parameters.values() if each.kind is not Parameter.VAR_KEYWORD]
    for name, field in Options.model_fields.items():
        parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, default=field.default, annotation=types[name]))
    whole.__signature__ = own.replace(parameters=parameters)
    whole.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": own.return_annotation}
    lines = (f"{name + ':':16} {field.description}." for name, field in Options.model_fields.items())
    whole.__doc__ = (function.__doc__ or "").replace("{options}", "\n    ".join(lines))
    return function
