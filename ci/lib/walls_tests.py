"""Whether the walls see what they are there for."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any

import rust_source
import walls
import walls_shape
from rust_source import Function

A_FILE = """
//! struct InAComment;
pub struct Alone(u8);
pub(crate) enum Choice { A, B }
unsafe trait Risky { type Inside; fn signature_only(&self, at: [u8; 4]); }
#[cfg(unix)]
type Alias = u8;
#[cfg(not(unix))]
type Alias = u16;

impl Alone {
    fn short(&self) -> &str {
        "struct InAString; fn in_a_string() { }"
    }

    fn long(
        &self,
        other: [u8; 2],
    ) -> char {
        // A comment is no code.
        let brace = '{';

        if other[0] == 0 {
            return brace;
        }
        '}'
    }
}

#[cfg(test)]
mod tests {
    struct OfATest;
    fn a_test() {}
}
"""


class Source(unittest.TestCase):
    """What is found in a file."""

    def setUp(self) -> None:
        """Its code."""
        self.code = rust_source.code(A_FILE)

    def test_lines_stay_where_they_are(self) -> None:
        """So that a fault names the right one."""
        self.assertEqual(self.code.count("\n"), A_FILE.count("\n"))
        self.assertNotIn("InAComment", self.code)
        self.assertNotIn("InAString", self.code)

    def test_types_of_the_module_are_found(self) -> None:
        """Not those of tests or traits; alternatives are one."""
        self.assertEqual(rust_source.types(self.code), {"Alone", "Choice", "Risky", "Alias"})

    def test_functions_are_measured_by_their_code(self) -> None:
        """Those of tests too; a signature alone is none, and braces in characters do not count."""
        found = {function.name: function for function in rust_source.functions(self.code)}
        self.assertEqual(set(found), {"short", "long", "a_test"})
        self.assertEqual(found["long"].length, 5)
        self.assertEqual(found["a_test"].length, 0)
        self.assertIn("fn long(", A_FILE.splitlines()[found["long"].line - 1])

    def test_functions_in_a_macro_are_found(self) -> None:
        """Which clippy does not see."""
        text = (
            "proptest! {\n    fn property(x in 0..9) {\n        one();\n        two();\n    }\n}\n"
        )
        (function,) = rust_source.functions(rust_source.code(text))
        self.assertEqual(function, Function("property", 2, 2))

    def test_the_unit_tests_are_cut_off(self) -> None:
        """They close a file."""
        kept = rust_source.before_tests(self.code.splitlines())
        self.assertNotIn("OfATest", "\n".join(kept))


class Shape(unittest.TestCase):
    """Names and sizes."""

    def doubled(self, *types: tuple[str, str]) -> list[str]:
        """The names that are at fault where each path defines a name."""
        found = {Path(path): {name} for path, name in types}
        return [name for name, _ in walls_shape.doubled_types(found)]

    def test_a_name_in_two_crates_or_twice_in_one_is_a_fault(self) -> None:
        """Which names both places."""
        self.assertEqual(self.doubled(("a/src/x.rs", "Link"), ("b/src/y.rs", "Link")), ["Link"])
        self.assertEqual(self.doubled(("a/src/x.rs", "Link"), ("a/src/y.rs", "Link")), ["Link"])
        self.assertEqual(self.doubled(("a/src/x.rs", "Link"), ("b/src/y.rs", "Chain")), [])
        found = {Path("a/x.rs"): {"Link"}, Path("b/y.rs"): {"Link"}}
        ((_, fault),) = walls_shape.doubled_types(found)
        self.assertIn("a/x.rs, b/y.rs", fault)

    def test_a_backend_or_a_system_stands_for_another(self) -> None:
        """So do their types."""
        for one, other in (("uring", "mio"), ("unix", "windows")):
            pair = ((f"e/src/{one}/ring.rs", "Ring"), (f"e/src/{other}/ring.rs", "Ring"))
            self.assertEqual(self.doubled(*pair), [])
        self.assertEqual(self.doubled(("w/linux.rs", "WakeFd"), ("w/windows.rs", "WakeFd")), [])
        self.assertEqual(self.doubled(("e/uring/a.rs", "Ring"), ("e/mio/b.rs", "Ring")), ["Ring"])

    def test_tests_name_things_as_they_like(self) -> None:
        """In whatever kind of file."""
        for path in ("a/src/x/tests.rs", "a/tests/it/x.rs", "a/benches/x.rs"):
            self.assertEqual(self.doubled((path, "Link"), ("b/src/y.rs", "Link")), [])

    def test_what_may_be_doubled_has_a_reason(self) -> None:
        """And is not to be mended at the same time."""
        self.assertTrue(all(walls_shape.MAY_BE_DOUBLED.values()))
        self.assertFalse(walls_shape.STILL_DOUBLED & walls_shape.MAY_BE_DOUBLED.keys())

    def test_the_limits_are_the_last_good_lengths(self) -> None:
        """One more is a fault."""
        at_limit, over = walls_shape.LONGEST_FILE, walls_shape.LONGEST_FILE + 1
        faults = walls_shape.long_files({Path("a.rs"): at_limit, Path("b.rs"): over})
        self.assertEqual([name for name, _ in faults], ["b.rs"])
        limit = walls_shape.LONGEST_FUNCTION
        functions = [Function("short", 1, limit), Function("long", 9, limit + 1)]
        (fault,) = walls_shape.long_functions(Path("a.rs"), functions)
        self.assertIn("a.rs:9: long has 71 lines", fault)

    def test_python_is_measured_too(self) -> None:
        """In the same way."""
        text = "def one() -> int:\n    # Why.\n\n    x = 1\n    return x\n"
        self.assertEqual(list(walls_shape.python_functions(text)), [Function("one", 1, 2)])


class Walls(unittest.TestCase):
    """Layers and islands."""

    def test_an_arrow_upward_and_an_unknown_crate_are_faults(self) -> None:
        """By name."""
        upward = {"name": "ringmq", "kind": None}
        packages: list[dict[str, Any]] = [
            {"name": "ringmq-pipe", "dependencies": [upward]},
            {"name": "ringmq-other", "dependencies": []},
        ]
        faults = walls.check_dependencies(packages)
        self.assertEqual(len(faults), 2)
        self.assertIn("ringmq-pipe depends upward on ringmq", faults[0])
        self.assertIn("ringmq-other", faults[1])

    def test_a_tool_knows_the_public_crate_only(self) -> None:
        """But for its own tests."""
        for kind, wanted in ((None, 1), ("dev", 0)):
            engine = {"name": "ringmq-engine", "kind": kind}
            packages = [{"name": "ringmq-bench", "dependencies": [engine]}]
            self.assertEqual(len(walls.check_dependencies(packages)), wanted)

    def test_the_library_is_what_is_below_the_tools(self) -> None:
        """Its folders, not those of its tests."""
        target = {"kind": ["lib"], "src_path": str(rust_source.ROOT / "sockets/src/lib.rs")}
        test = {"kind": ["test"], "src_path": str(rust_source.ROOT / "sockets/tests/it/main.rs")}
        packages = [
            {"name": "ringmq", "targets": [target, test]},
            {"name": "ringmq-bench", "targets": [target]},
        ]
        self.assertEqual(walls.library(packages), ["sockets/src/"])


if __name__ == "__main__":
    unittest.main()
