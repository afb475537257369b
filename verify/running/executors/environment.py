"""What processes that run experiments get of this one's environment: what libraries need, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_NAMES = frozenset(
    (
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
        "VIRTUAL_ENV", "CONDA_PREFIX", "TORCH_HOME", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
        "SYSTEMROOT", "WINDIR", "COMSPEC", "APPDATA", "LOCALAPPDATA", "USERPROFILE", "PROGRAMDATA",
    )
)  # fmt: skip
"""In capitals; the proxies' are as often written small."""
_PREFIXES = ("CUDA_", "NVIDIA_", "HIP_", "ROCR_", "HF_", "XDG_", "SSL_CERT_", "VERIFY_")
_FOLDERS = frozenset(("TMPDIR", "TEMP", "TMP", "TORCH_HOME", "HF_HOME", "VERIFY_CACHE", "VERIFY_DATA"))
_THREADS = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip


def cleaned(given: Mapping[str, str], threads: int) -> dict[str, str]:
    """What a worker's environment is: of `given` what is on the list, and what makes machines alike."""
    kept = {name: value for name, value in given.items() if name.upper() in _NAMES or name.startswith(_PREFIXES)}
    # Workers work elsewhere, where what is relative to this process's folder would be another.
    given_folders = {name: kept[name] for name in _FOLDERS & kept.keys() if kept[name]}
    folders = {name: str(Path(each).absolute()) for name, each in given_folders.items() if not each.startswith("~")}
    alike = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    return kept | folders | alike | dict.fromkeys(_THREADS, str(threads))
