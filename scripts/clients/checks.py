"""What the clients in Python share; see lib.sh for the environment and for the lines
that they write."""

import os
import subprocess
import sys
import time

URL, CA, WORK = os.environ["URL"], os.environ["CA"], os.environ["WORK"]
USER, PASSWORD = os.environ["CLIENT_USER"], os.environ["CLIENT_PASSWORD"]
PRINCIPAL, HOME = os.environ["PRINCIPAL"], URL + os.environ["HOME_PATH"]


def check(name, got, want=True):
    """Runs got, which must return want."""
    try:
        value = got()
    except Exception as e:  # whatever the library throws is the detail
        value = f"{type(e).__name__}: {e}"
    if value == want:
        print(f"{name}: ok", flush=True)
        return True
    print(f"{name}: FAILED {str(value)[:300]!r}, not {want!r}", flush=True)
    return False


def must(name, got, want=True):
    """Is check for what all the rest needs."""
    if not check(name, got, want):
        sys.exit(1)


def refused(f, kind):
    """Whether f raises an exception of a kind."""
    try:
        f()
    except kind:
        return True
    return False


def until(f, want, seconds=60):
    """What f returns, once that is want; after so many seconds, whatever it is."""
    end = time.monotonic() + seconds
    while True:
        value = f()
        if value == want or time.monotonic() > end:
            return value
        time.sleep(0.2)


def ends(process):
    """Waits for a process that was asked to end, and ends it otherwise after a while."""
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
