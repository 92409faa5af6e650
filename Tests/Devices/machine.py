"""The emulated machine with its camera and microphone, and the agent in it, as the tests outside see them."""

import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "EndToEnd"))

import agent as agents  # noqa: E402

PROGRAM = agents.PROGRAM

HTTP_PORT, COMMAND_PORT = 8088, 2000  # in the machine
# It has no SIMD of its own: everything takes a multiple of the time that it takes outside.
PATIENCE = 60


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Machine:
    """Boots with `async with`. Its /tmp, /run and all that it writes are its own; `folder` is shared with it."""

    async def __aenter__(self):
        self._shared = tempfile.TemporaryDirectory(prefix="perch-devices-")
        self.folder = Path(self._shared.name)
        self.http_port, self._command_port = agents.free_port(), agents.free_port()
        # ICE candidates name the agent's own port: it must be the same on both sides.
        self.udp_port = free_udp_port()
        started = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            str(HERE / "vm.sh"), "-p", f"tcp:{self.http_port}:{HTTP_PORT}", "-p",
            f"tcp:{self._command_port}:{COMMAND_PORT}", "-p", f"udp:{self.udp_port}:{self.udp_port}", "--",
            sys.executable, str(HERE / "guest.py"), str(COMMAND_PORT), stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, "VM_WORK": str(self.folder)})
        try:
            async with asyncio.timeout(180):  # the first run prepares the kernel
                while not await self._answers():
                    assert self._process.returncode is None, f"vm.sh ended with {self._process.returncode}"
                    await asyncio.sleep(0.2)
        except BaseException:
            await self._stop()
            raise
        self.seconds_to_boot = time.monotonic() - started
        # Viewers outside have addresses outside; what is sent to them goes by way of QEMU.
        await self.run("ip route add default via 10.0.2.2")
        await self.play()
        return self

    async def __aexit__(self, *_):
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            await self._ask("exit", within=5)
        await self._stop()

    async def run(self, command, within=PATIENCE):
        """Runs a shell command in it, which must succeed; what it printed."""
        code, output = await self._ask(command, within)
        assert code == 0, f"{command}: {code}\n{output}"
        return output

    async def start(self, command):
        """Runs a shell command in the background, for as long as it wants; its process id."""
        return (await self.run(f"setsid {command} > /dev/null 2>&1 & echo $!")).strip()

    async def play(self):
        """Plays 440 Hz, a quarter of full scale, into what the loopback's microphone hears."""
        await self.run("""perl -e 'for (0..47999) {
            print pack("s<2", (int(8192 * sin(6.2831853 * 440 * $_ / 48000))) x 2) }' > /tmp/tone""")
        await self.run("""(while cat /tmp/tone; do :; done | aplay -q -D plughw:Loopback,0,0 -f S16_LE -c 2 -r 48000 \
            --buffer-time 500000) > /dev/null 2>&1 &""")

    async def bind(self, driver, is_bound):
        """Plugs the driver's device in, or pulls it out. `vivid` is the camera, `snd_aloop` the sound card."""
        file = f"/sys/bus/platform/drivers/{driver}/{'bind' if is_bound else 'unbind'}"
        await self.run(f"echo {driver}.0 > {file}")

    async def is_bound(self, driver):
        return (await self._ask(f"test -e /sys/bus/platform/drivers/{driver}/{driver}.0", PATIENCE))[0] == 0

    async def _answers(self):
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            return await self._ask("true", within=5) == [0, ""]
        return False

    async def _ask(self, command, within):
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._command_port)
            try:
                writer.write(json.dumps(command).encode() + b"\n")
                await writer.drain()
                return json.loads(await reader.readline())
            finally:
                writer.close()

    async def _stop(self):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), 10)
        if self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()
        self._shared.cleanup()


class Agent:
    """The agent in the machine: starts with `async with`, ends with SIGTERM and must then have exited with 0."""

    def __init__(self, machine, **changes):
        self._machine = machine
        self.url = f"http://127.0.0.1:{machine.http_port}/"
        base = {
            # Outside, the machine is at 127.0.0.1.
            "http": {"listen": "0.0.0.0", "port": HTTP_PORT, "offers_per_minute": 6000},
            "webrtc": {"udp_port": machine.udp_port, "announce": ["127.0.0.1"], "ipv6": False},
            # What an emulated processor can encode.
            "camera": {"width": 320, "height": 180, "frame_rate": 10},
            "video": {"bitrate_kbps": 300, "speed": 16},
            "microphone": {"device": "plughw:CARD=Loopback,DEV=1"},
            "log": {"level": "debug"},
            "state": {"directory": "/tmp/state"},
        }
        self._configuration = agents.yaml(agents.merged(base, changes))

    async def __aenter__(self):
        (self._machine.folder / "perch.yaml").write_text(self._configuration)
        await self._machine.run(
            f"rm -f /tmp/ended; ({PROGRAM} run --config {self._machine.folder}/perch.yaml & echo $! > /tmp/pid; "
            "wait $!; echo $? > /tmp/ended) > /tmp/log 2>&1 &")
        await self.says("is ready")
        return self

    async def __aexit__(self, failure, *_):
        if failure:
            print(f"What the agent said:\n{await self.log()}")
        code = await self._machine.run(
            "kill $(cat /tmp/pid); while ! [ -s /tmp/ended ]; do sleep 0.1; done; cat /tmp/ended")
        assert failure or code == "0\n", f"The agent ended with {code}"

    async def log(self):
        return await self._machine.run("cat /tmp/log")

    async def says(self, text, within=PATIENCE):
        """Waits for a text in its log."""
        deadline = time.monotonic() + within
        while text not in (log := await self.log()):
            assert time.monotonic() < deadline, f"It never said “{text}”:\n{log}"
            await asyncio.sleep(0.2)

    async def statistics(self):
        async with aiohttp.ClientSession() as http, http.get(self.url + "api/stats") as response:
            response.raise_for_status()
            return await response.json()
