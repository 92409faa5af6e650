"""The whole agent with a V4L2 camera and an ALSA sound card, in an emulated machine; the viewer (aiortc) is outside of it."""

import asyncio
from fractions import Fraction

import av
import numpy
import pytest

from machine import HERE, PATIENCE, PROGRAM, Agent
from viewer import RPCError, Viewer

# vivid's picture: 75 % colour bars, from the left.
BARS = ["white", "yellow", "cyan", "green", "magenta", "red", "blue", "black"]
CAMERA = "/dev/video0"


class Eye:
    """The pictures that a viewer has decoded."""

    def __init__(self, viewer):
        self.viewer = viewer
        self.frames = 0
        self.newest = None
        viewer.on_picture = self._see

    def _see(self, frame):
        self.frames += 1
        self.newest = frame

    async def sees(self, more=5):
        """Waits for so many more pictures; the last of them as RGB."""
        wanted = self.frames + more
        await self.viewer.until(lambda: self.frames >= wanted, within=PATIENCE)
        return self.newest.to_ndarray(format="rgb24")

    async def sees_bars(self):
        """Waits until the camera's picture is there: one of before may still be on its way."""
        for _ in range(20):
            if bars(await self.sees(2)) == BARS:
                return
        assert bars(await self.sees()) == BARS


def name(rgb):
    names = {(1, 1, 1): "white", (1, 1, 0): "yellow", (0, 1, 1): "cyan", (0, 1, 0): "green", (1, 0, 1): "magenta",
             (1, 0, 0): "red", (0, 0, 1): "blue", (0, 0, 0): "black"}
    return names[tuple(int(value > 96) for value in rgb)]


