"""What `helm test` runs: the lover and the hater of fantasy search `lord`; their orders differ.

Usage: compare.py URL, with a read key in READ_KEY where the API wants one. Standard library only.
"""

import json
import os
import sys
import urllib.error
import urllib.request

LOVER, HATER = 20001, 20002


def search(url: str, user: int) -> list[str]:
    """The titles that one taster sees, in order. Raises OSError and SystemExit."""
    request = urllib.request.Request(f"{url}/v1/search?q=lord&k=10&user_id={user}")  # noqa: S310
    if key := os.environ.get("READ_KEY", "").strip():
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        hint = " Put a read key into the Secret under read-key." if error.code == 401 else ""
        sys.exit(f"{url} answered {error.code}: {error.read().decode()}{hint}")
    if not answer["personalized"]:
        sys.exit(
            f"User {user} has no taste ({answer['why_not_personalized']}). Load something with "
            "jobs.load.tasters, and wait until the job is done."
        )
    return [hit["title"] for hit in answer["hits"]]


def main() -> None:
    """Compare the two and exit 0 when they see different orders of the same kind of films."""
    url = sys.argv[1].rstrip("/")
    lover, hater = search(url, LOVER), search(url, HATER)
    for name, titles in (("lover", lover), ("hater", hater)):
        print(f"The {name} of fantasy sees: {'; '.join(titles)}")  # noqa: T201
    if not lover or lover == hater:
        sys.exit("Both see the same: taste has no effect.")


if __name__ == "__main__":
    main()
