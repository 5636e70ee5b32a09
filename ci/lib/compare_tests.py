"""Whether a comparison tells a regression from noise, and a good file from a bad one."""

from __future__ import annotations

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import compare
import compare_counts as counts
import compare_ratios as ratios
from compare_kept import Kept, KeptError, Range

SPEED, TRIP = "tcp/throughput/64", "tcp/latency/64"


def a_run(case: str, floor: list[float], ours: list[float]) -> ratios.Run:
    """Rounds of one case on one backend."""
    run = ratios.Run(Path("nothing"))
    for figure, other in zip(ours, floor, strict=True):
        run.add(case, "mio", figure)
        run.add(case, "floor", other)
    run.rounds = len(floor)
    return run


class Counts(unittest.TestCase):
    """Instructions."""

    def test_the_start_of_the_program_does_not_count(self) -> None:
        """It is in both runs."""
        self.assertEqual(counts.per_operation(1_000_000 + 50 * 100, 1_000_000 + 100 * 100, 50), 100)

    def test_the_summary_is_found(self) -> None:
        """Among the other lines of callgrind's file."""
        self.assertEqual(counts.total("events: Ir\nsummary: 123 4\nfn=(1)\n"), 123)
        with self.assertRaisesRegex(RuntimeError, "summary"):
            counts.total("events: Ir\n")

    def test_five_in_a_hundred_are_a_regression(self) -> None:
        """Less is not, and neither is another compiler's count."""
        kept = Kept(instructions={"encode": 100.0})
        self.assertEqual(counts.judge(kept, "encode", 104.9, "").failure, "")
        self.assertIn("encode takes 105.2", counts.judge(kept, "encode", 105.2, "").failure)
        self.assertEqual(counts.judge(kept, "encode", 200.0, "another compiler").failure, "")
        self.assertFalse(counts.judge(kept, "new one", 1.0, "").judged)


class Ratios(unittest.TestCase):
    """Ratios to the floor."""

    def judge(self, case: str, floor: list[float], ours: list[float]) -> str:
        """What is wrong with rounds of a case that ranged from 0.4 to 0.6 of its floor."""
        kept = Kept(ratios={f"{case}/mio": Range(0.5, 0.4, 0.6)})
        (verdict,) = ratios.judge(kept, a_run(case, floor, ours), "")
        return verdict.failure

    def test_within_the_recorded_range_is_no_regression(self) -> None:
        """Nor a tenth beyond it."""
        self.assertEqual(self.judge(SPEED, [100] * 3, [50, 41, 60]), "")
        self.assertEqual(self.judge(SPEED, [100] * 3, [37, 37, 37]), "")

    def test_a_slow_round_is_no_regression(self) -> None:
        """The median decides, and a machine that slows down slows the floor down."""
        self.assertEqual(self.judge(SPEED, [100, 100, 50], [50, 5, 25]), "")

    def test_below_the_range_is_one(self) -> None:
        """The message names case, figure and limit."""
        failure = self.judge(SPEED, [100] * 3, [30, 31, 32])
        self.assertIn("tcp/throughput/64/mio is 0.310", failure)
        self.assertIn("at least 0.360", failure)

    def test_of_times_more_is_worse(self) -> None:
        """So the other end of the range decides."""
        self.assertEqual(self.judge(TRIP, [100] * 3, [30, 30, 30]), "")
        self.assertIn("at most 0.660", self.judge(TRIP, [100] * 3, [70, 70, 70]))

    def test_a_floor_that_jumps_about_judges_nobody(self) -> None:
        """Then the machine is not measuring anything."""
        self.assertEqual(self.judge(SPEED, [100, 300, 900, 50], [10, 30, 90, 5]), "")

    def test_another_machine_judges_nobody(self) -> None:
        """It has other ratios."""
        kept = Kept(
            ratios={f"{SPEED}/mio": Range(0.5, 0.4, 0.6)}, machine={"cpu": "x", "cores": "9"}
        )
        reason = ratios.why_not_comparable(kept)
        self.assertIn("kept from x with 9 cores", reason)
        (verdict,) = ratios.judge(kept, a_run(SPEED, [100.0], [1.0]), reason)
        self.assertFalse(verdict.judged or verdict.failure)

    def test_a_record_holds_against_itself(self) -> None:
        """Whatever the rounds were."""
        run = a_run(SPEED, [100.0] * 5, [30.0, 50.0, 55.0, 60.0, 90.0])
        kept = Kept()
        ratios.record(kept, run)
        self.assertEqual(kept.ratios[f"{SPEED}/mio"].median, 0.55)
        (verdict,) = ratios.judge(kept, run, ratios.why_not_comparable(kept))
        self.assertTrue(verdict.judged)
        self.assertEqual(verdict.failure, "")


