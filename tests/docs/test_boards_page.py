"""docs/boards.md says what is concluded now."""

from __future__ import annotations

from boards_page import BOARDS, PAGE, page


def test_the_page_is_what_the_boards_conclude() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(), "write it anew: python tests/docs/boards_page.py, and look at what changed"
    assert [root.parent.name for root in BOARDS if f"\n## {root.parent.name}\n" not in written] == []
