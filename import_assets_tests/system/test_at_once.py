"""The command and a sensor take the same file at the same time: it is in once, nobody failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from import_assets_tests.system.dagster_server import wait_until
from import_assets_tests.system.fixtures import MARKS
from import_assets_tests.system.shop import Shop

pytestmark = MARKS

_ROWS = 40_000
_DEFINITION = """\
kind: {vouchers: at_once}
source: {storage: {folder: FOLDER, files: "*.csv", settle: 0}}
format: {csv: {delimiter: ","}}
columns: [{from: code, id: code}]
run: {on_new_file: true}
"""


def test_the_command_and_a_sensor_take_a_file_once(shop: Shop) -> None:
    codes = "".join(f"code-{number}\n" for number in range(_ROWS))
    wait_until(shop.idle, "all imports have ended")
    shop.write_import("at_once", _DEFINITION, {"codes.csv": f"code\n{codes}"})
    shop.server.reload()
    wait_until(lambda: shop.server.runs_of("at_once"), "the sensor asks for the file", every=0.05)

    # Both start a process, which takes seconds: longer than it takes to read the file.
    command = [str(Path(sys.prefix, "bin", "import-assets")), "--project", str(shop.root)]
    ended = subprocess.run(
        [*command, "run", "at_once", "--key", "codes.csv"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    wait_until(shop.idle, "all imports have ended")
    assert len(shop.server.runs_of("at_once")) == 2
    assert {run.status for run in shop.server.runs_of("at_once")} == {"SUCCESS"}
    assert shop.counts("at_once")["codes.csv"].inserted == _ROWS
    assert shop.rows("SELECT count(*) FROM vouchers.at_once") == [(_ROWS,)]
