"""The agent as systemd's service: what it tells systemd, and what systemd lets it do."""

import asyncio
import re
import shutil
import subprocess

import pytest

from agent import PROGRAM, SOURCE_TREE, Agent

UNIT = SOURCE_TREE / "systemd/perch.service"


@pytest.fixture
def systemd_analyze():
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")

    def analyze(*arguments):
        done = subprocess.run(("systemd-analyze", *arguments), capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    return analyze


def test_the_unit_exposes_little(systemd_analyze, record):
    out = systemd_analyze("security", "--offline=true", "--no-pager", str(UNIT))
    exposure = float(re.search(r"exposure level for perch.service: ([\d.]+)", out).group(1))
    record("systemd-analyze security", exposure)
    assert exposure < 3.0


def test_the_unit_has_no_mistakes(systemd_analyze, files):
    # systemd 252 does not know the steps of the restart delay yet, and here nothing is installed in /usr/local.
    known = ("RestartSteps", "RestartMaxDelaySec")
    unit = files / "perch.service"
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/perch", "/bin/true"))
    complaints = [line for line in systemd_analyze("verify", "--man=no", str(unit)).splitlines()
                  if "perch.service" in line and not any(word in line for word in known)]
    assert complaints == []


async def test_tells_systemd_when_it_is_ready_alive_and_stopping():
    async with Agent() as agent:
        # Twice: the first may be a greeting, the second shows that it goes on.
        for _ in range(2):
            await agent.notified("WATCHDOG=1", within=5)
        await agent.terminate()
    assert "READY=1" in agent.notifications
    assert "STOPPING=1" in agent.notifications


async def test_a_systemd_that_does_not_listen_holds_nothing_up():
    agent = Agent()
    await agent.start(systemd_reads=False)
    # The kernel queues ten datagrams (net.unix.max_dgram_qlen); the agent feeds the watchdog once a second here.
    await asyncio.sleep(13)
    await agent.get("api/stats")
    assert await agent.terminate() == 0


def make(*arguments):
    command = ("make", "-C", str(SOURCE_TREE), *arguments, f"release={PROGRAM.parent}")
    subprocess.run(command, check=True, capture_output=True)


def test_installs_and_uninstalls_without_a_trace(files):
    make("install", f"DESTDIR={files}", "prefix=/usr")
    installed = {str(path.relative_to(files)) for path in files.rglob("*") if path.is_file()}
    assert {"usr/bin/perch", "usr/lib/systemd/system/perch.service", "etc/perch/perch.yaml"} <= installed
    assert "ExecStart=/usr/bin/perch run" in (files / "usr/lib/systemd/system/perch.service").read_text()
    make("uninstall", f"DESTDIR={files}", "prefix=/usr")
    assert [path for path in files.rglob("*") if path.is_file()] == [files / "etc/perch/perch.yaml"]


def test_installing_again_keeps_the_configuration(files):
    make("install", f"DESTDIR={files}")
    settings = files / "etc/perch/perch.yaml"
    settings.write_text("# mine\n")
    make("install", f"DESTDIR={files}")
    assert settings.read_text() == "# mine\n"
