"""What a review may hold of raw HTML: which elements, where each may stand, and which attributes it may have."""

from __future__ import annotations


def names(text: str) -> frozenset[str]:
    """Words as a set."""
    return frozenset(text.split())


PHRASING = names(
    "a abbr b br cite code del dfn em i img ins kbd mark q ruby s samp small span strong sub sup time u var wbr"
)
"""Elements of a line of text."""
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
BLOCKS = HEADINGS | names("blockquote details div dl figure hr ol p pre table ul")
PARENTS: dict[str, frozenset[str]] = {
    name: frozenset(parents.split())
    for name, parents in {
        "li": "ul ol",
        "dt": "dl",
        "dd": "dl",
        "caption": "table",
        "colgroup": "table",
        "col": "colgroup table",
        "thead": "table",
        "tbody": "table",
        "tfoot": "table",
        "tr": "thead tbody tfoot table",
        "td": "tr",
        "th": "tr",
        "summary": "details",
        "figcaption": "figure",
        "rt": "ruby",
        "rp": "ruby",
    }.items()
}
"""Elements that stand directly in certain others and nowhere else."""
ALLOWED = PHRASING | BLOCKS | frozenset(PARENTS)
VOID = frozenset({"br", "col", "hr", "img", "wbr"})
"""Allowed elements without content."""
TRANSPARENT = frozenset({"a", "del", "ins"})
"""They may hold what may stand around them."""
STRUCTURES = names("colgroup dl ol table tbody tfoot thead tr ul")
"""Elements that hold parts and no text."""
IMPLIED = {"dl": "dd", "ol": "li", "tr": "td", "ul": "li"}
"""The part that text in a structure is put into."""
LINES = (PHRASING | HEADINGS | {"p", "pre", "rp", "rt", "summary"}) - TRANSPARENT
"""Elements that hold a line of text and no blocks."""
BARRIERS = frozenset({"caption", "table", "td", "th"})
"""What lies in them cannot end, or be a part of, what lies around them."""
TABLE_PARTS = names("caption col colgroup table tbody td tfoot th thead tr")

RENAMED = {
    "acronym": "abbr", "center": "div", "dir": "ul", "h1": "h2", "image": "img", "menu": "ul", "strike": "s",
    "tt": "code",
    **dict.fromkeys(names("address article aside footer header hgroup main nav section search"), "div"),
}  # fmt: skip
"""Elements that are written as others: a page has one `h1`, and parts of a page are the theme's."""
UNWRAPPED = names("basefont bdi bdo big blink data font label marquee nobr picture source")
"""Elements that are left out without a word, since what they hold says the same without them."""
EMPTIED = names(
    "applet audio canvas dialog frameset iframe math noembed noframes noscript object script select style svg "
    "template textarea title video xmp"
)
"""Elements that are left out with all that is in them."""
REFUSED = names(
    "area base body button datalist embed fieldset form frame head html input keygen legend link listing map meta "
    "meter optgroup option output param plaintext progress slot track bgsound isindex spacer"
)
"""Elements that are left out, and whose text stays."""
KNOWN = ALLOWED | EMPTIED | REFUSED | UNWRAPPED | frozenset(RENAMED)
"""All that HTML has or had: another name between angle brackets is meant as it is written."""

SIDES = {"left": "left", "right": "right", "center": "center", "middle": "center", "justify": "justify"}
LEVELS = {"top": "top", "middle": "middle", "center": "middle", "bottom": "bottom", "baseline": "baseline"}
FIXED: dict[str, dict[str, frozenset[str]]] = {
    "th": {"scope": frozenset({"row", "col", "rowgroup", "colgroup"})},
    "ol": {"type": frozenset({"1", "a", "A", "i", "I"})},
}
"""Attributes with a few values."""
FLAGS = {"details": frozenset({"open"}), "ol": frozenset({"reversed"})}
COUNTS = {
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan"}),
    "col": frozenset({"span"}),
    "colgroup": frozenset({"span"}),
    "img": frozenset({"width", "height"}),
}
"""Attributes that are numbers above nought, of at most four digits."""
INTEGERS = {"ol": frozenset({"start"}), "li": frozenset({"value"})}
TEXTS = {"time": frozenset({"datetime"}), "del": frozenset({"datetime"}), "ins": frozenset({"datetime"})}
