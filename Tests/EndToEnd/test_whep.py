"""WHEP over plain HTTP (draft-ietf-wish-whep, RFC 9725): what any player may do, and what none should."""

import re
from urllib.parse import urljoin

import aiohttp
import pytest
import pytest_asyncio
from aiortc import RTCPeerConnection

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = "application/trickle-ice-sdpfrag"
LARGEST_OFFER = 64 << 10


@pytest_asyncio.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def offer():
    peer = RTCPeerConnection()
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    yield peer.localDescription.sdp
    await peer.close()


@pytest.fixture
def endpoint(agent):
    return urljoin(agent.url, "whep")


async def refused(response, status):
    """The problem (RFC 9457) that a response must be."""
    body = await response.text()
    assert response.status == status, f"{response.status} {body}"
    assert response.content_type == "application/problem+json"
    problem = await response.json()
    assert problem["status"] == status
    assert problem["title"] and problem["detail"]
    return problem


async def test_an_offer_is_answered_with_a_resource(http, endpoint, offer):
    async with http.post(endpoint, data=offer, headers=SDP) as response:
        answer = await response.text()
        assert response.status == 201, answer
        assert response.content_type == "application/sdp"
        assert re.fullmatch(r'"[^"]+"', response.headers["ETag"])
        resource = urljoin(endpoint, response.headers["Location"])
    assert answer.startswith("v=0\r\n")
    assert "a=sendonly" in answer and "a=setup:active" in answer and "a=candidate:" in answer
    assert "a=ice-lite" not in answer
    async with http.delete(resource) as response:
        assert response.status == 200
    async with http.delete(resource) as response:
        await refused(response, 404)


async def test_the_answer_offers_the_address_that_the_request_came_to(http, endpoint, offer, agent):
    async with http.post(endpoint, data=offer, headers=SDP) as response:
        candidates = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", await response.text(), re.IGNORECASE)
    assert agent.address in [address for address, _ in candidates], candidates
    assert len({port for _, port in candidates}) == 1, "one port serves all addresses"


async def test_candidates_may_trickle(http, endpoint, offer):
    async with http.post(endpoint, data=offer, headers=SDP) as response:
        resource, tag = urljoin(endpoint, response.headers["Location"]), response.headers["ETag"]
    ufrag, password = (re.search(rf"a=ice-{name}:(\S+)", offer).group(1) for name in ("ufrag", "pwd"))
    fragment = (f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
                "a=candidate:1 1 udp 2130706431 192.0.2.77 40000 typ host\r\na=end-of-candidates\r\n")
    trickle = {"Content-Type": FRAGMENT, "If-Match": tag}
    async with http.patch(resource, data=fragment, headers=trickle) as response:
        assert response.status == 204, await response.text()
    async with http.patch(resource, data=fragment, headers={**trickle, "If-Match": '"another"'}) as response:
        await refused(response, 412)
    async with http.patch(resource, data=fragment, headers={"Content-Type": FRAGMENT}) as response:
        await refused(response, 428)
    async with http.patch(resource, data=fragment, headers={**SDP, "If-Match": tag}) as response:
        await refused(response, 415)
    async with http.patch(resource, data="garbage", headers=trickle) as response:
        await refused(response, 400)
    async with http.delete(resource) as response:
        assert response.status == 200


async def test_options_says_what_is_taken(http, endpoint):
    async with http.options(endpoint) as response:
        assert response.status == 204
        assert "application/sdp" in response.headers["Accept-Post"]
        assert "POST" in response.headers["Allow"]


async def test_pages_of_other_origins_are_kept_out_unless_the_configuration_lets_them_in(http, endpoint, offer):
    async with http.post(endpoint, data=offer, headers={**SDP, "Origin": "https://elsewhere.example"}) as response:
        await refused(response, 403)
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("body, headers, status", [
    ("garbage", SDP, 400),
    ("", SDP, 400),
    ("v=0\r\n", SDP, 400),
    ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", SDP, 422),
    ("v=0\r\n", {"Content-Type": "text/plain"}, 415),
    (b"v=0\r\n\xff\xfe", SDP, 400),
    ("v=0\r\n" + "a=x\r\n" * LARGEST_OFFER, SDP, 413),
])
async def test_what_is_not_an_offer_is_refused_with_the_reason(http, endpoint, body, headers, status):
    async with http.post(endpoint, data=body, headers=headers) as response:
        await refused(response, status)


async def test_unknown_resources_and_methods_are_refused(http, endpoint, agent):
    async with http.delete(f"{endpoint}/AAAAAAAAAAAAAAAAAAAAAA") as response:
        await refused(response, 404)
    async with http.get(urljoin(agent.url, "no/such/page")) as response:
        await refused(response, 404)
    async with http.put(endpoint, data="x") as response:
        await refused(response, 405)
        assert "POST" in response.headers["Allow"]


async def test_paths_do_not_lead_out_of_the_page(http, agent):
    for path in ("..%2f..%2fetc/passwd", "%2e%2e/%2e%2e/etc/passwd", "//etc/passwd"):
        async with http.get(agent.url + path) as response:
            assert response.status in (400, 404)


async def test_the_page_and_its_parts_are_served(http, agent):
    async with http.get(agent.url) as response:
        page = await response.text()
        assert response.content_type == "text/html"
        assert "Content-Security-Policy" in response.headers
    for part in re.findall(r'(?:src|href)="(/?[^":]+)"', page):
        async with http.get(urljoin(agent.url, part)) as response:
            assert response.status == 200, part


async def test_health_and_statistics_are_served(http, agent):
    async with http.get(urljoin(agent.url, "healthz")) as response:
        assert response.status == 200
    assert "viewers" in await agent.get("api/stats")
