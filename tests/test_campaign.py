"""A little of each part of the campaign; `make campaign` does the whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.campaign.tally import Tally, table

_LONGEST = 600.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc and adopts what runs leave behind")
def test_a_short_campaign_finds_no_fault() -> None:
    command = [sys.executable, "-m", "tests.campaign", "--short", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 faults in " in done.stdout
    for part in ("kills", "runs at once", "writes that fail", "clock jumps", "misbehaving experiments"):
        assert f"\n| {part} |" in done.stdout


def test_figures_add_up_and_faults_are_counted() -> None:
    whole = Tally("kills")
    for number, fault in ((1, "one"), (2, "two")):
        part = Tally("kills")
        part.count("kills", number)
        part.longest("longest wait, s", 1 / number)
        part.expect(good=False, fault=fault)
        part.expect(good=True, fault="never")
        whole.add(part)
    assert whole.faults == ["one", "two"]
    lines = table([whole]).splitlines()[2:]
    assert lines == ["| kills | kills | 3 |", "| kills | longest wait, s | 1.00 |", "| kills | faults | 2 |"]
