#!/usr/bin/env bash
# Build the documentation site from the notebooks: bash nbs/build.sh [FOLDER]   (FOLDER is _docs when left out)
#   API_PAGES='prompts verify' bash nbs/build.sh    builds these of the 160 pages of the API only, while you write one
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:-_docs}

# The python that is active, or the one that tests/run.sh has set up.
ready() { command -v "$1" >/dev/null && "$1" -c 'import furo, latex2mathml, myst_nb, nbdev, rlvr_nb' 2>/dev/null; }
for python in "${PYTHON:-python}" python3 .venv/bin/python .venv-test/bin/python ''; do
    [ -n "$python" ] || { echo "nbs/build.sh: no Python here has what the site is built with. Type: pip install -c constraints.txt -e '.[dev]'" >&2; exit 2; }
    ready "$python" && break
done

if [ -n "$(ls -A "$out" 2>/dev/null)" ] && [ ! -e "$out/.nojekyll" ]; then
    echo "nbs/build.sh: $out holds something else than a built site; name another folder, or remove it" >&2; exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" nbs/pages.py pages "$work/pages"
"$python" -m sphinx -q -W --keep-going -j auto -c nbs -d "$work/doctrees" -b html "$work/pages" "$work/html"
"$python" nbs/finish.py "$work/html"
rm -rf "$work/html/.buildinfo" "$work/html/_sources"
touch "$work/html/.nojekyll"   # GitHub Pages leaves folders with a leading underscore out otherwise
rm -rf "$out"
mkdir -p "$(dirname "$out")"
mv "$work/html" "$out"
echo "The site is in $out/: open $out/index.html"
