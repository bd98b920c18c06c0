# What the measuring scripts need beside the binaries; sourced from the project's folder.
command -v wrk >/dev/null || { apt-get update -q && apt-get install -y -q wrk; } >/dev/null
command -v jq >/dev/null || { apt-get update -q && apt-get install -y -q jq; } >/dev/null
python=$(checks/venv reference tests/reference/requirements.txt bench/requirements.txt)/bin/python
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$PWD/tests/reference:$PWD/bench"
