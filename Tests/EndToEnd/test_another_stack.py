"""aiortc as a viewer: an independent stack that decodes the picture and says what it sees."""

import itertools
import json

import pytest

from viewer import RPCError, Viewer


async def test_decodes_pictures_whose_counter_rises(agent):
    async with Viewer(agent.url) as viewer:
        counters = await viewer.pictures(30)
        assert all(later > earlier for earlier, later in itertools.pairwise(counters)), counters


async def test_no_picture_is_lost_on_a_clean_link(agent):
    async with Viewer(agent.url) as viewer:
        await viewer.pictures(5)
        counters = await viewer.pictures(30)
        # The encoder may skip a picture on a busy machine; a viewer may not.
        assert counters[-1] - counters[0] <= len(counters) + 5, counters


async def test_hears_the_tone(agent):
    async with Viewer(agent.url) as viewer:
        # It sounds once a second, with the flash in the picture: two seconds hold one for sure.
        await viewer.until(lambda: len(viewer.audio_frames) > 100)
        assert max(abs(frame.to_ndarray()).max() for frame in viewer.audio_frames) > 1000


@pytest.mark.parametrize("setup", ["actpass", "active"])
async def test_connects_whoever_is_the_dtls_client(agent, setup):
    changed = {"change_offer": lambda sdp: sdp.replace("a=setup:actpass", f"a=setup:{setup}")}
    async with Viewer(agent.url, **changed) as viewer:
        assert f"a=setup:{'active' if setup == 'actpass' else 'passive'}" in viewer.answer
        await viewer.pictures(3)


async def test_watches_without_sound(agent):
    async with Viewer(agent.url, audio=False) as viewer:
        await viewer.pictures(3)


async def test_watches_without_data_channels(agent):
    async with Viewer(agent.url, channels=()) as viewer:
        await viewer.pictures(3)


async def test_listens_without_a_picture(agent):
    async with Viewer(agent.url, video=False) as viewer:
        await viewer.until(lambda: len(viewer.audio_frames) > 10)


async def test_talks_without_picture_or_sound(agent):
    async with Viewer(agent.url, video=False, audio=False) as viewer:
        assert await viewer.call("device.info")


async def test_a_new_viewer_gets_a_picture_while_another_watches(agent):
    async with Viewer(agent.url) as first:
        await first.pictures(3)
        async with Viewer(agent.url) as second:
            await second.pictures(3)
        await first.pictures(3)


async def test_a_viewer_that_vanishes_does_not_disturb_the_others(agent):
    async with Viewer(agent.url) as stays:
        vanishes = Viewer(agent.url)
        await vanishes.watch()
        await vanishes.pictures(3)
        await vanishes.vanish()
        await stays.pictures(30)


async def test_viewers_come_and_go_without_leaving_anything_behind(own_agent):
    async def visit():
        async with Viewer(own_agent.url) as viewer:
            await viewer.pictures(2)

    # What is made once and kept (pools, encoders, lazily loaded libraries) comes with the first ones.
    for _ in range(3):
        await visit()
    await own_agent.eventually(lambda statistics: not statistics["viewers"])
    files, memory = own_agent.open_files(), own_agent.resident_bytes()
    for _ in range(10):
        await visit()
    await own_agent.eventually(lambda statistics: not statistics["viewers"])
    assert own_agent.open_files() <= files
    assert own_agent.resident_bytes() - memory < 4 << 20


async def test_telemetry_is_senml_once_a_second(agent):
    async with Viewer(agent.url) as viewer:
        await viewer.until(lambda: len(packs(viewer)) >= 3)
        records = [record for pack in packs(viewer) for record in pack]
        assert all({"v", "vs", "vb"} & record.keys() for record in records)
        assert {"uptime", "load/1min", "memory/used", "disk/free"} <= {record["n"] for record in records}
        times = [pack[0]["bt"] for pack in packs(viewer)]
        assert all(0.5 < later - earlier < 1.5 for earlier, later in itertools.pairwise(times)), times


