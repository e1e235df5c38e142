"""A cluster of one: containers of the chart as processes of this machine.

Each runs the exact command of its manifest in the environment that the manifest gives it. Only
what a process cannot have is replaced: the database's address by a socket (with TLS left out),
mounted folders by folders of the test, port 8080 by a free one.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from sql.embedded import EmbeddedServer
from tests.kubernetes.charts import Manifest, of_kind
from tests.kubernetes.generate import ROOT

BIN = Path(sys.executable).parent
_OF_THE_NODE = ("PATH", "LANG", "LD_LIBRARY_PATH")


@dataclass
class Node:
    """Where the containers run, and what stands in for the cluster's Secrets and volumes."""

    server: EmbeddedServer
    folder: Path
    secrets: dict[str, dict[str, str]]
    port: int
    found: list[Manifest]

    def boot_database(self) -> None:
        """Do what the operator does with the Cluster's manifest."""
        (cluster,) = of_kind(self.found, "Cluster")
        initdb = cluster["spec"]["bootstrap"]["initdb"]
        with psycopg.connect(self.server.url_for("postgres"), autocommit=True) as superuser:
            superuser.execute(f"CREATE ROLE {initdb['owner']} LOGIN".encode())
            superuser.execute(f"DROP DATABASE IF EXISTS {initdb['database']}".encode())
            superuser.execute(
                f"CREATE DATABASE {initdb['database']} OWNER {initdb['owner']}".encode()
            )
        with psycopg.connect(self.server.url_for(initdb["database"]), autocommit=True) as superuser:
            for statement in initdb["postInitApplicationSQL"]:
                if "pg_search" not in statement:  # the embedded server has no ParadeDB
                    superuser.execute(statement.encode())

    def environment(self, container: Manifest) -> dict[str, str]:
        """The container's variables, as the kubelet makes them."""
        variables = {name: os.environ[name] for name in _OF_THE_NODE if name in os.environ}
        for source in container.get("envFrom", []):
            (config,) = (
                each
                for each in of_kind(self.found, "ConfigMap")
                if each["metadata"]["name"] == source["configMapRef"]["name"]
            )
            variables |= config["data"]
        for variable in container.get("env", []):
            value = self._value(variable)
            if value is not None:
                variables[variable["name"]] = value
        return self._on_this_machine(variables)

    def _value(self, variable: Manifest) -> str | None:
        if "value" in variable:
            return str(variable["value"])
        reference = variable["valueFrom"]["secretKeyRef"]
        value = self.secrets[reference["name"]].get(reference["key"])
        if value is None and not reference.get("optional"):
            raise KeyError(f"the Secret {reference['name']} has no {reference['key']}")
        return value

    def _on_this_machine(self, variables: Mapping[str, str]) -> dict[str, str]:
        socket = self.server.url_for("palate").partition("?")[2]
        replaced = {
            name: re.sub(r"//[\w.-]+:5432/palate$", f"///palate?{socket}", self.path(value))
            for name, value in variables.items()
            if not name.startswith("PGSSL")
        }
        replaced["PATH"] = f"{BIN}{os.pathsep}{variables['PATH']}"
        replaced["PYTHONPATH"] = str(ROOT)  # what is tested is this tree
        if "PALATE_PORT" in replaced:
            replaced["PALATE_PORT"] = str(self.port)
        return replaced

    def path(self, value: str) -> str:
        """A container's path as this test's."""
        return re.sub(r"^(/tmp|/etc/palate|/scripts|/data)\b", rf"{self.folder}\1", value)

    def start(self, container: Manifest) -> "subprocess.Popen[str]":
        """Start a container."""
        return subprocess.Popen(
            [*container["command"], *map(self.path, container.get("args", []))],
            cwd=self.folder / "tmp",
            env=self.environment(container),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *together: Manifest) -> list[str]:
        """Run containers at once to their end; what each printed. Fails unless all exit 0."""
        started = [self.start(container) for container in together]
        printed = [process.communicate(timeout=300)[0] for process in started]
        codes = [process.returncode for process in started]
        assert codes == [0] * len(together), "\n".join(printed)
        return printed


def job(found: list[Manifest], component: str) -> Manifest:
    """The pod of a job, or of what a CronJob makes."""
    for each in of_kind(found, "Job", component):
        template: Manifest = each["spec"]["template"]["spec"]
        return template
    (cron,) = of_kind(found, "CronJob", component)
    made: Manifest = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return made
