"""A peer to measure against: aiortc sends the frames of a raw file over WHEP, one encoder a viewer, as aiortc does.

    aiortc_sender.py --port 9000 --frames picture.i420 --width 640 --height 480 --bitrate 1000000

Prints `ready` when it listens. Channels that a viewer opens echo what they get, except `sink`, which counts it.
"""

import argparse
import asyncio
import fractions
import itertools
import time
from pathlib import Path

import av
import numpy
from aiohttp import web
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs import vpx

VIDEO_CLOCK, AUDIO_CLOCK = 90_000, 48_000
SAMPLES = 960  # 20 ms


class Frames(MediaStreamTrack):
    """Paced pictures from `pictures`, an endless iterator of I420 arrays."""

    kind = "video"

    def __init__(self, pictures, rate=30):
        super().__init__()
        self._pictures, self._rate = pictures, rate
        self._count, self._start = 0, time.monotonic()

    async def recv(self):
        await asyncio.sleep(max(0, self._start + self._count / self._rate - time.monotonic()))
        frame = av.VideoFrame.from_ndarray(next(self._pictures), format="yuv420p")
        frame.pts, frame.time_base = self._count * VIDEO_CLOCK // self._rate, fractions.Fraction(1, VIDEO_CLOCK)
        self._count += 1
        return frame


class Tone(MediaStreamTrack):
    """440 Hz, mono."""

    kind = "audio"

    def __init__(self):
        super().__init__()
        self._count, self._start = 0, time.monotonic()

    async def recv(self):
        await asyncio.sleep(max(0, self._start + self._count * SAMPLES / AUDIO_CLOCK - time.monotonic()))
        position = numpy.arange(self._count * SAMPLES, (self._count + 1) * SAMPLES)
        tone = (8000 * numpy.sin(2 * numpy.pi * 440 * position / AUDIO_CLOCK)).astype(numpy.int16)
        frame = av.AudioFrame.from_ndarray(tone.reshape(1, -1), format="s16", layout="mono")
        frame.pts, frame.sample_rate, frame.time_base = int(position[0]), AUDIO_CLOCK, fractions.Fraction(1, AUDIO_CLOCK)
        self._count += 1
        return frame


def pictures_of(path, width, height):
    """The file's I420 frames, over and over."""
    size = width * height * 3 // 2
    frames = numpy.memmap(path, dtype=numpy.uint8, mode="r")
    frames = frames[: len(frames) // size * size].reshape(-1, height * 3 // 2, width)
    return itertools.cycle(frames)


class Sender:
    """WHEP: an offer in, a connection that sends. `make_tracks` gives each viewer its own."""

    def __init__(self, make_tracks, on_channel=None):
        self._make_tracks = make_tracks
        self._on_channel = on_channel or echo
        self.viewers = {}
        self._numbers = itertools.count(1)

    def routes(self):
        return [web.post("/whep", self._post), web.delete("/whep/{id}", self._delete),
                web.patch("/whep/{id}", lambda _: web.Response(status=204)),  # all candidates are in the offer
                web.get("/healthz", lambda _: web.Response(text="ok\n"))]

    async def _post(self, request):
        peer = RTCPeerConnection()
        identity = str(next(self._numbers))
        self.viewers[identity] = peer
        peer.on("datachannel", self._on_channel)

        @peer.on("connectionstatechange")
        async def _():
            if peer.connectionState in ("failed", "closed"):
                self.viewers.pop(identity, None)
                await peer.close()

        await peer.setRemoteDescription(RTCSessionDescription(sdp=await request.text(), type="offer"))
        for track in self._make_tracks():
            for transceiver in peer.getTransceivers():
                if transceiver.kind == track.kind:
                    transceiver.sender.replaceTrack(track)
                    transceiver.direction = "sendonly"
        await peer.setLocalDescription(await peer.createAnswer())
        return web.Response(status=201, text=peer.localDescription.sdp, content_type="application/sdp", headers={
            "Location": f"/whep/{identity}", "ETag": f'"{identity}"'})

    async def _delete(self, request):
        peer = self.viewers.pop(request.match_info["id"], None)
        if peer is None:
            raise web.HTTPNotFound
        await peer.close()
        return web.Response()


def echo(channel):
    received = 0

    @channel.on("message")
    def _(message):
        nonlocal received
        if channel.label == "sink":
            received += len(message)
            if len(message) < 16:  # "done": how much came
                channel.send(str(received))
        else:
            channel.send(message)


async def serve(app, host, port):
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--bitrate", type=int, default=1_000_000)
    options = parser.parse_args()
    # aiortc has no setting for it: these are the bounds of what it adapts to the receiver's estimate.
    vpx.MIN_BITRATE = vpx.DEFAULT_BITRATE = vpx.MAX_BITRATE = options.bitrate

    def tracks():
        return [Frames(pictures_of(options.frames, options.width, options.height)), Tone()]

    app = web.Application()
    app.add_routes(Sender(tracks).routes())
    await serve(app, options.host, options.port)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
