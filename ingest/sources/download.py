"""MovieLens by name: fetched from GroupLens, resumed where it stopped, checked.

The data are not Palate's to give away: their licence is shown, and they stay where the user
keeps them. Our own code, since pooch neither goes on where a download stopped nor reads a sum that
the server publishes beside the file.
"""

import hashlib
import re
import zipfile
from pathlib import Path

import httpx
from rapidfuzz import process

from ingest.progress import LoadProgress
from palate.errors import LoadError, MisuseError

BASE_URL = "https://files.grouplens.org/datasets/movielens"
NAMES = (
    "ml-latest-small", "ml-latest", "ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m"
)  # fmt: skip
LICENCE = (
    "MovieLens data are by GroupLens, University of Minnesota. They may be used for research; "
    "they may not be redistributed, nor used for commercial purposes without permission, and "
    "publications must cite F. Maxwell Harper and Joseph A. Konstan (2015), The MovieLens "
    "Datasets, https://doi.org/10.1145/2827872. The full terms: {url}-README.html"
)
_MD5 = re.compile(r"\b[0-9a-f]{32}\b")


def locate(
    location: str,
    folder: Path,
    progress: LoadProgress | None = None,
    base_url: str = BASE_URL,
) -> Path:
    """The MovieLens folder or zip that ``location`` means: a path, or a name to download.

    Raises MisuseError when it is neither.
    """
    if Path(location).exists():
        return Path(location)
    if location.lower() in NAMES:
        return download(location.lower(), folder, progress, base_url)
    nearest = process.extractOne(location.lower(), NAMES)
    hint = f" Did you mean {nearest[0]}?" if nearest and nearest[1] > 60 else ""
    raise MisuseError(
        f"There is no {location}, and no MovieLens data set of that name.{hint} Nothing was "
        f"loaded. Name a folder, a zip file, or one of {', '.join(NAMES)}."
    )


def download(
    name: str, folder: Path, progress: LoadProgress | None = None, base_url: str = BASE_URL
) -> Path:
    """Fetch ``<name>.zip`` into ``folder``, unless it is there; returns its path.

    An interrupted download goes on where it stopped. The MD5 sum that GroupLens publishes is
    compared where there is one; the archive's own checksums otherwise. Raises LoadError when the
    server cannot be reached or what it sent is damaged.
    """
    progress = progress or LoadProgress()
    url, target = f"{base_url}/{name}", folder / f"{name}.zip"
    progress.say(LICENCE.format(url=url))
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".zip.part")
    try:
        with httpx.Client(timeout=30, follow_redirects=True) as client:
            expected = _published_md5(client, f"{url}.zip.md5")
            fetch(client, f"{url}.zip", part, progress)
    except httpx.HTTPError as error:
        kept = f"What arrived is kept in {part}. " if part.exists() else ""
        raise LoadError(
            f"{url}.zip could not be downloaded ({error or type(error).__name__}). {kept}"
            "Nothing was loaded. Run the command again to go on, or download the file yourself "
            "and give its path."
        ) from error
    _verify(part, expected)
    return part.rename(target)


def _published_md5(client: httpx.Client, url: str) -> str | None:
    """The sum in GroupLens' ``.md5`` file; some data sets have none."""
    answer = client.get(url)
    found = _MD5.search(answer.text.lower()) if answer.is_success else None
    return found.group() if found else None


def fetch(client: httpx.Client, url: str, part: Path, progress: LoadProgress) -> None:
    """Fetch what a URL names into ``part``, going on where it stopped."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # everything is here
        answer.raise_for_status()
        resumed = answer.status_code == httpx.codes.PARTIAL_CONTENT
        length = int(answer.headers.get("Content-Length", 0))
        progress.step(f"Downloading {part.stem}", length or None)
        with part.open("ab" if resumed else "wb") as file:
            for chunk in answer.iter_bytes():
                file.write(chunk)
                progress.advance(0, len(chunk))


def _verify(part: Path, expected: str | None) -> None:
    """Raise LoadError, and remove the file, unless it is what was published."""
    try:
        with zipfile.ZipFile(part) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile:
        damaged = part.name
    if expected is not None:
        with part.open("rb") as file:
            actual = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
        if actual.hexdigest() != expected:
            damaged = part.name
    if damaged is not None:
        part.unlink()
        raise LoadError(
            f"The download of {part.stem} is damaged ({damaged} has a wrong checksum) and was "
            "removed. Nothing was loaded. Run the command again."
        )
