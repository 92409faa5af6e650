import Testing

import RTP
import Wire

@Suite struct KeyframeRequestsTests {
  /// The macro takes no mutating calls.
  private func poll(_ requests: inout KeyframeRequests, _ now: Instant) -> Bool {
    requests.poll(now: now)
  }

  @Test func theFirstRequestIsGrantedAtOnce() {
    var requests = KeyframeRequests()
    #expect(requests.deadline == nil)
    #expect(!poll(&requests, .start))
    requests.request(now: .start)
    #expect(requests.deadline == .start)
    #expect(poll(&requests, .start))
    #expect(requests.deadline == nil)
    #expect(!poll(&requests, .start))
  }

  @Test func aRequestWithinTheIntervalIsGrantedAtItsEnd() {
    var requests = KeyframeRequests()
    requests.request(now: .start)
    #expect(poll(&requests, .start))
    requests.request(now: .start)
    #expect(!poll(&requests, .milliseconds(299)))
    #expect(requests.deadline == .milliseconds(300))
    #expect(poll(&requests, .milliseconds(300)))
    #expect(requests.deadline == nil)
  }

  @Test func aThousandViewersGetNoMoreThanOneKeyframeAnInterval() {
    var requests = KeyframeRequests()
    var granted: [Int64] = []
    for millisecond in 0..<Int64(3000) {
      for _ in 0..<1000 { requests.request(now: .milliseconds(millisecond)) }
      if poll(&requests, .milliseconds(millisecond)) { granted.append(millisecond) }
    }
    #expect(granted == (0..<10).map { $0 * 300 })
  }

  @Test func aKeyframeOfTheEncodersOwnServesWhoAsked() {
    var requests = KeyframeRequests()
    requests.request(now: .start)
    requests.handleKeyframe(now: .start)
    #expect(!poll(&requests, .milliseconds(400)))
    requests.handleKeyframe(now: .milliseconds(500))
    requests.request(now: .milliseconds(501))
    #expect(!poll(&requests, .milliseconds(600)))
    #expect(poll(&requests, .milliseconds(800)))
  }
}
