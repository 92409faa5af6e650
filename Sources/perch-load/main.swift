internal import Glibc

let options: Options
do {
  options = try Options(Array(CommandLine.arguments.dropFirst()))
} catch {
  fputs("perch-load: \(error.message)\n\n\(Options.usage)", stderr)
  exit(64)
}
guard let endpoint = WHEPClient.Endpoint(options.url) else {
  fputs("perch-load: \(options.url) is not an address of the form http://ADDRESS:PORT/PATH\n", stderr)
  exit(64)
}
do {
  let measurements = try Load(options, endpoint).run()
  print(options.printsJSON ? measurements.json.text : measurements.text)
  exit(measurements.connected == options.viewers ? 0 : 1)
} catch {
  fputs("perch-load: \(error)\n", stderr)
  exit(1)
}
