import Testing

import Wire

@Suite struct SocketAddressTests {
  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
    ("2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    ("::ffff:192.0.2.1", "::ffff:c000:201"), ("FE80::a", "fe80::a"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
    ("0:0:0:1::", "0:0:0:1::"),
  ])
  func readsAndPrintsAddressesInTheirShortestForm(text: String, shortest: String) {
    #expect(IPAddress(text)?.description == shortest)
  }

  @Test(arguments: [
    "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1..2.3", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "12345::", "g::", "1:", ":1", "::1.2.3", "fe80::1%eth0", "host.local", "1:2:3:4:5:6:7::8",
  ])
  func refusesWhatIsNoAddress(text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test func knowsSpecialAddresses() throws {
    #expect(try #require(IPAddress("127.3.2.1")).isLoopback)
    #expect(try #require(IPAddress("::1")).isLoopback)
    #expect(try #require(IPAddress("fe80::1")).isLinkLocal)
    #expect(try #require(IPAddress("169.254.1.1")).isLinkLocal)
    #expect(try #require(IPAddress("ff02::fb")).isMulticast)
    #expect(try #require(IPAddress("224.0.0.251")).isMulticast)
    #expect(!(try #require(IPAddress("fec0::1")).isLinkLocal))
  }
}
