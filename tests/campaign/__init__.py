"""A campaign against runs: kills, runs at once, full disks, jumping clocks, experiments that misbehave, broken inputs.

`python -m tests.campaign` (or `make campaign`) does all of it in some minutes, prints its figures as a table and
fails on any fault; `tests/test_campaign.py` does a little of each.  Every choice comes from one seed, which is
printed; what a moment hits is up to the machine.  Linux only: it reads `/proc`, and adopts what a run leaves behind.
"""
