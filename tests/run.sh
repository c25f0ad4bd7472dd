#!/usr/bin/env bash
# Run every notebook and every test, in an environment of their own: bash tests/run.sh [PYTEST ARGUMENTS]
#
# Sets up what it needs the first time (a minute or more) and again when the dependencies change.
#   CONSTRAINTS=constraints-latest.txt bash tests/run.sh    tests the newest set of versions instead
#   PYTHON=python3.12 bash tests/run.sh                     chooses the Python
#   EVERYTHING=1 bash tests/run.sh    all of every kind: the app in Notebook 7, every page of the site, every crash point
#   PROCESSES=0 bash tests/run.sh tests/test_report.py      one process, as a debugger needs it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

constraints=${CONSTRAINTS:-constraints.txt}
[ -f "$constraints" ] || { echo "tests/run.sh: CONSTRAINTS names $constraints, and there is no such file" >&2; exit 2; }

# Python 3.11 or newer
new_enough() { command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
python=''
for candidate in ${PYTHON:-python3 python python3.13 python3.12 python3.11}; do
    if new_enough "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "tests/run.sh: needs Python 3.11 or newer, found ${PYTHON:-$(python3 --version 2>&1)}; name one with PYTHON=python3.11" >&2
    exit 2
fi

# A browser for the tests of pages, and a sandbox: installed while pip installs the rest
browser() { command -v chromium || command -v chromium-browser || command -v google-chrome || command -v google-chrome-stable; } >/dev/null
missing=()
browser || missing+=(chromium fonts-dejavu-core)
command -v bwrap >/dev/null || missing+=(bubblewrap)
install() {
    local root=''
    [ "$(id -u)" = 0 ] || root='sudo -n'
    $root apt-get update -qq && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}"
}
log=$(mktemp)
if [ ${#missing[@]} -gt 0 ] && command -v apt-get >/dev/null; then
    echo "Installing ${missing[*]}"
    install >"$log" 2>&1 </dev/null &
    installing=$!
fi

# An environment per Python and set of versions, so that neither yours nor another's is disturbed
venv=.venv-test
[ "$constraints" = constraints.txt ] || venv=.venv-test-$(basename "$constraints" .txt)
files=$(cat setup.py settings.ini pyproject.toml "$constraints" | sha256sum | cut -d' ' -f1)
state=$files-$("$python" -c 'import sys; print(sys.version.split()[0], sys.base_prefix)')
if [ "$(cat "$venv/ready" 2>/dev/null)" != "$state" ]; then
    echo "Setting up $venv with $("$python" --version) and $constraints"
    rm -rf "$venv"
    if ! "$python" -m venv "$venv"; then
        echo "tests/run.sh: $python can't make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 2
    fi
    # Compiling every file of every library takes longer than unpacking them; Python compiles what it imports.
    "$venv/bin/python" -m pip install -q --no-compile --disable-pip-version-check -c "$constraints" -e '.[dev]'
    echo "$state" > "$venv/ready"
fi
if [ -n "${installing:-}" ]; then wait "$installing" || tail -3 "$log"; fi
rm -f "$log"
browser || echo "No Chromium here: the tests that open pages in a browser will be skipped"
command -v bwrap >/dev/null || echo "No bubblewrap here: the tests that need a sandbox will be skipped"

# A process a core and one more, since many tests wait for a browser, a kernel or another process; one thread each, as
# threads beyond the cores make small models many times slower.
cores=$("$venv/bin/python" -c 'import os; print(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())')
processes=${PROCESSES:-$((cores + 1))}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} MKL_NUM_THREADS=${MKL_NUM_THREADS:-1} TOKENIZERS_PARALLELISM=false
export PATH="$PWD/$venv/bin:$PATH" VIRTUAL_ENV="$PWD/$venv"
unset PYTHONPATH PYTHONHOME
# The byte code of what is imported is kept in the environment, also where PYTHONDONTWRITEBYTECODE is set, as in many
# containers: each process would compile torch and transformers anew, which takes ten seconds of a core.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="$PWD/$venv/bytecode"
exec "$venv/bin/python" -m pytest -n "$processes" --dist loadscope --durations=30 "$@"
