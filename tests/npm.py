"""Packages of npm, fetched once into pytest's cache; tests that need them are skipped without."""

import shutil
import subprocess
from pathlib import Path

import pytest

_PATIENCE = 180


def installed(request: pytest.FixtureRequest, *packages: str) -> Path:
    """The folder that has ``packages``, each ``name@version``, in its ``node_modules``."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Node.js and npm: `apt-get install nodejs npm`")
    assert request.config.cache is not None
    folder = request.config.cache.mkdir("npm")
    there = folder / "node_modules"
    missing = [each for each in packages if not (there / each.rpartition("@")[0]).exists()]
    if missing:
        asked = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages]
        try:
            made = subprocess.run(asked, capture_output=True, text=True, timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm did not fetch {', '.join(missing)} within {_PATIENCE} s")
        if made.returncode:
            pytest.skip(f"npm did not fetch {', '.join(missing)}: {made.stderr[-200:]}")
    return folder
