"""A channel labelled `echo` gives back what it gets, as it got it."""

import pytest

from page import LIVE, watching

# Opens a channel beside the page's own.
ECHO = """(async () => {
  const channel = rig.peer().createDataChannel('echo', OPTIONS);
  channel.binaryType = 'arraybuffer';
  await new Promise((resume) => channel.addEventListener('open', resume));
  const bytes = (size) => Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
  const text = (size) => 'é' + 'x'.repeat(size - 2);
  const describe = (data) => typeof data === 'string' ? `text ${data}` : `binary ${new Uint8Array(data).join()}`;
  const sent = [text(40), bytes(40), '', bytes(0), ...[65536, 262144].flatMap((size) => [text(size), bytes(size)])];
  const wrong = [];
  for (const message of sent) {
    const answer = new Promise((resume) => channel.addEventListener('message', resume, { once: true }));
    channel.send(message);
    const { data } = await answer;
    if (describe(data) !== describe(message)) {
      wrong.push([typeof message, message.length, typeof data, data.length ?? data.byteLength]);
    }
  }
  channel.close();
  await new Promise((resume) => channel.addEventListener('close', resume));
  return { count: sent.length, wrong };
})()"""


@pytest.mark.parametrize("options", ["{}", "{ ordered: false }"])
async def test_gives_back_text_and_bytes_empty_and_large(browser, agent, options):
    page = await watching(browser, agent)
    await page.wait_for(LIVE)
    result = await page.evaluate(ECHO.replace("OPTIONS", options))
    assert result == {"count": 8, "wrong": []}
    assert page.errors == []
    # The picture goes on beside it.
    counter = await page.evaluate("rig.counter()")
    await page.wait_for(f"rig.counter() > {counter}")
