"""The figures that are kept in the tree, and what a comparison with one of them comes to."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any


class KeptError(Exception):
    """The file of kept figures is missing or wrong; says what to do."""


@dataclasses.dataclass(frozen=True)
class Range:
    """Where a ratio lay when it was recorded."""

    median: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What one figure comes to."""

    name: str
    #: The figure's line of the table.
    line: str
    #: Whether there was anything to compare with.
    judged: bool
    #: What is wrong, if anything is.
    failure: str = ""


@dataclasses.dataclass
class Kept:
    """Everything in the file."""

    #: Instructions an operation.
    instructions: dict[str, float] = dataclasses.field(default_factory=dict)
    #: What they depend on besides the source: `arch` and `rustc`.
    built: dict[str, str] = dataclasses.field(default_factory=dict)
    #: Ratios to the floor by `case/backend`.
    ratios: dict[str, Range] = dataclasses.field(default_factory=dict)
    #: What those depend on: `cpu` and `cores`.
    machine: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Kept:
        """Read the file; it was written by ``--record`` but people merge files."""
        try:
            root = json.loads(path.read_text())
        except FileNotFoundError:
            raise KeptError(f"{path} is missing: `ci/compare --record` makes it") from None
        except (OSError, ValueError) as error:
            raise KeptError(f"{path} cannot be read: {error}") from error
        try:
            counted, measured = root["instructions"], root["ratios"]
            return cls(
                instructions=_numbers(counted["operations"]),
                built=_texts(counted["built"]),
                ratios={name: _range(value) for name, value in measured["cases"].items()},
                machine=_texts(measured["machine"]),
            )
        except KeyError as error:
            raise KeptError(f"{path}: {error} is missing; `ci/compare --record` heals it") from None
        except (TypeError, AttributeError, ValueError) as error:
            raise KeptError(f"{path}: {error}; `ci/compare --record` heals it") from None

    def write(self, path: Path) -> None:
        """Write the file so that a change shows as a change of few lines."""
        root = {
            "instructions": {"built": self.built, "operations": self.instructions},
            "ratios": {
                "machine": self.machine,
                "cases": {name: dataclasses.asdict(kept) for name, kept in self.ratios.items()},
            },
        }
        path.write_text(json.dumps(root, indent=2) + "\n")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {name: _number(value) for name, value in values.items()}


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _range(value: dict[str, Any]) -> Range:
    kept = Range(_number(value["median"]), _number(value["low"]), _number(value["high"]))
    if not 0 < kept.low <= kept.median <= kept.high:
        raise ValueError(f"{value} is no range around its median")
    return kept
