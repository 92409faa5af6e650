"""The agent under test: the real binary as a process, with a configuration of its own and systemd's end of the line."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path

import aiohttp

SOURCE_TREE = Path(__file__).resolve().parents[2]
# PERCH names another build, for instance .build/debug/perch.
PROGRAM = Path(os.environ.get("PERCH", SOURCE_TREE / ".build/release/perch"))


def free_port(address="127.0.0.1"):
    with socket.create_server((address, 0)) as listener:
        return listener.getsockname()[1]


def merged(base, changes):
    """`base` with the leaves of `changes` over it."""
    result = dict(base)
    for key, value in changes.items():
        result[key] = merged(result.get(key, {}), value) if isinstance(value, dict) else value
    return result


def configuration(address, port, **changes):
    """That of the tests: test sources, HTTP where the browsers can reach it, and no limit that they meet."""
    base = {
        "http": {"listen": address, "port": port, "offers_per_minute": 6000},
        "camera": {"device": "test"},
        "microphone": {"device": "test"},
        "log": {"level": "debug"},
    }
    return merged(base, changes)


def yaml(value, indentation=""):
    """Maps in block style, the rest as JSON, which is YAML; but words stand plain: `test` is a word, "test" a name."""
    if isinstance(value, dict):
        lines = []
        for key, each in value.items():
            nested = isinstance(each, dict)
            rest = "\n" + yaml(each, indentation + "  ") if nested else f" {yaml(each)}\n"
            lines.append(f"{indentation}{key}:{rest}")
        return "".join(lines)
    return value if isinstance(value, str) and value.isalpha() else json.dumps(value)


class NotReady(Exception):
    """The agent did not become ready; the text holds what it said."""


class Agent:
    """Starts with `async with`, ends with SIGTERM and must then have exited with 0. Keeps its port over restarts."""

    def __init__(self, address="127.0.0.1", wrapper=(), **changes):
        """`wrapper` is a command that ends by becoming the one that follows."""
        self.address = address
        self._wrapper = wrapper
        self.port = free_port(address)
        self.url = f"http://{address}:{self.port}/"
        self.folder = Path(tempfile.mkdtemp(prefix="perch-e2e-"))
        self.configure(**changes)
        self.stderr = []
        self.stdout = []
        self.notifications = []
        self._process = None
        self._systemd = None

    def configure(self, **changes):
        """Writes the configuration anew; the agent reads it when it starts."""
        (self.folder / "perch.yaml").write_text(
            yaml(configuration(self.address, self.port, **changes)))

    async def __aenter__(self):
        try:
            await self.start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    async def __aexit__(self, failure, *_):
        try:
            if self.is_running:
                code = await self.terminate()
                assert failure or code == 0, f"The agent ended with {code} on SIGTERM:\n{self.log}"
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def is_running(self):
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self):
        return self._process.pid

    @property
    def log(self):
        return "".join(self.stderr[-100:])

    async def start(self, within=20, systemd_reads=True):
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        path = self.folder / "notify"
        path.unlink(missing_ok=True)
        self._listener.bind(str(path))
        # As systemd does for StateDirectory=.
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        environment = {
            **os.environ, "NOTIFY_SOCKET": str(path), "STATE_DIRECTORY": str(state), "WATCHDOG_USEC": "2000000",
            "HOME": str(self.folder)}
        self._process = await asyncio.create_subprocess_exec(
            *self._wrapper, str(PROGRAM), "run", "--config", str(self.folder / "perch.yaml"),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=environment, cwd=self.folder)
        self._collectors = [
            asyncio.create_task(self._collect(self._process.stdout, self.stdout)),
            asyncio.create_task(self._collect(self._process.stderr, self.stderr)),
        ]
        self._told = asyncio.Condition()
        self._ended = asyncio.create_task(self._wait_for_the_end())
        if systemd_reads:
            self._systemd = asyncio.create_task(self._listen())
        try:
            if systemd_reads:
                await self.notified("READY=1", within)
            else:
                await self._answers_http(within)
        except asyncio.TimeoutError:
            await self.kill()
            raise NotReady(f"No READY=1 within {within} s:\n{self.log}") from None
        return self

    async def notified(self, text, within):
        """Waits until the agent tells systemd so, once more than it has up to now."""
        so_far = self.notifications.count(text)

        def is_told():
            return self.notifications.count(text) > so_far

        async with asyncio.timeout(within), self._told:
            await self._told.wait_for(lambda: is_told() or not self.is_running)
        if not is_told():
            await asyncio.gather(*self._collectors)
            raise NotReady(f"It ended with {self._process.returncode}:\n{self.log}")

    async def _listen(self):
        """Reads what comes for systemd as systemd does: always."""
        while True:
            try:
                message = await asyncio.get_running_loop().sock_recv(self._listener, 4096)
            except asyncio.CancelledError:
                with contextlib.suppress(BlockingIOError):
                    while message := self._listener.recv(4096):
                        self.notifications += message.decode().splitlines()
                raise
            self.notifications += message.decode().splitlines()
            async with self._told:
                self._told.notify_all()

    async def _wait_for_the_end(self):
        await self._process.wait()
        async with self._told:
            self._told.notify_all()

    async def terminate(self):
        return await self.end(signal.SIGTERM)

    async def end(self, kind, within=10):
        """Sends the signal; the exit code."""
        started = time.monotonic()
        self._process.send_signal(kind)
        try:
            await asyncio.wait_for(asyncio.shield(self._ended), within)
        except asyncio.TimeoutError:
            await self.kill()
            raise AssertionError(f"Still there {within} s after {kind.name}:\n{self.log}") from None
        self.seconds_to_end = time.monotonic() - started
        await self._close()
        return self._process.returncode

    async def kill(self):
        """SIGKILL: what a crash looks like from outside."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._ended
        await self._close()

    async def restart(self):
        await self.terminate()
        await self.start()

    async def _close(self):
        await asyncio.gather(*self._collectors)
        if self._systemd:
            self._systemd.cancel()
            await asyncio.gather(self._systemd, return_exceptions=True)
            self._systemd = None
        self._listener.close()

    async def _answers_http(self, within):
        async with asyncio.timeout(within):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    await self.get("api/stats")
                    return
                await asyncio.sleep(0.05)

    @staticmethod
    async def _collect(stream, lines):
        while line := await stream.readline():
            lines.append(line.decode(errors="replace"))

    async def get(self, path):
        """A resource of the agent as JSON."""
        async with aiohttp.ClientSession() as http, http.get(self.url + path) as response:
            response.raise_for_status()
            return await response.json()

    async def eventually(self, condition, within=40):
        """Waits until `GET /api/stats` meets the condition."""
        async with asyncio.timeout(within):
            while not condition(statistics := await self.get("api/stats")):
                await asyncio.sleep(0.1)
        return statistics

    async def logged(self, text, within=20):
        """Waits until the agent has written it."""
        async with asyncio.timeout(within):
            while text not in "".join(self.stderr):
                await asyncio.sleep(0.05)

    # From /proc, for benchmarks and leaks.

    def resident_bytes(self):
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def open_files(self):
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def open_paths(self):
        paths = set()
        for descriptor in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                paths.add(os.readlink(descriptor))
        return paths


async def command(*arguments, within=20):
    """Runs the program once: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        str(PROGRAM), *map(str, arguments), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE)
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), within)
    except asyncio.TimeoutError:
        process.kill()
        raise
    return process.returncode, stdout.decode(), stderr.decode()
