"""What every race needs before it begins: the programs of a build folder named for the e2e harness, and a folder of its own."""

import contextlib
import os
import pathlib
import shutil
import signal
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def workplace(build, name, parent):
    """A folder below `parent`, removed in the end, also by SIGTERM. From here on `harness` can be imported."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # by way of every `finally`
    os.environ.update(BATUTA=str(build / "client/batuta"), BATUTAD=str(build / "daemon/app/batutad"),
                      HUBSIM=str(build / "tests/hubsim/hubsim"))
    sys.path.insert(0, str(ROOT / "tests" / "e2e"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"batuta-{name}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
