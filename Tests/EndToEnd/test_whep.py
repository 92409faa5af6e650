"""WHEP over plain HTTP (draft-ietf-wish-whep, RFC 9725): what any player may do, and what none should."""

import re
from urllib.parse import urljoin

import aiohttp
import pytest
import pytest_asyncio
from aiortc import RTCPeerConnection

from agent import Agent

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


async def test_pages_of_other_origins_watch_only_where_the_configuration_lets_them(http, offer, network):
    known, unknown = "https://player.example", "https://elsewhere.example"
    async with Agent(network.address, http={"allowed_origins": [known]}) as agent:
        endpoint = urljoin(agent.url, "whep")
        asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        async with http.options(endpoint, headers={**asks, "Origin": known}) as response:
            assert response.headers["Access-Control-Allow-Origin"] == known
            assert "POST" in response.headers["Access-Control-Allow-Methods"]
            assert "content-type" in response.headers["Access-Control-Allow-Headers"].lower()
        async with http.post(endpoint, data=offer, headers={**SDP, "Origin": known}) as response:
            assert response.status == 201
            assert response.headers["Access-Control-Allow-Origin"] == known
            assert "Location" in response.headers["Access-Control-Expose-Headers"]
        async with http.post(endpoint, data=offer, headers={**SDP, "Origin": unknown}) as response:
            await refused(response, 403)
            assert "Access-Control-Allow-Origin" not in response.headers


async def test_more_viewers_than_may_are_asked_to_come_back(http, offer, network):
    async with Agent(network.address, http={"maximum_viewers": 1}) as agent:
        endpoint = urljoin(agent.url, "whep")
        async with http.post(endpoint, data=offer, headers=SDP) as response:
            assert response.status == 201
            resource = urljoin(endpoint, response.headers["Location"])
        async with http.post(endpoint, data=offer, headers=SDP) as response:
            await refused(response, 503)
            assert int(response.headers["Retry-After"]) > 0
        async with http.delete(resource) as response:
            assert response.status == 200
        async with http.post(endpoint, data=offer, headers=SDP) as response:
            assert response.status == 201


async def test_one_address_cannot_flood_the_agent_with_offers(http, offer, network):
    async with Agent(network.address, http={"offers_per_minute": 6}) as agent:
        endpoint = urljoin(agent.url, "whep")
        for _ in range(200):
            async with http.post(endpoint, data=offer, headers=SDP) as response:
                if response.status == 429:
                    await refused(response, 429)
                    assert int(response.headers["Retry-After"]) > 0
                    break
        else:
            raise AssertionError("200 offers in a row were all taken")


@pytest.mark.parametrize("body, headers, status", [
    ("garbage", SDP, 400),
    ("", SDP, 400),
    ("v=0\r\nnonsense\r\n", SDP, 400),
    # Well-formed, but nothing to answer (RFC 9725 §4.2).
    ("v=0\r\n", SDP, 422),
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
