"""An item more in a dataset.yaml that people wrote: what was there stays, whatever their style."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import GoldenError
from edgeseg.golden.appending import appended

ROW = {"image": "images/n.jpg", "mask": "masks/n.png", "tags": ["glasses"]}
LINE = "{image: images/n.jpg, mask: masks/n.png, tags: [glasses]}"
HEAD = "name: small # ours\nversion: 3  # raised by us\nlicence: 'CC0-1.0'\nsource: \"drawn\"\n"

STYLES = {
    "a line an item": (
        HEAD + "items:\n  - {image: a.png, mask: b.png}  # the first\n",
        HEAD.replace("3", "4") + f"items:\n  - {{image: a.png, mask: b.png}}  # the first\n  - {LINE}\n",
    ),
    "no end of line": (
        HEAD + "items:\n- {image: a.png, mask: b.png}",
        HEAD.replace("3", "4") + f"items:\n- {{image: a.png, mask: b.png}}\n- {LINE}\n",
    ),
    "blocks, remarks after the last": (
        HEAD + "items:\n  - image: a.png\n    mask: b.png # black\n    tags: [x,\n      y]\n\n# the end\n",
        HEAD.replace("3", "4")
        + f"items:\n  - image: a.png\n    mask: b.png # black\n    tags: [x,\n      y]\n  - {LINE}\n\n# the end\n",
    ),
    "a block of tags at the end": (
        HEAD + "items:\n  -\n    image: a.png\n    mask: b.png\n    tags:\n    - x\n    - y\n",
        HEAD.replace("3", "4")
        + f"items:\n  -\n    image: a.png\n    mask: b.png\n    tags:\n    - x\n    - y\n  - {LINE}\n",
    ),
    "items before the rest": (
        "items:\n  - {image: a.png, mask: b.png}\n\n# about\n" + HEAD,
        f"items:\n  - {{image: a.png, mask: b.png}}\n  - {LINE}\n\n# about\n" + HEAD.replace("3", "4"),
    ),
    "in brackets": (
        HEAD + "items: [{image: a.png, mask: b.png}, {image: c.png, mask: d.png}, ] # all\n",
        HEAD.replace("3", "4")
        + f"items: [{{image: a.png, mask: b.png}}, {{image: c.png, mask: d.png}}, {LINE}, ] # all\n",
    ),
    "all on one line": (
        "{name: one, version: 9, licence: x, source: y, items: [{image: a.png, mask: b.png}]}",
        f"{{name: one, version: 10, licence: x, source: y, items: [{{image: a.png, mask: b.png}}, {LINE}]}}",
    ),
    "Windows' ends of lines": (
        "version: 1\r\nitems:\r\n  - {image: a.png, mask: b.png}\r\n",
        f"version: 2\r\nitems:\r\n  - {{image: a.png, mask: b.png}}\r\n  - {LINE}\r\n",
    ),
    "a folded text last": (
        "version: 1\nitems:\n  - image: a.png\n    mask: b.png\n    source: >-\n      one\n      two\n",
        "version: 2\nitems:\n  - image: a.png\n    mask: b.png\n    source: >-\n      one\n      two\n"
        + f"  - {LINE}\n",
    ),
    "other letters": (
        "source: Größe 😀\nversion: 1\nitems:\n  - {image: ä.png, mask: b.png}\n",
        f"source: Größe 😀\nversion: 2\nitems:\n  - {{image: ä.png, mask: b.png}}\n  - {LINE}\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), STYLES.values(), ids=STYLES)
def test_only_the_version_and_the_new_item_change(before: str, after: str) -> None:
    assert appended(before, ROW) == after


HARMFUL = {
    "items by an alias": "a: &i [{image: a.png, mask: b.png}]\nversion: 1\nitems: *i\n",
    "version by an alias": "a: &v 1\nversion: *v\nitems:\n  - {image: a.png, mask: b.png}\n",
    "version in octal": "version: 010\nitems:\n  - {image: a.png, mask: b.png}\n",
    "no YAML": "version: [\n",
    "no version": "items: []\n",
}


@pytest.mark.parametrize("text", HARMFUL.values(), ids=HARMFUL)
def test_what_cannot_be_added_to_safely_is_left_to_people(text: str) -> None:
    with pytest.raises(GoldenError) as caught:
        appended(text, ROW)
    assert str(caught.value).endswith(f"add this to its items by hand, and raise its version: {LINE}")


_TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=12)
_ITEMS = st.lists(st.fixed_dictionaries({"image": _TEXTS, "mask": _TEXTS}, optional={"source": _TEXTS}), min_size=1)


@given(_ITEMS, st.integers(1, 99), st.sampled_from([None, True, False]), st.booleans(), _TEXTS)
def test_whatever_pyyaml_writes_can_be_added_to(
    items: list[dict[str, str]], version: int, flow: bool | None, first: bool, source: str
) -> None:
    data = {"items": items, "version": version} if first else {"version": version, "items": items}
    text = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=True, sort_keys=False)
    row = ROW | {"source": source}
    assert yaml.safe_load(appended(text, row)) == {"version": version + 1, "items": [*items, row]}
