# SPDX-License-Identifier: MIT
"""The fleet's programs in a folder of a test's own, where scripts may stand before them."""
import shutil
import sys

from tests.support.fleet import BIN, ROOT

TRACER = [sys.executable, "-ISB", str(ROOT / "tests" / "support" / "tracer.py")]


def make_programs(folder, **scripts):
    """Copies of all; `scripts`: name=shell text that is started instead of it, where {real} is the program itself."""
    (folder / "real").mkdir(parents=True)
    for program in ("octopoda", "nameserver", "brain", "tentacle", "runner", "octl"):
        shutil.copy2(BIN / program, folder / "real" / program)
        if program not in scripts:
            (folder / program).hardlink_to(folder / "real" / program)
            continue
        (folder / program).write_text(scripts[program].replace("{real}", str(folder / "real" / program)))
        (folder / program).chmod(0o755)
    return folder
