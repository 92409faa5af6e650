"""Pictures of all shapes arrive as large as they were made, and whole: their counters can be read."""

import pytest

from agent import Agent
from viewer import Viewer


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        ((640, 360), (640, 360)),
        ((1280, 720), (1280, 720)),
        ((1920, 1080), (1920, 1080)),
        # Not of whole macroblocks of 16 pixels; chroma wants even numbers.
        ((322, 242), (322, 242)),
        ((853, 481), (852, 480)),
    ],
    ids=lambda size: "x".join(map(str, size)),
)
async def test_a_picture_arrives_in_its_size(network, wanted, sent):
    camera = {"device": "test", "width": wanted[0], "height": wanted[1], "frame_rate": 15}
    async with Agent(network.address, camera=camera) as agent, Viewer(agent.url, audio=False) as viewer:
        counters = await viewer.pictures(10, within=30)
        assert all(later > earlier for earlier, later in zip(counters, counters[1:]))
        assert set(viewer.sizes) == {sent}
