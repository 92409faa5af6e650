#!/usr/bin/env python3
"""Measures Perch beside other senders in one run and prints a Markdown table: `make bench`.

All send the same picture, 640x480 at 30 frames a second, VP8 at 1 Mbit/s and Opus, over a veth pair to receivers in
another network namespace. Rounds are interleaved and medians taken, so that what else the machine does hits all alike.

    make bench ARGS="--rounds 1 --seconds 5"      a quick look
    make bench ARGS="--only Perch"                one sender
"""

import argparse
import asyncio
import datetime
import itertools
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "EndToEnd"))

import agent as agents  # noqa: E402
import numpy  # noqa: E402
import network as networks  # noqa: E402
import senders  # noqa: E402
from browser import Chromium  # noqa: E402
from meter import measure  # noqa: E402
from viewer import Viewer  # noqa: E402

HERE = Path(__file__).resolve().parent
BUILD = senders.BUILD
# PERCH_LOAD names another build of the load generator.
PERCH_LOAD = Path(os.environ.get("PERCH_LOAD", agents.PROGRAM.parent / "perch-load"))
SETTLE = 2  # seconds after the last viewer connected: the first keyframes and rate control are over
PINGS, CHUNK, CHUNKS = 400, 64 << 10, 200
FIRST_FRAMES = 5  # loads of a page in each round

# A player on any page of the sender's origin: from the request to the first frame on screen, in milliseconds.
FIRST_FRAME = """new Promise(async (resolve, reject) => {
  const peer = new RTCPeerConnection();
  for (const kind of ['video', 'audio']) peer.addTransceiver(kind, { direction: 'recvonly' });
  const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true });
  (document.body ?? document.documentElement).append(video);
  let start;
  video.requestVideoFrameCallback((now) => { resolve(now - start); peer.close(); video.remove(); });
  peer.ontrack = ({ track }) => { if (track.kind === 'video') video.srcObject = new MediaStream([track]); };
  setTimeout(() => reject('no frame in 10 s'), 10000);
  await peer.setLocalDescription();
  start = performance.now();
  const response = await fetch('/whep', {
    method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription.sdp });
  await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
})"""


def compile_peers():
    for name, libraries in {
        "vpx_floor": "vpx",
        "gst_sender": "gstreamer-app-1.0 gstreamer-webrtc-1.0 gstreamer-sdp-1.0 gstreamer-video-1.0",
    }.items():
        flags = subprocess.run(("pkg-config", "--cflags", "--libs", *libraries.split()), check=True,
                               capture_output=True, text=True).stdout.split()
        subprocess.run(("gcc", "-O2", "-Wall", "-o", BUILD / name, HERE / f"{name}.c", *flags), check=True)


