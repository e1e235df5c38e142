"""Package the chart into dist/, sign it and push it, where told to: `make chart`.

``python -m tests.kubernetes.package [--sign KEY --keyring FILE] [--push oci://REGISTRY]``
"""

import argparse
from pathlib import Path

import helm_python

from tests.kubernetes.generate import ROOT
from tests.kubernetes.values import CHART


def package(folder: Path) -> Path:
    """The chart as one file in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(helm_python.package(CHART, destination=folder))


def main(arguments: list[str] | None = None) -> None:
    """Do what the options say, and print each file and address."""
    parser = argparse.ArgumentParser(description="Package the chart.")
    parser.add_argument("--folder", type=Path, default=ROOT / "dist")
    parser.add_argument("--sign", metavar="KEY", help="sign with this key, for helm --verify")
    parser.add_argument("--keyring", type=Path, help="file that holds the key")
    parser.add_argument("--passphrase-file", type=Path, help="file that holds its passphrase")
    parser.add_argument("--push", metavar="OCI", help="push to this registry, oci://...")
    given = parser.parse_args(arguments)
    if given.sign and not given.keyring:
        parser.error("--sign needs --keyring; nothing was packaged")
    made = package(given.folder)
    print(made)  # noqa: T201
    if given.sign:
        print(  # noqa: T201
            helm_python.sign(
                made, key=given.sign, keyring=given.keyring, passphrase_file=given.passphrase_file
            )
        )
    if given.push:
        print(helm_python.push(made, given.push)["ref"])  # noqa: T201


if __name__ == "__main__":
    main()
