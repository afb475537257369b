"""Where data is: the cache folder, and a folder of the user's."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """For what can be made or downloaded again: `VERIFY_CACHE`, or the platform's folder for such things."""
    chosen = os.environ.get("VERIFY_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("verify-reviews")


def data_folder() -> Path | None:
    """`VERIFY_DATA`: where the user keeps data sets that need not be downloaded."""
    chosen = os.environ.get("VERIFY_DATA")
    return Path(chosen).expanduser() if chosen else None
