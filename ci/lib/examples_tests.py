"""What is public is found wherever it comes from, and only what runs is an example."""

from __future__ import annotations

import unittest
from typing import Any

from examples import Crates, Found, has_example


def item(name: str | None, inner: dict[str, Any], docs: str = "", public: bool = True) -> Any:
    """An item as rustdoc tells of it."""
    visibility = "public" if public else "default"
    return {"name": name, "inner": inner, "docs": docs, "visibility": visibility}


def module(*items: int) -> dict[str, Any]:
    """What a module is."""
    return {"module": {"items": list(items)}}


def use(target: int, name: str, is_glob: bool = False) -> dict[str, Any]:
    """What a re-export is."""
    return {"use": {"id": target, "name": name, "is_glob": is_glob}}


def methods(*items: int, trait: Any = None) -> dict[str, Any]:
    """What an impl is."""
    return {"impl": {"trait": trait, "items": list(items)}}


FUNCTION: dict[str, Any] = {"function": {}}
UPPER = {
    "root": 0,
    "index": {
        "0": item("upper", module(1, 2, 3, 4, 9)),
        "1": item("free", FUNCTION, "its docs"),
        "2": item(None, use(50, "Renamed")),
        "3": item(None, use(5, "inner", is_glob=True)),
        "4": item("Trait", {"trait": {"items": [7]}}),
        "5": item("inner", module(6)),
        "6": item("made", {"macro": "..."}),
        "7": item("provided", FUNCTION, public=False),
        "9": item(None, use(70, "Foreign")),
    },
    "paths": {
        "50": {"path": ["lower", "deep", "Type"], "kind": "struct"},
        "70": {"path": ["std", "Thing"], "kind": "struct"},
    },
}
LOWER = {
    "root": 0,
    "index": {
        "8": item("Type", {"struct": {"impls": [1, 2]}}),
        "1": item(None, methods(3, 4)),
        "2": item(None, methods(5, trait={"path": "Clone"})),
        "3": item("new", FUNCTION),
        "4": item("secret", FUNCTION, public=False),
        "5": item("clone", FUNCTION),
    },
    "paths": {"8": {"path": ["lower", "deep", "Type"], "kind": "struct"}},
}


class Functions(unittest.TestCase):
    """Which functions there are."""

    def test_all_that_can_be_called_is_found_at_its_public_path(self) -> None:
        """Re-exports by name and by glob, what traits provide, what macros make."""
        found = set(Crates({"upper": UPPER, "lower": LOWER}).functions("upper"))
        paths = {"upper::free", "upper::Renamed::new", "upper::made", "upper::Trait::provided"}
        self.assertEqual({function.path for function in found}, paths)
        self.assertIn(Found("upper::free", "its docs"), found)

    def test_what_is_re_exported_and_not_there_is_an_error(self) -> None:
        """Rather than that its methods are passed over."""
        lower = {**LOWER, "paths": {}}
        with self.assertRaises(LookupError):
            list(Crates({"upper": UPPER, "lower": lower}).functions("upper"))


class Examples(unittest.TestCase):
    """What is an example that runs."""

    def test_code_that_is_built_and_run_is_one(self) -> None:
        """However it is fenced."""
        for kind in ("", "rust", "should_panic", "rust,edition2024"):
            for fence in ("```", "````", "~~~"):
                with self.subTest(kind=kind, fence=fence):
                    self.assertTrue(has_example(f"Text.\n\n{fence}{kind}\ncode();\n{fence}"))

    def test_what_is_only_shown_is_none(self) -> None:
        """It may be wrong, and nobody hears of it."""
        for fence in ("```text", "```no_run", "```ignore", "```compile_fail", "```rust,no_run"):
            with self.subTest(fence):
                self.assertFalse(has_example(f"Text.\n\n{fence}\ncode();\n```\nMore text."))
        self.assertFalse(has_example("No code at all, but `some`."))

    def test_the_end_of_one_block_is_not_the_beginning_of_another(self) -> None:
        """A fence without a word may be either."""
        self.assertFalse(has_example("```text\n```\nText.\n```no_run\n```"))
        self.assertTrue(has_example("```no_run\n```\nText.\n```\ncode();\n```"))


if __name__ == "__main__":
    unittest.main()
