#!/bin/sh
# Installs Palate into a folder of its own: a virtual environment without compiler, test code or
# package manager. The Dockerfile runs these steps, and so does a test.
#
#   docker/install.sh dependencies FOLDER TARGET   what TARGET needs, by pyproject.toml
#   docker/install.sh palate FOLDER                Palate itself, from the current folder
#   docker/install.sh sizes FOLDER                 megabytes of what is in FOLDER, by package
#
# TARGET is api, jobs or dev. PYTHON names the interpreter, TORCH_INDEX where torch is taken from,
# and nothing else: PyPI's for Linux brings gigabytes of CUDA along.
set -eu

step=$1
folder=$2
here=$(cd "$(dirname "$0")/.." && pwd)

extras_of() {
    case $1 in
        api) echo "llm mcp" ;;
        jobs) echo "llm mcp embed train" ;;
        dev) echo "llm mcp embed train k8s spark dev" ;;
        *) echo "$0: there is no target $1; nothing was installed" >&2; exit 2 ;;
    esac
}

# Requirements as pyproject.toml has them. The embedded server stays out of the images that talk
# to a database elsewhere.
requirements() {
    "$folder/bin/python" - "$here/pyproject.toml" "$1" $(extras_of "$1") <<'PYTHON'
import sys
import tomllib

path, target, *extras = sys.argv[1:]
with open(path, "rb") as file:
    project = tomllib.load(file)["project"]
needed = list(project["dependencies"])
for extra in extras:
    needed += project["optional-dependencies"][extra]
print("\n".join(each for each in needed if target == "dev" or "pgserver" not in each))
PYTHON
}

case $step in
    dependencies)
        target=$3
        extras_of "$target" > /dev/null
        "${PYTHON:-python3}" -m venv "$folder"
        requirements "$target" > "$folder/requirements.txt"
        if [ "${TORCH_INDEX:-}" != "" ] && grep -q '^torch==' "$folder/requirements.txt"; then
            "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
                --no-compile --no-deps --index-url "$TORCH_INDEX" \
                "$(grep '^torch==' "$here/constraints.txt")" || {
                echo "$0: no torch from $TORCH_INDEX; TORCH_INDEX= takes PyPI's, with CUDA" >&2
                exit 1
            }
        fi
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
            --no-compile --constraint "$here/constraints.txt" --requirement "$folder/requirements.txt"
        ;;
    palate)
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
            --no-compile --no-deps "$here"
        if [ "${KEEP_PIP:-}" = "" ]; then
            "$folder/bin/python" -m pip uninstall --quiet --yes setuptools pip 2> /dev/null
        fi
        # The file system is read-only later: what would be compiled at each start is compiled now.
        find "$folder" -type d -name __pycache__ -prune -exec rm -rf {} +
        "$folder/bin/python" -m compileall -q -j 0 "$folder/lib" || true
        ;;
    sizes)
        du -sm "$folder" | awk '{print $1 "\t" "all"}'
        du -sm "$folder"/lib/python*/site-packages/* | sort -rn | awk '$1 > 0 {
            n = split($2, part, "/"); print $1 "\t" part[n] }'
        ;;
    *)
        echo "$0: there is no step $step; nothing was done" >&2
        exit 2
        ;;
esac
