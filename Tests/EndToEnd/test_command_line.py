"""The command: what it says, and with which exit code, when all is well and when it is not."""

import asyncio
import signal

import pytest

from agent import SOURCE_TREE, Agent, NotReady, command, configuration, yaml

SUCCESS, USAGE, CONFIGURATION = 0, 64, 78  # sysexits.h, as the README documents them


async def test_says_its_version():
    code, out, _ = await command("version")
    assert code == SUCCESS
    assert out.startswith("perch ")


async def test_lists_the_devices_of_this_machine():
    code, out, _ = await command("devices")
    assert code == SUCCESS
    assert out


@pytest.mark.parametrize("arguments", [(), ("no-such-command",), ("run", "--no-such-option"), ("check",)])
async def test_wrong_use_is_told_on_stderr(arguments):
    code, out, error = await command(*arguments)
    assert code == USAGE
    assert not out
    assert "perch" in error, "the usage, or how to say it right"


async def test_accepts_the_configuration_of_these_tests(files):
    path = files / "perch.yaml"
    path.write_text(yaml(configuration("127.0.0.1", 8088)))
    code, _, error = await command("check", path)
    assert code == SUCCESS, error


async def test_accepts_the_example_with_every_default_written_out():
    code, _, error = await command("check", SOURCE_TREE / "board/perch.yaml")
    assert code == SUCCESS, error


@pytest.mark.parametrize("text, place, says", [
    ("http:\n  prot: 8088\n", ":2:3:", "port"),
    ("htttp:\n  port: 8088\n", ":1:1:", "http"),
    ("http:\n  port: eighty\n", ":2:9:", "port"),
    ("http:\n  port: 70000\n", ":2:9:", "65535"),
    ("http:\n  port: [1\n", ":", ""),
    ("http: 5\n", ":1:7:", "http"),
    ("http:\n  port: 1\n  port: 2\n", ":3:3:", "port"),
])
async def test_refuses_a_wrong_configuration_and_says_where_and_what_instead(files, text, place, says):
    path = files / "perch.yaml"
    path.write_text(text)
    code, _, error = await command("check", path)
    assert code == CONFIGURATION, error
    assert f"{path}{place}" in error
    assert says in error


async def test_does_not_run_with_a_wrong_configuration(files):
    path = files / "perch.yaml"
    path.write_text("no_such_key: 1\n")
    code, _, error = await command("run", "--config", path)
    assert code == CONFIGURATION
    assert f"{path}:1:1:" in error


async def test_names_the_file_that_it_cannot_read(files):
    code, _, error = await command("check", files / "none.yaml")
    assert code not in (SUCCESS, USAGE)
    assert str(files / "none.yaml") in error


async def test_prints_the_address_to_open():
    async with Agent() as agent:
        pass
    assert agent.url.rstrip("/") in "".join(agent.stdout + agent.stderr)


async def test_says_when_the_port_is_taken():
    async with Agent() as first:
        second = Agent()
        second.port = first.port
        second.configure()
        with pytest.raises(NotReady) as reason:
            await second.start()
        assert str(first.port) in str(reason.value)


async def test_keeps_its_identity_over_restarts():
    async with Agent() as agent:
        before = {path.name: path.read_bytes() for path in (agent.folder / "state").iterdir()}
        assert before, "an identity is kept"
        await agent.restart()
        assert {path.name: path.read_bytes() for path in (agent.folder / "state").iterdir()} == before
        assert all(path.stat().st_mode & 0o077 == 0 for path in (agent.folder / "state").iterdir())


async def test_sigint_ends_it_as_sigterm_does():
    async with Agent() as agent:
        assert await agent.end(signal.SIGINT) == 0
