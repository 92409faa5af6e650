"""An independent viewer: WHEP over aiohttp, WebRTC by aiortc. Decodes the picture and reads its frame counter."""

import asyncio
import contextlib
import json
from urllib.parse import urljoin

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtcpByePacket

import barcode


class RPCError(Exception):
    """A JSON-RPC error answer."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]


class Viewer:
    """Watches with `async with Viewer(url) as viewer`; ends its WHEP session at the end unless told to vanish."""

    def __init__(self, url, video=True, audio=True, channels=("telemetry", "control"), change_offer=lambda sdp: sdp):
        self._whep = urljoin(url, "whep")
        self._wants = video, audio
        self.peer = RTCPeerConnection()
        self.channels = {}
        self.messages = {}
        self.counters = []
        self.sizes = []
        self.on_picture = lambda frame: None
        self.audio_frames = []
        self.ended_tracks = []
        self.goodbyes = []
        self.resource = None
        self._channel_names = channels
        self._change_offer = change_offer
        self._changed = asyncio.Condition()
        self._tasks = []
        self._answers = {}

    async def __aenter__(self):
        try:
            await self.watch()
        except BaseException:
            await self.peer.close()
            raise
        return self

    async def __aexit__(self, *_):
        await self.leave()

    async def watch(self):
        video, audio = self._wants
        if video:
            self.peer.addTransceiver("video", direction="recvonly")
        if audio:
            self.peer.addTransceiver("audio", direction="recvonly")
        for name in self._channel_names:
            self._open(name)
        self.peer.on("track", lambda track: self._tasks.append(asyncio.create_task(self._receive(track))))
        self.peer.on("connectionstatechange", self._notify)
        await self.peer.setLocalDescription(await self.peer.createOffer())
        for transceiver in self.peer.getTransceivers():
            self._listen_for_goodbye(transceiver.receiver)
        self.offer = self._change_offer(self.peer.localDescription.sdp)
        async with aiohttp.ClientSession() as http, http.post(
                self._whep, data=self.offer, headers={"Content-Type": "application/sdp"}) as response:
            body = await response.text()
            assert response.status == 201, f"{response.status} {body}"
            self.resource = urljoin(self._whep, response.headers["Location"])
            self.answer = body
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=self.answer, type="answer"))

    async def leave(self):
        if self.resource:
            with contextlib.suppress(aiohttp.ClientError):
                async with aiohttp.ClientSession() as http, http.delete(self.resource):
                    pass
        await self.vanish()

    async def vanish(self):
        """Ends without a word over HTTP."""
        await self.peer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until(self, condition, within=15):
        """Waits until `condition()` holds, looking whenever something arrived."""
        try:
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            raise AssertionError(
                f"Not within {within} s. State {self.peer.connectionState}, {len(self.counters)} pictures, the last "
                f"{self.counters[-3:]}, {len(self.audio_frames)} audio frames, messages "
                f"{ {name: len(all) for name, all in self.messages.items()} }.") from None

    async def pictures(self, count, within=15):
        """Waits for so many more pictures whose counter can be read, and gives the counters."""
        start = len(self.counters)
        await self.until(lambda: len([c for c in self.counters[start:] if c is not None]) >= count, within)
        return [c for c in self.counters[start:] if c is not None]

    async def opened(self, name, within=15):
        channel = self.channels[name]
        await self.until(lambda: channel.readyState == "open", within)
        return channel

    async def call(self, method, params=None, within=10):
        """A JSON-RPC call over the control channel."""
        number = len(self._answers) + 1
        request = {"jsonrpc": "2.0", "id": number, "method": method}
        if params is not None:
            request["params"] = params
        answer = await self.ask(json.dumps(request), number, within)
        if "error" in answer:
            raise RPCError(answer["error"])
        return answer["result"]

    async def ask(self, text, number, within=10):
        """Sends any text on the control channel and waits for the answer that carries the id."""
        channel = await self.opened("control", within)
        seen = len(self.messages["control"])
        self._answers[number] = None
        channel.send(text)

        def answers():
            return [a for m in self.messages["control"][seen:] if (a := json.loads(m)).get("id", "none") == number]

        await self.until(answers, within)
        return answers()[0]

    def _open(self, name):
        channel = self.channels[name] = self.peer.createDataChannel(name)
        arrived = self.messages[name] = []

        @channel.on("message")
        def _(message):
            arrived.append(message)
            self._notify()

        channel.on("open", self._notify)
        channel.on("close", self._notify)

    async def _receive(self, track):
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if track.kind == "video":
                    self.on_picture(frame)
                    self.sizes.append((frame.width, frame.height))
                    self.counters.append(barcode.read(frame.to_ndarray(format="gray")))
                else:
                    self.audio_frames.append(frame)
                self._notify()
        self.ended_tracks.append(track.kind)
        self._notify()

    def _listen_for_goodbye(self, receiver):
        """aiortc ends the track on RTCP BYE (RFC 3550 §6.6) as on anything else; this tells them apart."""
        handle = receiver._handle_rtcp_packet

        async def note_goodbye(packet):
            if isinstance(packet, RtcpByePacket):
                self.goodbyes.append(receiver.track.kind)
                self._notify()
            await handle(packet)

        receiver._handle_rtcp_packet = note_goodbye

    def _notify(self):
        self._tasks.append(asyncio.create_task(self._wake()))
        self._tasks = [t for t in self._tasks if not t.done()]

    async def _wake(self):
        async with self._changed:
            self._changed.notify_all()
