internal import Glibc
internal import JSON
internal import LinuxIO

let options: Options
do {
  options = try Options(Array(CommandLine.arguments.dropFirst()))
} catch {
  Log.error("\(error.message).")
  print(Options.usage)
  exit(64)
}
guard let endpoint = WHEPClient.Endpoint(options.url) else {
  Log.error("\(options.url) is not an address of the form http://ADDRESS:PORT/PATH")
  exit(64)
}
do {
  let measurements = try Load(options, endpoint).run()
  print(options.printsJSON ? measurements.json.description : measurements.text)
  exit(measurements.connected == options.viewers ? 0 : 1)
} catch {
  Log.error("\(error)")
  exit(1)
}