def packs(viewer):
    """The channel carries frame times for the page too."""
    messages = map(json.loads, viewer.messages["telemetry"])
    return [message["senml"] for message in messages if message["type"] == "telemetry"]


async def test_answers_calls_in_json_rpc(agent):
    async with Viewer(agent.url) as viewer:
        assert (await viewer.call("device.info"))["name"]
        assert "result" in await viewer.ask('{"jsonrpc":"2.0","id":"text","method":"device.info"}', "text")


@pytest.mark.parametrize("text, code, number", [
    ('{"jsonrpc":"2.0","id":7,"method":"no.such.method"}', -32601, 7),
    ('{"jsonrpc":"2.0","id":7,"method":"video.set","params":{"width":"wide"}}', -32602, 7),
    ('{"jsonrpc":"2.0","id":7,"method":"video.set","params":{"no_such_parameter":1}}', -32602, 7),
    ('{"jsonrpc":"2.0","id":7,"method":1}', -32600, None),
    ('{"jsonrpc":"2.0","id":7,', -32700, None),
    ('[]', -32600, None),
])
async def test_refuses_what_is_not_a_call_by_its_code(agent, text, code, number):
    async with Viewer(agent.url, video=False, audio=False) as viewer:
        answer = await viewer.ask(text, number)
        assert answer["error"]["code"] == code, answer


async def test_notifications_get_no_answer(agent):
    async with Viewer(agent.url, video=False, audio=False) as viewer:
        channel = await viewer.opened("control")
        channel.send('{"jsonrpc":"2.0","method":"device.info"}')
        assert await viewer.call("device.info")
        assert len(viewer.messages["control"]) == 1


async def test_a_call_as_large_as_a_message_may_be_comes_through(agent):
    async with Viewer(agent.url, video=False, audio=False) as viewer:
        empty = '{"jsonrpc":"2.0","id":1,"method":"no.such.method","params":{"filler":""}}'
        text = empty.replace('""', '"' + "x" * ((256 << 10) - len(empty)) + '"')
        assert len(text) == 256 << 10
        assert "error" in await viewer.ask(text, 1, within=20)
        assert await viewer.call("device.info")


async def test_a_larger_message_harms_nobody(agent):
    async with Viewer(agent.url) as viewer:
        channel = await viewer.opened("control")
        # aiortc would heed the agent's a=max-message-size (RFC 8841 §6.1); one that does not is the point here.
        viewer.peer.sctp._remote_max_message_size = None
        channel.send("x" * (300 << 10))
        async with Viewer(agent.url) as other:
            await other.pictures(5)


async def test_control_changes_what_is_sent(own_agent):
    async with Viewer(own_agent.url) as viewer:
        await viewer.pictures(3)
        size = (320, 240) if viewer.sizes[-1] != (320, 240) else (640, 480)
        await viewer.call("video.set", {"width": size[0], "height": size[1]})
        await viewer.until(lambda: viewer.sizes[-1] == size)
        await viewer.pictures(3)


async def test_impossible_sizes_are_refused_and_change_nothing(agent):
    async with Viewer(agent.url) as viewer:
        await viewer.pictures(3)
        size = viewer.sizes[-1]
        for width, height in ((0, 0), (-640, 480), (1 << 40, 480), (3, 3)):
            with pytest.raises(RPCError) as refusal:
                await viewer.call("video.set", {"width": width, "height": height})
            assert refusal.value.code == -32602
        await viewer.pictures(3)
        assert viewer.sizes[-1] == size


async def test_sigterm_says_goodbye_to_viewers_and_ends_within_a_second(own_agent, record):
    async with Viewer(own_agent.url) as viewer:
        await viewer.pictures(3)
        assert await own_agent.terminate() == 0
        record("SIGTERM to exit with a viewer", f"{own_agent.seconds_to_end * 1000:.0f} ms")
        # The promise is one second; the rest is for a machine with other work.
        assert own_agent.seconds_to_end < 3
        await viewer.until(lambda: set(viewer.goodbyes) == {"video", "audio"}, within=3)
        await viewer.until(lambda: viewer.peer.connectionState == "closed", within=3)
        viewer.resource = None
