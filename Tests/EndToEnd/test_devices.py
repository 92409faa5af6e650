"""The whole agent with a camera and a microphone, which are software here: `make test-devices` has the kernel's."""

import shutil
import subprocess
from fractions import Fraction

import av
import numpy
import pytest

from agent import SOURCE_TREE, Agent
from viewer import RPCError, Viewer

WRAPPER = str(SOURCE_TREE / "Tests/Devices/with-fake-devices.sh")


@pytest.fixture(scope="module")
def devices(tmp_path_factory):
    """The folder of the devices, one of which is the file `camera`."""
    if not shutil.which("cc"):
        pytest.skip("no C compiler for the devices")
    folder = tmp_path_factory.mktemp("devices")
    picture = numpy.zeros((480, 640, 3), numpy.uint8)
    picture[:, :320, 0] = picture[:, 320:, 2] = 255  # red, blue
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 640, 480, "yuvj420p", Fraction(1, 30)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
    (folder / "picture.jpeg").write_bytes(bytes(encoder.encode(frame)[0]))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FAKE_DEVICES", str(folder))
        environment.setenv("FAKECAM_JPEG", str(folder / "picture.jpeg"))
        tried = subprocess.run([WRAPPER, "true"], capture_output=True, text=True, check=False)
        if tried.returncode:
            pytest.skip(f"no mount namespace for the devices: {tried.stderr.strip()}")
        yield folder


def agent_with(devices, network, **camera):
    return Agent(
        network.address, wrapper=(WRAPPER,), camera={"device": str(devices / "camera"), **camera},
        microphone={"device": "testmic"})


def plug(devices, is_in):
    with (devices / "camera").open("r+b") as camera:
        camera.write(b"FAKECAM\n" if is_in else b"NOTHING\n")


async def pictures(viewer, count):
    """So many pictures to come."""
    seen = []
    viewer.on_picture = seen.append
    await viewer.until(lambda: len(seen) >= count, within=30)
    return [frame.to_ndarray(format="rgb24") for frame in seen[:count]]


@pytest.mark.parametrize(("setting", "mode"), [("auto", "I420"), ("yuyv", "YUYV")])
async def test_sends_the_picture_of_a_raw_camera_in_the_format_that_is_set(devices, network, setting, mode):
    async with agent_with(devices, network, format=setting) as agent, Viewer(agent.url) as viewer:
        seen = await pictures(viewer, 20)
        # Grey, the same all over, a little brighter with each frame.
        assert all(picture.std() < 6 for picture in seen)
        assert seen[19].mean() > seen[0].mean() + 10 or seen[19].mean() < seen[0].mean() - 60
        assert f"640x480 {mode} 30 fps" in agent.log
        info = await viewer.call("device.info")
        assert info["camera"]["sizes"] == [{"width": 640, "height": 480}]
        assert info["camera"]["frame_rates"] == [30]
        with pytest.raises(RPCError) as refusal:
            await viewer.call("video.set", {"width": 4096, "height": 4096})
        assert refusal.value.code == -32602


async def test_sends_the_picture_of_a_motion_jpeg_camera(devices, network):
    async with agent_with(devices, network, format="mjpeg") as agent, Viewer(agent.url) as viewer:
        seen = (await pictures(viewer, 5))[-1]
        (left, right) = seen[240, 160].tolist(), seen[240, 480].tolist()
        assert left[0] > 150 and left[2] < 100 and right[2] > 150 and right[0] < 100, (left, right)
        assert "640x480 MJPEG 30 fps" in agent.log


async def test_a_format_that_the_camera_lacks_is_told(devices, network):
    async with agent_with(devices, network, format="nv12") as agent, Viewer(agent.url) as viewer:
        await viewer.until(lambda: viewer.audio_frames)
        await agent.logged("no mode within the required bounds; the nearest is 640x480 I420 30 fps")


async def test_sends_the_sound_of_the_microphone(devices, network):
    async with agent_with(devices, network) as agent, Viewer(agent.url, video=False) as viewer:
        await viewer.until(lambda: len(viewer.audio_frames) >= 100)
        sound = numpy.concatenate([frame.to_ndarray()[0, ::2] for frame in viewer.audio_frames[50:100]])
        loudest = abs(numpy.fft.rfft(sound.astype(float)))[20:].argmax() + 20
        assert abs(loudest * 48000 / len(sound) - 440) < 5
        assert abs(sound).max() > 4000


async def test_a_viewer_outlives_the_unplugging_of_the_camera(devices, network):
    async with agent_with(devices, network) as agent, Viewer(agent.url) as viewer:
        await pictures(viewer, 5)
        plug(devices, False)
        await agent.logged("went away; it is used again when it is back")
        sounds = len(viewer.audio_frames)
        await viewer.until(lambda: len(viewer.audio_frames) > sounds + 10)
        plug(devices, True)
        await pictures(viewer, 20)
        assert (await agent.get("api/stats"))["viewers_created"] == 1


async def test_the_first_viewer_is_told_of_the_camera_that_wakes_for_it(devices, network):
    async with agent_with(devices, network) as agent, Viewer(agent.url) as viewer:
        info = await viewer.call("device.info")
        assert info["camera"]["name"] == "Fake camera"
        assert info["video"]["frame_rate"] == 30
        assert await viewer.call("camera.controls.list")


async def test_controls_reach_the_camera_and_come_back_with_it(devices, network):
    async with agent_with(devices, network) as agent, Viewer(agent.url) as viewer:
        await pictures(viewer, 3)
        await viewer.call("camera.controls.set", {"id": "brightness", "value": 55})
        plug(devices, False)
        await agent.logged("went away")
        plug(devices, True)
        await pictures(viewer, 3)
        (brightness,) = await viewer.call("camera.controls.list")
        assert (brightness["id"], brightness["value"], brightness["default"]) == ("brightness", 55, 10)


async def test_devices_rest_soon_after_the_last_viewer(devices, network):
    async with agent_with(devices, network) as agent:
        async with Viewer(agent.url) as viewer:
            await pictures(viewer, 3)
        frames = (await agent.get("api/stats"))["video"]["frames"]
        # A page that is loaded again finds them running,
        await agent.eventually(lambda statistics: statistics["video"]["frames"] > frames, within=2)
        # but not for long.
        await agent.eventually(lambda _: str(devices / "camera") not in agent.open_paths(), within=20)
