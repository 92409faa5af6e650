import Glibc
import LinuxIO
import Media
import RTP
import Testing
import Wire

@Suite(.serialized) struct AudioPipelineTests {
  let packets: Inbox<EncodedAudioFrame>
  let events: Inbox<AudioEvent>

  init() throws {
    packets = try Inbox()
    events = try Inbox()
  }

  func pipeline(_ configuration: AudioConfiguration) throws -> AudioPipeline {
    let (packets, events) = (packets, events)
    return try AudioPipeline(configuration, onFrame: { packets.add($0) }, onEvent: { events.add($0) })
  }

  @Test func theTestToneBeepsWhenThePictureFlashes() throws {
    let pipeline = try pipeline(AudioConfiguration(source: .test))
    pipeline.setActive(true)
    #expect(packets.wait { $0.count >= 75 })
    pipeline.stop()
    let heard = packets.all
    for packet in heard {
      let isOn = (0..<960).map { TestSignal.isOn(at: packet.captured + .nanoseconds($0 * 1_000_000_000 / 48_000)) }
      let loudness = packet.level.decibelsBelowFullScale
      if !isOn.contains(true) { #expect(loudness == 127) }
      if !isOn.contains(false) { #expect(loudness == 15, "a quarter of full scale") }
    }
    #expect(heard.contains { $0.level.decibelsBelowFullScale == 15 })
    #expect(zip(heard, heard.dropFirst()).allSatisfy { $1.position - $0.position == 960 })
    #expect(zip(heard, heard.dropFirst()).allSatisfy { $1.captured - $0.captured == .milliseconds(20) })
    #expect(events.all.first == .started(.testTone))
  }

  @Test func sleepIsAJumpOfThePosition() throws {
    let pipeline = try pipeline(AudioConfiguration(source: .test))
    pipeline.setActive(true)
    #expect(packets.wait { $0.count >= 3 })
    pipeline.setActive(false)
    #expect(events.wait { $0.last == .slept })
    let before = packets.all
    pipeline.setActive(true)
    #expect(packets.wait { $0.count > before.count })
    pipeline.stop()
    let last = try #require(before.last)
    let next = packets.all[before.count]
    let samples = (next.captured - last.captured).nanoseconds * 48 / 1_000_000
    #expect(abs(next.position - last.position - samples) <= 960)
    #expect(next.position > last.position)
  }

  @Test func aMicrophoneThatIsNotThereIsReportedOnce() throws {
    let pipeline = try pipeline(AudioConfiguration(source: .device("hw:CARD=Nobody")))
    pipeline.setActive(true)
    #expect(events.wait { !$0.isEmpty })
    pipeline.setActive(false)
    #expect(events.wait { $0.last == .slept })
    pipeline.stop()
    #expect(events.all.count == 2)
    guard case .unavailable(_) = events.all[0] else { return #expect(Bool(false), "\(events.all)") }
    #expect(packets.all.isEmpty)
  }

  /// Only where there is none: a machine of somebody's own may have one.
  @Test(.enabled(if: access("/dev/snd", F_OK) != 0 && getenv("PERCH_FAKE_MICROPHONE") == nil))
  func withoutAMicrophoneTheToneSoundsBesideATestPictureOnly() throws {
    let pipeline = try pipeline(AudioConfiguration(usesTestTone: false))
    pipeline.setActive(true)
    #expect(events.wait { $0 == [.silent] })
    pipeline.set(usesTestTone: true)
    #expect(events.wait { $0 == [.silent, .started(.testTone)] })
    #expect(packets.wait { !$0.isEmpty })
    pipeline.set(usesTestTone: false)
    #expect(events.wait { $0 == [.silent, .started(.testTone), .silent] })
    let heard = packets.all.count
    pipeline.stop()
    #expect(packets.all.count == heard)
  }
}
