"""What no row names is seen, and so is what a row names in vain."""

from __future__ import annotations

import unittest
from pathlib import PurePath

from layout import HEADING, check

PAGE = f"""
| `elsewhere/` | `not/` this one |

{HEADING}
| folder | has |
|---|---|
| `upper/src/` | `lib.rs`; `inner/` the inside, and `alone.rs` |
| `lower/src/` | `lib.rs` |

## Afterwards

| `upper/src/` | `late.rs` |
"""
ALL = ["upper/src/lib.rs", "upper/src/inner/deep/a.rs", "upper/src/alone.rs", "lower/src/lib.rs"]


def faults(*files: str) -> list[str]:
    """What is found with these files."""
    return check(PAGE, [PurePath(file) for file in files])


class Layout(unittest.TestCase):
    """The check, on a page and files that are made up."""

    def test_all_that_is_named_is_found(self) -> None:
        """A file by itself, or by its folder."""
        self.assertEqual(faults(*ALL), [])

    def test_what_is_new_is_to_be_named(self) -> None:
        """Rows before and after the section do not count."""
        for new in ["upper/src/late.rs", "lower/src/inner/a.rs", "elsewhere/not/a.rs"]:
            self.assertEqual(faults(*ALL, new), [f"{new} is not in the table"])

    def test_what_is_gone_is_not_to_be_named(self) -> None:
        """A name leads somewhere."""
        told = "the table names upper/src/inner/, which nobody has"
        self.assertEqual(faults(ALL[0], *ALL[2:]), [told])

    def test_a_page_without_the_table_is_no_page(self) -> None:
        """The check cannot pass for want of a table."""
        with self.assertRaises(LookupError):
            check("", [])


if __name__ == "__main__":
    unittest.main()