def bars(picture):
    """The colours of eight columns, below the text that vivid writes over them."""
    height, width, _ = picture.shape
    row = picture[height * 9 // 10]
    return [name(row[(2 * column + 1) * width // 16]) for column in range(8)]


async def hears_the_tone(viewer):
    """Waits for a second of sound that is 440 Hz."""
    for _ in range(20):
        start = len(viewer.audio_frames)
        await viewer.until(lambda: len(viewer.audio_frames) >= start + 50, within=PATIENCE)
        sound = numpy.concatenate([frame.to_ndarray()[0, ::2] for frame in viewer.audio_frames[start:]]).astype(float)
        spectrum = abs(numpy.fft.rfft(sound))
        loudest = spectrum[20:].argmax() + 20
        if abs(sound).max() > 2000 and abs(loudest * 48000 / len(sound) - 440) < 20:
            return
    raise AssertionError(f"Loudest at {loudest * 48000 / len(sound)} Hz, peak {abs(sound).max()}")


async def test_lists_camera_and_microphone(machine):
    devices = await machine.run(f"{PROGRAM} devices")
    assert "vivid (vivid, platform:vivid-000)" in devices
    assert CAMERA in devices
    assert "YUYV 640x480 at" in devices
    assert "plughw:CARD=Loopback,DEV=1" in devices


async def test_streams_the_camera_and_the_microphone(machine):
    async with Agent(machine) as agent, Viewer(agent.url) as viewer:
        eye = Eye(viewer)
        await eye.sees_bars()
        assert viewer.sizes[-1] == (320, 180)
        assert set(viewer.counters) == {None}, "that is the test picture"
        await hears_the_tone(viewer)
        info = await viewer.call("device.info", within=PATIENCE)
        assert info["camera"]["name"] == "vivid" and info["camera"]["synthetic"] is False
        assert {"width": 1280, "height": 720} in info["camera"]["sizes"]
        assert {10, 30} <= set(info["camera"]["frame_rates"])


async def test_unplugged_and_plugged_in_again_the_camera_comes_back_to_the_same_viewer(machine):
    async with Agent(machine) as agent, Viewer(agent.url) as viewer:
        eye = Eye(viewer)
        await eye.sees_bars()
        await machine.bind("vivid", False)
        await agent.says("went away")
        assert viewer.peer.connectionState == "connected"
        await machine.bind("vivid", True)
        await eye.sees(10)
        await eye.sees_bars()
        assert (await agent.statistics())["viewers_created"] == 1


async def test_the_microphone_comes_back_too(machine):
    async with Agent(machine, camera={"device": "none"}) as agent, Viewer(agent.url, video=False) as viewer:
        await hears_the_tone(viewer)
        await machine.bind("snd_aloop", False)
        await agent.says("went away")
        await machine.bind("snd_aloop", True)
        await machine.play()
        await hears_the_tone(viewer)
        assert (await agent.statistics())["viewers_created"] == 1


async def test_controls_change_the_camera_itself(machine):
    async with Agent(machine) as agent, Viewer(agent.url) as viewer:
        eye = Eye(viewer)
        await eye.sees_bars()
        controls = {each["id"]: each for each in await viewer.call("camera.controls.list", within=PATIENCE)}
        assert controls["brightness"]["maximum"] == 255
        assert controls["test_pattern"]["type"] == "menu"
        before = (await eye.sees()).mean()
        await viewer.call("camera.controls.set", {"id": "brightness", "value": 200}, within=PATIENCE)
        assert await machine.run(f"v4l2-ctl -d {CAMERA} -C brightness") == "brightness: 200\n"
        assert (await eye.sees(8)).mean() > before + 20
        with pytest.raises(RPCError) as refusal:
            await viewer.call("camera.controls.set", {"id": "brightness", "value": 256}, within=PATIENCE)
        assert refusal.value.code == -32602
        await viewer.call("camera.controls.set", {"id": "brightness", "value": 128}, within=PATIENCE)


async def test_a_control_that_was_set_is_set_again_after_unplugging(machine):
    async with Agent(machine) as agent, Viewer(agent.url) as viewer:
        eye = Eye(viewer)
        await eye.sees()
        await viewer.call("camera.controls.set", {"id": "contrast", "value": 100}, within=PATIENCE)
        await machine.bind("vivid", False)
        await agent.says("went away")
        await machine.bind("vivid", True)
        await eye.sees(10)
        assert await machine.run(f"v4l2-ctl -d {CAMERA} -C contrast") == "contrast: 100\n"


async def test_takes_the_pixel_format_and_size_that_it_is_told(machine):
    camera = {"device": "vivid", "format": "yuyv", "width": 640, "height": 360, "frame_rate": 5}
    async with Agent(machine, camera=camera) as agent, Viewer(agent.url, audio=False) as viewer:
        await Eye(viewer).sees_bars()
        assert viewer.sizes[-1] == (640, 360)
        assert "640x360 YUYV 5 fps" in await agent.log()


async def test_a_busy_camera_is_named_with_its_holder_and_taken_when_it_is_free(machine):
    holder = await machine.start(f"v4l2-ctl -d {CAMERA} --stream-mmap --stream-count=1000000")
    async with Agent(machine, camera={"device": CAMERA}) as agent, Viewer(agent.url, audio=False) as viewer:
        await agent.says(f"{CAMERA} is in use by v4l2-ctl ({holder}); stop that program")
        await machine.run(f"kill {holder}")
        await Eye(viewer).sees_bars()


async def test_a_camera_that_is_plugged_in_later_takes_over_from_the_test_picture(machine):
    await machine.bind("vivid", False)
    async with Agent(machine) as agent, Viewer(agent.url, audio=False) as viewer:
        await viewer.pictures(2, within=PATIENCE)
        eye = Eye(viewer)
        await machine.bind("vivid", True)
        await eye.sees_bars()


async def test_streams_a_motion_jpeg_camera(machine):
    picture = numpy.zeros((180, 320, 3), numpy.uint8)
    picture[:, :160, 0] = picture[:, 160:, 2] = 255  # red, blue
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 320, 180, "yuvj420p", Fraction(1, 10)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
    (machine.folder / "picture.jpeg").write_bytes(bytes(encoder.encode(frame)[0]))
    writer = await machine.start(
        f"python3 {HERE}/motion_jpeg_camera.py /dev/video9 320 180 {machine.folder}/picture.jpeg")
    async with Agent(machine, camera={"device": "/dev/video9"}) as agent, Viewer(agent.url, audio=False) as viewer:
        seen = await Eye(viewer).sees(3)
        assert [name(seen[90, 80]), name(seen[90, 240])] == ["red", "blue"]
        assert "MJPEG" in await agent.log()
    await machine.run(f"kill {writer}")


async def test_releases_camera_and_microphone_when_nobody_watches(machine):
    async with Agent(machine) as agent:
        async with Viewer(agent.url) as viewer:
            await Eye(viewer).sees()
            assert await holders(machine) == 1
        # A few seconds later, so that a page that is loaded again finds them running.
        async with asyncio.timeout(PATIENCE):
            while await holders(machine):
                await asyncio.sleep(0.5)


async def holders(machine):
    """How many agents have the camera open."""
    return int(await machine.run(f"ls -l /proc/$(cat /tmp/pid)/fd | grep -c {CAMERA} || true"))
