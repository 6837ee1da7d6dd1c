# shellcheck shell=bash
# Debian's interpreter sees Debian's packages, whichever comes first in the path.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
export PYTHONUNBUFFERED=1
