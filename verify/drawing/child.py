"""The process that draws: reads specifications, writes for each an SVG or the reason why there is none.

Run by path and without `verify` in reach, so that nothing is imported but what draws.  A specification is a line of
JSON; an answer is a line that says what follows, and of how many bytes: `drawn`, `large` or `refused`.
"""

from __future__ import annotations

import json
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(limits: dict[str, int], version: str) -> None:
    """Draw what stands on the standard input, line by line until it ends."""
    _limit(limits)
    import vl_convert

    for line in sys.stdin.buffer:
        specification = json.loads(line)
        try:
            said = vl_convert.vegalite_to_svg(specification, vl_version=version, allowed_base_urls=[])
            kind = "drawn"
            if len(said) > limits.get("most", sys.maxsize):
                kind, said = "large", str(len(said))
        except ValueError as error:
            kind, said = "refused", str(error)
        answer = said.encode("utf-8", "replace")
        sys.stdout.buffer.write(f"{kind} {len(answer)}\n".encode() + answer)
        sys.stdout.flush()


def _end_with(parent: int) -> None:
    """Have Linux end this process with the one that started it: while it draws, it does not see its input end.

    The kernel means the thread that started it; if that ends alone, what this would have drawn is drawn anew.
    """
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before that
            os._exit(1)


def _limit(limits: dict[str, int]) -> None:
    """Take no more of the machine than this, where the system can see to it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    kinds = (("cpu", resource.RLIMIT_CPU), ("memory", resource.RLIMIT_DATA), ("core", resource.RLIMIT_CORE))
    for name, kind in kinds:
        _, hard = resource.getrlimit(kind)
        if name in limits and (hard == resource.RLIM_INFINITY or limits[name] < hard):
            resource.setrlimit(kind, (limits[name], hard))


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    _end_with(given.pop("parent"))
    main(given, sys.argv[2])