def paint_picture(job, seconds=8):
    """A stand-in for Perch's test picture where there is no Perch: bars, a ball, noise-free."""
    import barcode

    with open(job.frames, "wb") as file:
        rows, columns = numpy.mgrid[: job.height, : job.width]
        for number in range(seconds * job.rate):
            picture = numpy.full((job.height * 3 // 2, job.width), 128, numpy.uint8)
            luma = picture[: job.height]
            luma[:] = columns * 7 // job.width * 30 + 20
            x = int(abs(number / 60 % 2 - 1) * (job.width - 100)) + 50
            luma[(columns - x) ** 2 + (rows - job.height * 0.6) ** 2 < 1600] = 235
            barcode.paint(luma, number)
            file.write(picture.tobytes())


class Bench:
    def __init__(self, options, network, job):
        self.options, self.network, self.job = options, network, job
        self.figures = {}  # (measure, sender) → one value for each round

    def note(self, name, sender, value):
        if value is None:
            print(f"  {sender}: {name}: nothing came", file=sys.stderr, flush=True)
            return
        self.figures.setdefault((name, sender), []).append(value)
        print(f"  {sender}: {name}: {value:.4g}", file=sys.stderr, flush=True)

    def median(self, name, sender):
        values = self.figures.get((name, sender))
        return statistics.median(values) if values else None

    # MARK: The load

    def load_command(self, url, viewers, seconds):
        program = [PERCH_LOAD] if PERCH_LOAD.exists() else [sys.executable, HERE / "aiortc_load.py"]
        options = {"--url": f"{url}whep", "--viewers": viewers, "--warmup": SETTLE, "--seconds": seconds}
        arguments = [*program, *itertools.chain(*options.items()), "--json"]
        return self.network.inside([str(argument) for argument in arguments])

    async def under_load(self, sender, viewers):
        """The sender's usage while so many watch, and what the receivers say."""
        seconds = self.options.seconds
        load = await asyncio.create_subprocess_exec(
            *self.load_command(sender.url, viewers, seconds + 1), stdout=asyncio.subprocess.PIPE)
        try:
            # The load generator's own warm-up covers connecting; this is well inside what it counts.
            await asyncio.sleep(SETTLE + 0.5)
            usage = await measure(sender.pid, seconds)
            out, _ = await asyncio.wait_for(load.communicate(), SETTLE + seconds + 60)
        finally:
            if load.returncode is None:
                load.kill()
                await load.wait()
        result = json.loads(out)
        if result["connected"] < viewers:
            print(f"  {sender.name}: only {result['connected']} of {viewers} viewers connected", file=sys.stderr)
        return usage, result

    # MARK: Measures

    async def cpu_and_memory(self, kind):
        name = kind.name
        async with kind(self.job) as sender:
            await asyncio.sleep(SETTLE)
            idle = await measure(sender.pid, self.options.seconds)
            self.note("idle core", name, idle.core)
            self.note("idle wake-ups", name, idle.wakeups)
            self.note("idle memory", name, idle.resident)
        most = min(kind.most_viewers, self.options.viewers)
        for viewers in sorted({1, most}):
            # A fresh process each time: nothing of the last load is left in it.
            async with kind(self.job) as sender:
                usage, load = await self.under_load(sender, viewers)
            size = "one" if viewers == 1 else "most"
            self.note(f"{size} core", name, usage.core)
            self.note(f"{size} memory", name, usage.resident)
            self.note(f"{size} lost", name, load["lost"])
            self.note(f"{size} frames", name, load["frames"] / viewers / load["seconds"])
            if "encode" in usage.threads:
                self.note(f"{size} encode thread", name, usage.threads["encode"])
                # Sound is no part of libvpx's figure.
                self.note(f"{size} without sound", name, usage.core - usage.threads.get("mic", 0))
            if viewers == 1:
                self.note("first RTP", name, load["to_first_packet_ms"]["p50"])
            if kind is senders.Perch:  # by its sender reports; those of the others do not tell when a frame was taken
                for percentile in ("p50", "p95"):
                    if (value := load["latency_ms"][percentile]) is not None:
                        self.note(f"{size} latency {percentile}", name, value)
        self.note("most viewers", name, most)
        if most > 1:
            cores, memory = (
                (self.figures["most " + what, name][-1] - self.figures["one " + what, name][-1]) / (most - 1)
                for what in ("core", "memory"))
            self.note("further core", name, cores)
            self.note("further memory", name, memory)

    async def data_channel(self, kind):
        async with kind(self.job) as sender, Viewer(
                sender.url, video=False, audio=False, channels=("control", "sink")) as viewer:
            channel = await viewer.opened("control")
            times = []
            for number in range(PINGS):
                start = time.perf_counter()
                channel.send(f'{{"jsonrpc":"2.0","id":{number},"method":"device.info"}}')
                await viewer.until(lambda: len(viewer.messages["control"]) > number)
                times.append((time.perf_counter() - start) * 1000)
            self.note("round trip p50", kind.name, statistics.median(times))
            self.note("round trip p99", kind.name, statistics.quantiles(times, n=100)[98])
            if kind is not senders.Perch:  # it has no use for a sink; perch-load measures it
                await self.throughput(kind.name, viewer)

    async def echo(self, kind):
        """The data channel between the sender and perch-load, without Python on either side."""
        if not PERCH_LOAD.exists():
            return
        async with kind(self.job) as sender:
            load = await asyncio.create_subprocess_exec(
                *self.load_command(sender.url, 1, self.options.seconds), "--echo", stdout=asyncio.subprocess.PIPE)
            try:
                out, _ = await asyncio.wait_for(load.communicate(), self.options.seconds + 60)
            finally:
                if load.returncode is None:
                    load.kill()
                    await load.wait()
            echo = json.loads(out)["echo"]
            if echo and echo["round_trip_ms"]["p50"] is not None:
                self.note("echo p50", kind.name, echo["round_trip_ms"]["p50"])
                self.note("echo p99", kind.name, echo["round_trip_ms"]["p99"])
                self.note("echo throughput", kind.name, echo["echo_bitrate"] / 1e6)
                self.note("one-way throughput", kind.name, echo["one_way_bitrate"] / 1e6)

    async def throughput(self, name, viewer):
        channel = await viewer.opened("sink")
        start = time.perf_counter()
        for _ in range(CHUNKS):
            channel.send(bytes(CHUNK))
            while channel.bufferedAmount > 16 * CHUNK:
                await asyncio.sleep(0.001)
        channel.send("done")
        await viewer.until(lambda: viewer.messages["sink"], within=120)
        assert int(viewer.messages["sink"][0]) >= CHUNK * CHUNKS
        self.note("throughput", name, CHUNK * CHUNKS * 8 / 1e6 / (time.perf_counter() - start))

    async def first_frame(self, kind, browser):
        async with kind(self.job) as sender:
            page = await browser.open(f"{sender.url}healthz")
            for _ in range(FIRST_FRAMES):
                self.note("first frame", kind.name, await page.evaluate(FIRST_FRAME))
            await page.close()

    async def floors(self):
        job = self.job
        paced = await self.output(
            BUILD / "vpx_floor", job.frames, job.width, job.height, job.rate, job.bitrate, job.speed,
            self.options.seconds)
        self.note("core", "libvpx", json.loads(paced)["core"])
        frames = job.frames.stat().st_size // (job.width * job.height * 3 // 2)
        before = os.times()
        await self.output(
            "vpxenc", "--quiet", "--codec=vp8", "--rt", f"--cpu-used=-{job.speed}", "--end-usage=cbr", "--threads=1",
            f"--target-bitrate={job.bitrate // 1000}", "--lag-in-frames=0", "--disable-kf", "--static-thresh=1",
            "--min-q=2", "--max-q=56", "--i420", f"--width={job.width}", f"--height={job.height}",
            f"--fps={job.rate}/1", "--output=/dev/null", job.frames)
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        self.note("core", "vpxenc", used / (frames / job.rate))

    @staticmethod
    async def output(*command):
        process = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}")
        return out.decode()

    async def run(self, kinds):
        for number in range(self.options.rounds):
            print(f"round {number + 1} of {self.options.rounds}", file=sys.stderr, flush=True)
            await self.floors()
            for kind in kinds:
                await self.cpu_and_memory(kind)
            for kind in kinds:
                await self.echo(kind)
                await self.data_channel(kind)
            async with Chromium(self.network) as browser:
                for kind in kinds:
                    await self.first_frame(kind, browser)

    # MARK: The table

    def table(self, kinds):
        floor = self.median("core", "libvpx")

        def row(title, name, show, bar=""):
            cells = []
            for kind in kinds:
                value = self.median(name, kind.name)
                cells.append("–" if value is None else show(value))
            return f"| {title} | {' | '.join(cells)} | {bar} |"

        def percent(value):
            return f"{value * 100:.2f} %"

        def megabytes(value):
            return f"{value / 1e6:.1f} MB"

        def milliseconds(value):
            return f"{value:.2f} ms" if value < 10 else f"{value:.0f} ms"

        def ratio(value):
            return f"{value * 100:.1f} % ({value / floor:.2f} times)"

        def number(value):
            return f"{value:.3g}"

        return "\n".join([
            f"| | {' | '.join(kind.name for kind in kinds)} | bar |",
            f"| --- |{' --- |' * (len(kinds) + 1)}",
            row("nobody watching: resident memory", "idle memory", megabytes, "10 MB"),
            row("nobody watching: wake-ups a second", "idle wake-ups", number, "5"),
            row("one viewer: CPU of a core, and over libvpx's own", "one core", ratio, "1.2 times"),
            row("… without the thread that makes and encodes sound", "one without sound", ratio, "1.2 times"),
            row("… of which the encoder's thread", "one encode thread", ratio),
            row("one viewer: frames a second", "one frames", number, str(self.job.rate)),
            row("one viewer: resident memory", "one memory", megabytes),
            row("each further viewer: CPU of a core", "further core", percent, "0.07 %"),
            row("each further viewer: memory", "further memory", lambda value: f"{value / 1e3:.0f} KB", "150 KB"),
            row("most viewers in this run", "most viewers", number),
            row("… resident memory", "most memory", megabytes, "25 MB at 50"),
            row("… frames a second for each", "most frames", number, str(self.job.rate)),
            row("… lost packets", "most lost", number, "0"),
            row("camera to arrival, p50", "one latency p50", milliseconds, "4.5 ms"),
            row("camera to arrival, p95", "one latency p95", milliseconds, "6 ms"),
            row("POST to first RTP, p50", "first RTP", milliseconds, "25 ms"),
            row("POST to first frame on screen in Chromium, p50", "first frame", milliseconds, "60 ms"),
            row("data channel, round trip, p50", "echo p50", milliseconds, "0.25 ms"),
            row("data channel, round trip, p99", "echo p99", milliseconds),
            row("data channel, 64 KiB messages one way", "one-way throughput", lambda value: f"{value:.0f} Mbit/s", "800 Mbit/s"),
            row("data channel, 64 KiB messages out and back", "echo throughput", lambda value: f"{value:.0f} Mbit/s",
                "800 Mbit/s"),
            row("data channel, round trip to aiortc, p50", "round trip p50", milliseconds),
            row("data channel, round trip to aiortc, p99", "round trip p99", milliseconds),
            row("data channel, 64 KiB messages from aiortc", "throughput", lambda value: f"{value:.0f} Mbit/s"),
            "",
            f"Floor: libvpx at a camera's pace takes {percent(floor)} of a core for these frames; "
            f"`vpxenc --rt` at full speed {percent(self.median('core', 'vpxenc'))}.",
        ])


def machine():
    model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    system = re.search(r'^PRETTY_NAME="?([^"\n]*)', Path("/etc/os-release").read_text(), re.M)
    return (f"{os.cpu_count()} cores {model.group(1) if model else platform.machine()}, {system.group(1)}, "
            f"Linux {platform.release()}, {datetime.date.today():%d %B %Y}")


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement of CPU")
    parser.add_argument("--viewers", type=int, default=50, help="at most")
    parser.add_argument("--only", action="append", help="part of a sender's name")
    parser.add_argument("--picture", type=Path, help="raw I420 to send, 640x480")
    options = parser.parse_args()

    kinds = [kind for kind in senders.ALL if kind is not senders.Perch or agents.PROGRAM.exists()]
    if options.only:
        kinds = [kind for kind in kinds if any(part.lower() in kind.name.lower() for part in options.only)]
    if not PERCH_LOAD.exists():
        print(f"There is no {PERCH_LOAD}: aiortc receives, for 4 viewers at most.", file=sys.stderr)
        options.viewers = min(options.viewers, 4)
    BUILD.mkdir(parents=True, exist_ok=True)
    compile_peers()
    with networks.between_agent_and_browsers() as network:
        job = senders.Job(network.address, options.picture or BUILD / "picture.i420")
        if not options.picture:
            if senders.Perch in kinds:
                async with senders.Perch(job) as perch:
                    await perch.record(job.frames)
            else:
                paint_picture(job)
        bench = Bench(options, network, job)
        await bench.run(kinds)
    table = f"{bench.table(kinds)}\n\nMeasured on {machine()}; medians of {options.rounds} rounds.\n"
    (BUILD / "results.md").write_text(table)
    (BUILD / "results.json").write_text(json.dumps(
        {f"{sender}: {name}": values for (name, sender), values in bench.figures.items()}, indent=2) + "\n")
    print(table)


if __name__ == "__main__":
    asyncio.run(main())
