"""What the viewer page shows of itself, `window.perch`, and what a user does on it: alone here stand its words."""

import json

LIVE = "window.perch?.state === 'live'"
LATENCY = "window.perch.latency"
TELEMETRY = "(window.perch.telemetry && JSON.stringify(window.perch.telemetry))"
# The page has asked the device what it is: the channel for commands is open.
DEVICE = "window.perch.device"
UNMUTE, MUTE, SNAPSHOT = "^turn on sound$", "^sound$", "^snapshot$"


def call(method, params=None):
    """The expression for a JSON-RPC call: its result, or {code, message} of the error."""
    parameters = json.dumps(params) if params is not None else "undefined"
    return f"window.perch.rpc('{method}', {parameters}).catch(({{code, message}}) => ({{code, message}}))"


async def watching(browser, agent, within=15):
    """A page that shows the agent's picture."""
    page = await browser.open(agent.url)
    await page.wait_for("rig.counter() !== null", within)
    return page
