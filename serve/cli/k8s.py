"""`palate k8s`: the way into a release on Kubernetes, without kubectl."""

import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer
from typer import Argument, Option

from palate.contract import SearchRequest
from palate.errors import MisuseError
from palate.text import neutral
from serve.cli.command import TAKES_ALL, command
from serve.cli.options import Explain, Json, Query, User, options_of, request_of
from serve.cli.orders import print_order
from serve.cli.output import Done, out, present, print_json, say, warn
from serve.cli.psql import environment_of, find_psql, read_arguments, run_psql
from serve.cli.sql_prompt import Prompt
from serve.cli.tables import print_facts, print_table
from serve.cli.text import line
from serve.k8s.api import ask
from serve.k8s.cluster import Cluster
from serve.k8s.forward import LOOPBACK, forward
from serve.k8s.jobs import follow_job, start_job
from serve.k8s.logs import find_pods, read_logs
from serve.k8s.release import Login, Release, find_api, find_api_key, find_login, find_release
from serve.k8s.status import ReleaseStatus, age, release_status

DatabaseName = Annotated[
    str | None,
    Option("--cluster", help="Database cluster. Without it: the release's, or paradedb."),
]
Role = Annotated[
    Literal["read", "app", "owner"],
    Option(help="read: palate_read; app: what the API is; owner: migrates and loads."),
]
LocalPort = Annotated[
    int, Option(min=0, max=65535, help="Port on this machine. 0: any that is free.")
]


@dataclass(frozen=True)
class Where:
    """Which release a command is about."""

    kubeconfig: Annotated[
        str | None, Option(envvar="KUBECONFIG", metavar="FILE", help="Kubeconfig to use.")
    ] = None
    kube_context: Annotated[str | None, Option("--context", help="Context of the kubeconfig.")] = (
        None
    )
    namespace: Annotated[
        str | None,
        Option("--namespace", "-n", help="Namespace. Without it: the context's own."),
    ] = None
    release: Annotated[
        str | None,
        Option("--release", help="Release of the chart, where there are several."),
    ] = None

    def find(self) -> Release:
        """The release."""
        cluster = Cluster.connect(self.kubeconfig, self.kube_context, self.namespace)
        if not cluster.configuration.verify_ssl:
            warn(
                "The kubeconfig has insecure-skip-tls-verify: the cluster's certificate is not "
                "checked, and whoever is on the way may read and change what is sent."
            )
        return find_release(cluster, self.release)


@command(
    "palate k8s psql",
    "palate k8s psql \"SELECT title FROM search('lord', for_user => 10001)\"",
    "palate k8s psql --role owner -- -f statements.sql",
    context_settings=TAKES_ALL,
)
def psql(
    context: typer.Context,
    where: Where,
    role: Role = "read",
    local_port: LocalPort = 0,
    cluster: DatabaseName = None,
) -> None:
    """Open psql on the release's database through a port-forward.

    What follows -- is handed to psql; a statement alone as -c. Without psql on this machine a
    small prompt takes its place.
    """
    found = where.find()
    login = find_login(found, role, cluster)
    with forward(found.cluster, login.target, local_port, report=warn) as port:
        code = _run(login, port, read_arguments(context.args))
    raise typer.Exit(code)


def _run(login: Login, port: int, arguments: list[str]) -> int:
    program = find_psql()
    if program is not None:
        return run_psql(program, arguments, environment_of(login, port))
    if arguments and arguments[0] != "-c":
        raise MisuseError(
            "There is no psql here, and the built-in prompt takes only -c STATEMENT. Nothing was "
            "done. Install PostgreSQL's client tools for psql's own options."
        )
    prompt = Prompt(login, port)
    try:
        return prompt.run(arguments[1:])
    finally:
        prompt.close()


@command(
    "palate k8s port-forward", "palate k8s port-forward api --local-port 8080", name="port-forward"
)
def port_forward(
    where: Where,
    what: Annotated[Literal["database", "api"], Argument(help="What to reach.")] = "database",
    role: Role = "read",
    local_port: LocalPort = 0,
    cluster: DatabaseName = None,
    json: Json = False,
) -> None:
    """Open a port on this machine that leads to the database or the API, until Ctrl-C.

    It listens on 127.0.0.1 only, and finds the pod again when it moves.
    """
    found = where.find()
    login = find_login(found, role, cluster) if what == "database" else None
    target = login.target if login else find_api(found)
    with forward(found.cluster, target, local_port, report=warn) as port:
        postgres = login and f"postgresql://{login.user}@{LOOPBACK}:{port}/{login.database}"
        address = postgres or f"http://{LOOPBACK}:{port}"
        if json:
            print_json(
                {"service": target.service, "port": port, "url": address}
                | ({"secret": login.secret, "role": login.role} if login else {})
            )
        else:
            out().print(address, soft_wrap=True)
            say(f"Leads to the service {target.service}, until Ctrl-C.")
            if login:
                taken = f" After connecting: SET ROLE {login.role};" if login.role else ""
                say(f"The password is in the Secret {login.secret}.{taken}")
        sys.stdout.flush()
        _until_stopped()


