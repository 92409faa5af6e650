"""The senders that are measured: Perch and its peers, each a process of its own behind WHEP.

    async with GStreamer(job) as sender:
        … sender.url, sender.pid …
"""

import asyncio
import contextlib
import dataclasses
import itertools
import sys
from pathlib import Path

from aiohttp import web

from agent import Agent, free_port
from aiortc_sender import serve
from viewer import Viewer

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / ".build/bench"


@dataclasses.dataclass(frozen=True)
class Job:
    """The picture that all send."""

    address: str  # where they listen
    frames: Path  # raw I420
    width: int = 640
    height: int = 480
    rate: int = 30
    bitrate: int = 1_000_000
    speed: int = 8


class Sender:
    """A process; subclasses say which."""

    name: str
    # How many viewers the measurements go up to. A sender that encodes for each viewer fills this machine early.
    most_viewers = 50

    def __init__(self, job):
        self.job = job
        self._clean_up = contextlib.AsyncExitStack()

    async def __aenter__(self):
        try:
            self.port = free_port(self.job.address)
            self.url = f"http://{self.job.address}:{self.port}/"
            await self.start()
        except BaseException:
            await self._clean_up.aclose()
            raise
        return self

    async def __aexit__(self, *_):
        await self._clean_up.aclose()

    async def start(self): ...

    async def spawn(self, *command, ready):
        """Starts the process and waits for the line that says it is ready."""
        process = await asyncio.create_subprocess_exec(
            *map(str, command), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20)
        self._clean_up.push_async_callback(self._end, process)
        async with asyncio.timeout(20):
            while (line := await process.stdout.readline()).decode().strip() != ready:
                if not line:
                    raise RuntimeError(f"{command[0]} ended before it was ready")
        self.pid = process.pid
        return process

    @staticmethod
    async def _end(process):
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()


class Perch(Sender):
    name = "Perch"

    async def start(self):
        job = self.job
        agent = Agent(
            job.address, http={"maximum_viewers": 200},
            camera={"width": job.width, "height": job.height, "frame_rate": job.rate},
            video={"bitrate_kbps": job.bitrate // 1000, "speed": job.speed}, log={"level": "info"})
        await self._clean_up.enter_async_context(agent)
        self.url, self.port, self.pid = agent.url, agent.port, agent.pid

    async def record(self, frames, seconds=8):
        """Writes the test picture as a viewer decodes it at a high rate: what the peers then send."""
        kept = []
        async with Viewer(self.url, audio=False) as viewer:
            await viewer.call("video.set", {"bitrate_kbps": 4 * self.job.bitrate // 1000})
            await viewer.pictures(30)
            viewer.on_picture = lambda frame: kept.append(frame.to_ndarray(format="yuv420p"))
            await viewer.pictures(seconds * self.job.rate, within=3 * seconds)
        with open(frames, "wb") as file:
            for picture in kept:
                file.write(picture.tobytes())


class Aiortc(Sender):
    name = "aiortc"
    most_viewers = 4

    async def start(self):
        job = self.job
        await self.spawn(
            sys.executable, HERE / "aiortc_sender.py", "--host", job.address, "--port", self.port, "--frames",
            job.frames, "--width", job.width, "--height", job.height, "--bitrate", job.bitrate, ready="ready")


class GStreamer(Sender):
    name = "GStreamer webrtcbin"

    async def start(self):
        job = self.job
        self._process = await self.spawn(
            BUILD / "gst_sender", job.frames, job.width, job.height, job.rate, job.bitrate, job.speed, ready="READY")
        self._numbers, self._turn = itertools.count(1), asyncio.Lock()
        app = web.Application()
        app.add_routes([
            web.post("/whep", self._post), web.delete("/whep/{id}", lambda _: web.Response()),
            web.patch("/whep/{id}", lambda _: web.Response(status=204)),  # all candidates are in the offer
            web.get("/healthz", lambda _: web.Response(text="ok\n"))])
        runner = await serve(app, job.address, self.port)
        self._clean_up.push_async_callback(runner.cleanup)

    async def _post(self, request):
        offer, number = await request.read(), next(self._numbers)
        async with self._turn:
            self._process.stdin.write(b"OFFER %d %d\n" % (number, len(offer)) + offer)
            kind, _, rest = (await self._process.stdout.readline()).decode().split(maxsplit=2)
            if kind != "ANSWER":
                return web.Response(status=500, text=rest)
            answer = await self._process.stdout.readexactly(int(rest))
        return web.Response(status=201, body=answer, content_type="application/sdp", headers={
            "Location": f"/whep/{number}", "ETag": f'"{number}"'})


ALL = (Perch, GStreamer, Aiortc)
