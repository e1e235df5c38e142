"""Write what is made from the chart: values.schema.json, the table of values, plain manifests.

``python -m tests.kubernetes.generate``, or ``make manifests``.
"""

from pathlib import Path

from helm_python import Chart

from tests.kubernetes.values import CHART, make_readme, make_schema

ROOT = Path(__file__).parents[2]

_KUSTOMIZATION = """\
# Made from helm/palate by `make manifests`, for people without Helm: kubectl apply -k k8s
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
{resources}
# Films: kubectl create job palate-load-1 --from=cronjob/palate-load
# Where the images are, and which:
# images:
#   - name: palate
#     newName: registry.example.com/palate
#     newTag: {version}
"""


def make_files() -> dict[Path, str]:
    """Every file that is made, with its content."""
    return make_descriptions() | make_manifests()


def make_descriptions() -> dict[Path, str]:
    """The schema and the table of values."""
    return {CHART / "values.schema.json": make_schema(), CHART / "README.md": make_readme()}


def make_manifests() -> dict[Path, str]:
    """The chart with its default values as plain manifests for kustomize, one file a template."""
    with Chart.load(CHART) as chart:
        rendered = chart.render({}, name="palate", namespace="palate")
        version = chart.metadata["appVersion"]
    manifests = {
        Path(name).name: _plain(text)
        for name, text in sorted(rendered.items())
        if text.strip() and name.endswith(".yaml") and "helm.sh/hook" not in text
    }
    resources = "\n".join(f"  - {name}" for name in manifests)
    manifests["kustomization.yaml"] = _KUSTOMIZATION.format(resources=resources, version=version)
    return {ROOT / "k8s" / name: text for name, text in manifests.items()}


def _plain(text: str) -> str:
    """A manifest that says who manages it: not Helm."""
    lines = (
        line.replace("managed-by: Helm", "managed-by: kustomize").rstrip()
        for line in text.strip().splitlines()
        if "helm.sh/" not in line
    )
    return "\n".join(lines).removeprefix("---\n").replace("  annotations:\nspec:", "spec:") + "\n"


def main() -> None:
    """Write every file; what is as it should be is left alone."""
    for make in (make_descriptions, make_manifests):  # the second reads the schema of the first
        for path, text in make().items():
            path.parent.mkdir(exist_ok=True)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
