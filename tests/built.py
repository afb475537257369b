"""A whole site, built once for all tests that look at it.

It holds this repository's reviews with their evidence as they are, beside them the miniature ones, whose evidence is
stale, failed and missing, and one whose text has a bit of everything.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from tests import miniature
from tests.past import git
from tests.test_site import NOTEBOOK
from verify.project.project import Project
from verify.project.refresh import refresh

ADDRESS = "https://reviews.example/"
"""Where the site says that it stands; nothing may be fetched from there."""

PROSE = miniature.DICE.replace("Dice without evidence", "A text with everything").replace(
    "Sixes: {{ rolls.sixes }}.",
    r"""# A text with everything

The sixes are
{{ rolls.sixes }}, [as claimed](#claim-fair) ([@fair]), see [the other review](dice.md) and www.example.org:
- fewer steps
  - 数 and 실험 with $x^*$
    ```python
    print("{{ x }}" * 40, "a line of code that is much longer than any phone is wide, so that it has to scroll")
    ```
- | a | $\|x\|$ | {{ rolls.sixes | .1% }} |
  |---|:-:|--:|
  | 1 | `a \| b` | ~~2~~ |

3. three
4. four

   > quoted
   > $$
   > a_1 = b_1 + c_1 + d_1 + e_1 + f_1 + g_1 + h_1 + i_1 + j_1 + k_1 + l_1 + m_1 + n_1 + o_1 + p_1 + q_1 + r_1 + s_1
   > $$

- [x] read
- [ ] write

| model | a very long name of a column | another very long name of a column | a third one, no shorter than the others |
|---|---|---|---|
| a-name-that-cannot-be-broken-anywhere-at-all-and-is-long | 1 | 2 | 3 |

## 方法 of $L_1$ {#method}

A footnote[^1] and $10 a day, $20 on Sundays, \(a \le b\).
ALongWordThatNoBrowserBreaksByItselfUnlessItIsToldToDoSoSinceItIsOne.

\begin{align}
a &= b \\

c &= d
\end{align}

!!! warning "A *box*"
    With text.

??? note
    Folded.

> [!TIP]
> An alert.

Term
: its definition

![A coin](coin.png)

<details>
<summary>More</summary>

**Markdown** in H<sub>2</sub>O.

</details>

# Results {2017}

### Results {2017}

[^1]: With `code`.

    And more.
""",
)
"""A review whose text has most of what texts have, some of it wider than a phone."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site, made by whichever worker comes first."""
    own = tmp_path_factory.getbasetemp()
    root = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "quality"
    with FileLock(f"{root}.lock"):
        if not root.is_dir():
            _build(root)
    assert (root / "site" / "index.html").is_file(), "it could not be built: another test of this file says why"
    return root / "site"


def _build(root: Path) -> None:
    root.mkdir()
    project = miniature.make(root)
    (root / ".gitignore").write_text(".verify/\nsite/\n")
    git(root, "init", "--quiet")
    _commit(root, 0)
    miniature.record(project, "coin", "small", failed={"bias": 0.5})
    miniature.outdate(project, "coin", "tosses", "tiny")
    for name in ("docs", "reviews"):
        shutil.copytree(miniature.ROOT / name, root / name, dirs_exist_ok=True)
    shutil.copy(miniature.ROOT / "CHANGELOG.md", root)
    for name, content in {
        "reviews/notebooks/coin.py": "# %%\n",
        "docs/notebooks/coin.ipynb": json.dumps(NOTEBOOK),
    }.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    (root / "reviews" / "prose.md").write_text(PROSE, encoding="utf-8")
    refresh(Project.load(root))
    _commit(root, 1)  # in which verdicts changed
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SITE_URL", ADDRESS)
        built = miniature.build(root)
    assert built.returncode == 0, built.stderr


def _commit(root: Path, day: int) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", f"day {day}", day=day)