def _until_stopped() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    stopped = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stopped.set())
    stopped.wait()


def _print_status(found: ReleaseStatus) -> None:
    database = found.database
    facts: list[tuple[str, object]] = [
        ("release", f"{found.release} in {found.namespace}"),
        ("chart", found.chart),
        ("version", found.version),
        ("database", found.database_note),
    ]
    if database:
        ready = f"{database.ready_instances} of {database.instances} ready"
        facts += [
            ("database", f"{database.name}: {database.phase}; {ready}"),
            ("primary", database.primary),
            ("database image", database.image),
        ]
    print_facts(*facts)
    print_table(
        found.pods,
        *("pod=name", "part=component", "state", "restarts>"),
        ("age>", lambda each: age(each.started)),
        "image",
    )
    if found.jobs:
        columns = ("job=name", "part=component", "state")
        print_table(found.jobs, *columns, ("age>", lambda each: age(each.started)))


@command(
    "palate k8s status",
    "palate k8s status --namespace films --json",
    show=_print_status,
    failed=lambda found: not found.healthy,
)
def status(where: Where, cluster: DatabaseName = None) -> ReleaseStatus:
    """Show pods, jobs, versions and the database; exits 1 when searches are not answered."""
    return release_status(where.find(), cluster)


@command("palate k8s load", "palate k8s load --follow", "palate k8s load train")
def load(
    where: Where,
    job: Annotated[
        str, Argument(help="Which of the release's jobs: load, embed, train, refresh, ...")
    ] = "load",
    follow: Annotated[bool, Option("--follow", "-f", help="Show its log until it ends.")] = False,
    json: Json = False,
) -> None:
    """Start one of the release's jobs, as the chart describes it; with --follow, wait for it."""
    found = where.find()
    name = start_job(found, job)
    said = f"Started {name}. `palate k8s logs {name} --follow` shows what it does."
    present(Done({"job": name, "namespace": found.cluster.namespace}, said), None, json=json)
    if follow:
        for text in follow_job(found.cluster, name):
            _print_line(text)


@command("palate k8s logs", "palate k8s logs load --follow")
def logs(
    where: Where,
    what: Annotated[
        str, Argument(help="api, database, the name of a pod or job, or of a kind of job.")
    ] = "api",
    follow: Annotated[
        bool, Option("--follow", "-f", help="Go on as it grows, until Ctrl-C.")
    ] = False,
    tail: Annotated[int, Option(min=0, help="Last lines of each pod.")] = 100,
    container: Annotated[
        str | None, Option("--container", "-c", help="Container of the pod.")
    ] = None,
    cluster: DatabaseName = None,
) -> None:
    """Show what pods have written; lines of several pods begin with the pod's name."""
    found = where.find()
    pods = find_pods(found, what, cluster)
    named = len(pods) > 1
    with suppress(KeyboardInterrupt):
        for pod, text in read_logs(found.cluster, pods, container, follow=follow, tail=tail):
            _print_line(f"{pod}: ".encode() + text if named else text)


def _print_line(text: bytes) -> None:
    sys.stdout.write(neutral(text.decode(errors="replace")) + "\n")
    sys.stdout.flush()


@command(
    "palate k8s search lord --user 10001",
    "palate k8s search king --user 20001 --genre Fantasy --explain",
    "palate k8s search lord of the rings --json",
    options=options_of(SearchRequest, "q", "user_id", "explain"),
)
def search(
    where: Where,
    query: Query,
    user: User = None,
    explain: Explain = False,
    key: Annotated[
        str | None,
        Option(
            envvar="PALATE_API_KEY", help="API key. Without it: the release's, from its Secret."
        ),
    ] = None,
    json: Json = False,
    **asked: Any,
) -> None:
    """Search through the release's API, with its own key."""
    found = where.find()
    key = key or find_api_key(found)
    text, how = " ".join(query), "facts" if explain else "none"
    request = request_of(SearchRequest, asked, q=text, explain=how)
    wanted = request.model_dump(exclude_defaults=True) | ({"user_id": user} if user else {})
    with forward(found.cluster, find_api(found), report=warn) as port:
        response = ask(port, wanted, key)
    if json:
        print_json(response)
    else:
        nothing = "" if response.hits else f"No film matches {line(text)!r}."
        print_order(response, accounts=explain, nothing=nothing)
