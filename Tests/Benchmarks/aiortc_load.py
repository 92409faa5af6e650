"""Viewers that receive and decrypt but do not decode: what `perch-load` does, by aiortc, for as many as Python can carry.

    aiortc_load.py --url http://…/whep --viewers N --warmup W --seconds S --json

Connects, lets W seconds pass in all, counts for S seconds, then prints one JSON object with the names of perch-load.
"""

import argparse
import asyncio
import json
import statistics
import time

import aiohttp
import aiortc.rtcrtpreceiver
from aiortc import RTCPeerConnection, RTCSessionDescription

frames = 0


def count_instead_of_decoding(loop, input_queue, *_):
    global frames
    while (task := input_queue.get()) is not None:
        codec, _ = task
        frames += codec.name == "VP8"


aiortc.rtcrtpreceiver.decoder_worker = count_instead_of_decoding


class Watcher:
    def __init__(self):
        self.peer = RTCPeerConnection()
        self.first_rtp = None
        self.got_picture = asyncio.Event()

    async def watch(self, http, url):
        for kind in ("video", "audio"):
            self._note_packets(self.peer.addTransceiver(kind, direction="recvonly").receiver)
        await self.peer.setLocalDescription(await self.peer.createOffer())
        self._posted = time.monotonic()
        async with http.post(url, data=self.peer.localDescription.sdp, headers={
                "Content-Type": "application/sdp"}) as response:
            answer = await response.text()
            if response.status != 201:
                raise SystemExit(f"{url}: {response.status} {answer}")
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))

    def _note_packets(self, receiver):
        handle = receiver._handle_rtp_packet

        async def note(packet, *rest, **named):
            if self.first_rtp is None:
                self.first_rtp = time.monotonic() - self._posted
            if receiver.track.kind == "video":
                self.got_picture.set()
            await handle(packet, *rest, **named)

        receiver._handle_rtp_packet = note

    async def counts(self):
        received = [s for s in (await self.peer.getStats()).values() if s.type == "inbound-rtp"]
        return sum(s.packetsReceived for s in received), sum(max(0, s.packetsLost) for s in received)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--viewers", type=int, default=1)
    parser.add_argument("--warmup", type=float, default=2)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    until = time.monotonic() + options.warmup
    watchers = [Watcher() for _ in range(options.viewers)]
    async with aiohttp.ClientSession() as http:
        for watcher in watchers:
            await watcher.watch(http, options.url)
    async with asyncio.timeout(30):
        await asyncio.gather(*(w.got_picture.wait() for w in watchers))
    await asyncio.sleep(until - time.monotonic())
    before, lost_before = map(sum, zip(*[await w.counts() for w in watchers]))
    start = frames
    await asyncio.sleep(options.seconds)
    packets, lost = map(sum, zip(*[await w.counts() for w in watchers]))
    print(json.dumps({
        "viewers": options.viewers, "connected": options.viewers, "seconds": options.seconds, "frames": frames - start,
        "packets": packets - before, "lost": lost - lost_before,
        "to_first_packet_ms": {"p50": statistics.median(w.first_rtp for w in watchers) * 1000},
        "latency_ms": {"p50": None, "p95": None}}))
    await asyncio.gather(*(w.peer.close() for w in watchers))


if __name__ == "__main__":
    asyncio.run(main())
