"""The process that draws one figure: reads a specification, writes an SVG or the reason why there is none.

Run by path and without `verify` in reach, so that nothing is imported but what draws.
"""

from __future__ import annotations

import json
import sys


def main(limits: dict[str, int], version: str) -> None:
    """Draw what stands on the standard input."""
    _limit(limits)
    import vl_convert

    specification = json.loads(sys.stdin.buffer.read())
    try:
        text = vl_convert.vegalite_to_svg(specification, vl_version=version, allowed_base_urls=[])
        said = f"large\n{len(text)}" if len(text) > limits["most"] else f"drawn\n{text}"
    except ValueError as error:
        said = f"refused\n{error}"
    sys.stdout.buffer.write(said.encode("utf-8", "replace"))
    sys.stdout.flush()


def _limit(limits: dict[str, int]) -> None:
    """Take no more of the machine than this, where the system can see to it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in (("RLIMIT_CPU", limits["cpu"]), ("RLIMIT_DATA", limits["memory"]), ("RLIMIT_CORE", 0)):
        _, hard = resource.getrlimit(getattr(resource, kind))
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(getattr(resource, kind), (most, hard))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2])