class Looks(ratios.Run):
    """Rounds whose ratios are known, those of each look in its turn."""

    def __init__(self, looks: list[float]) -> None:
        super().__init__(Path("nothing"))
        self.looks = looks

    def another(self) -> Looks:
        """Goes on with the next look."""
        return self

    def measure(self, rounds: int, only: set[str] | None = None) -> None:
        """The next look."""
        assert only is None or only == {f"{SPEED}/mio"}
        ratio, self.figures, self.rounds = self.looks.pop(0), {}, rounds
        for _ in range(rounds):
            self.add(SPEED, "floor", 100)
            self.add(SPEED, "mio", 100 * ratio)


class Again(unittest.TestCase):
    """What is looked at again."""

    def failure(self, looks: list[float], rests: int) -> tuple[str, int]:
        """What is wrong after these looks, and how many of them were not needed."""
        kept = Kept(ratios={f"{SPEED}/mio": Range(0.5, 0.4, 0.6)}, machine=ratios.machine())
        run = Looks(looks)
        run.measure(5)
        quiet = contextlib.redirect_stderr(io.StringIO())
        with contextlib.redirect_stdout(io.StringIO()), quiet:
            (verdict,) = compare.judge_ratios(kept, run, [0] * rests)
        return verdict.failure, len(run.looks)

    def test_what_passes_is_no_regression(self) -> None:
        """And nothing is looked at once more than needed."""
        self.assertEqual(self.failure([0.45, 0.1], 4), ("", 1))
        self.assertEqual(self.failure([0.3, 0.3, 0.37, 0.1, 0.1], 4), ("", 2))

    def test_what_stays_is_one(self) -> None:
        """The last look tells."""
        failure, left = self.failure([0.3, 0.35, 0.34, 0.33, 0.35], 4)
        self.assertIn("is 0.350 of its floor", failure)
        self.assertEqual(left, 0)


class File(unittest.TestCase):
    """The kept figures."""

    def setUp(self) -> None:
        """A folder of our own."""
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.path = Path(self._folder.name) / "compare.json"

    def test_what_is_written_is_read(self) -> None:
        """All of it."""
        kept = Kept({"encode": 95.5}, {"arch": "a"}, {"x/mio": Range(2.0, 1.0, 3.0)}, {"cpu": "c"})
        kept.write(self.path)
        self.assertEqual(Kept.read(self.path), kept)

    def test_a_bad_file_is_an_error_that_says_what_to_do(self) -> None:
        """Each in its own words."""
        good = '{"instructions": {"built": {}, "operations": {"a": 1}}, "ratios": {"machine": {},'
        good += ' "cases": {"x/mio": {"median": 2, "low": 1, "high": 3}}}}'
        self.path.write_text(good)
        Kept.read(self.path)
        for text, wanted in (
            ("fast", "cannot be read"),
            ("[]", "ci/compare --record"),
            ("{}", "'instructions' is missing"),
            (good.replace('"median"', '"middle"'), "'median' is missing"),
            (good.replace('{"a": 1}', '{"a": "1"}'), "'1' is no number"),
            (good.replace('"low": 1', '"low": 5'), "no range around its median"),
        ):
            self.path.write_text(text)
            with self.subTest(text=text), self.assertRaisesRegex(KeptError, wanted):
                Kept.read(self.path)

    def test_a_missing_file_is_an_error_that_says_how_to_make_it(self) -> None:
        """It is part of the tree."""
        with self.assertRaisesRegex(KeptError, "is missing: `ci/compare --record` makes it"):
            Kept.read(self.path)


class Conclusion(unittest.TestCase):
    """The exit status."""

    def test_a_regression_fails_and_says_what_to_do(self) -> None:
        """By name."""
        kept = Kept(instructions={"encode": 100.0})
        verdicts = [counts.judge(kept, "encode", now, "") for now in (100.0, 110.0)]
        with contextlib.redirect_stdout(io.StringIO()) as output:
            self.assertEqual(compare.conclude(verdicts[:1], None), 0)
            self.assertEqual(compare.conclude(verdicts, "no valgrind"), 1)
        for wanted in ("1 of 1 figures", "no valgrind", "REGRESSION: encode", "--record"):
            self.assertIn(wanted, output.getvalue())


if __name__ == "__main__":
    unittest.main()
