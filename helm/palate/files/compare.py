"""What `helm test` runs: the lover and the hater of fantasy search `lord`; their orders differ.

Usage: compare.py URL [--wait SECONDS] [--no-tasters], with a read key in READ_KEY where the API
wants one. It waits for pods that start and for a load that is still running. Without the tasters
it only asks for an answer. Standard library only.
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from typing import Any

LOVER, HATER = 20001, 20002
PAUSE = 2.0  # seconds between tries
NOT_YET = (502, 503, 504)


class NotYet(Exception):
    """Why there is no answer that can be compared, as things stand."""


def search(url: str, user: int | None = None) -> dict[str, Any]:
    """The answer to one user. Raises NotYet, and SystemExit for what waiting does not mend."""
    asked = f"q=lord&k=10&user_id={user}" if user else "q=lord&k=10"
    request = urllib.request.Request(f"{url}/v1/search?{asked}")  # noqa: S310
    if key := os.environ.get("READ_KEY", "").strip():
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        hint = " Put a read key into the Secret under read-key." if error.code == 401 else ""
        said = f"{url} answered {error.code}: {error.read().decode()}{hint}"
        if error.code in NOT_YET:
            raise NotYet(said) from error
        sys.exit(said)
    except OSError as error:
        raise NotYet(f"{url} does not answer: {error}") from error


def titles(url: str, user: int) -> list[str]:
    """The titles that one taster sees, in order. Raises NotYet."""
    answer = search(url, user)
    if not answer["personalized"]:
        raise NotYet(
            f"User {user} has no taste ({answer['why_not_personalized']}). See how the load job "
            "went; where there are no tasters, say so with jobs.load.tasters=false."
        )
    return [hit["title"] for hit in answer["hits"]]


def compare(url: str) -> None:
    """Show both orders. Raises NotYet, and SystemExit when they are the same."""
    lover, hater = titles(url, LOVER), titles(url, HATER)
    for name, seen in (("lover", lover), ("hater", hater)):
        print(f"The {name} of fantasy sees: {'; '.join(seen)}")  # noqa: T201
    if not lover or lover == hater:
        sys.exit("Both see the same: taste has no effect.")


def main() -> None:
    """Try until there is something to compare or the time is up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url", type=lambda url: url.rstrip("/"))
    parser.add_argument("--wait", type=float, default=0)
    parser.add_argument("--no-tasters", action="store_true")
    given = parser.parse_args()
    deadline = time.monotonic() + given.wait
    while True:
        try:
            if given.no_tasters:
                print(f"{len(search(given.url)['hits'])} films for `lord`.")  # noqa: T201
            else:
                compare(given.url)
            return
        except NotYet as reason:
            if time.monotonic() > deadline:
                sys.exit(str(reason))
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()
