#!/bin/bash
# media.sh - run the media tests with the kernel's virtual devices, inside vm.sh. Build first: swift build --build-tests.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests=$(find .build/debug/ -maxdepth 1 -name '*.xctest' | head -n 1)
[ -n "$tests" ] || { echo "media.sh: swift build --build-tests first" >&2; exit 125; }
# Sound for the loopback: what is played on device 0 is captured on device 1.
exec Tests/Devices/vm.sh "
  perl -e 'for (;;) { for (0..47999) { print pack(\"s<2\", (int(8192 * sin(6.2831853 * 440 * \$_ / 48000))) x 2) } }' |
    aplay -q -D plughw:Loopback,0,0 -f S16_LE -c 2 -r 48000 2> /dev/null &
  PERCH_REAL_DEVICES=1 $tests --testing-library swift-testing --filter 'RealDevice${1:-}'"
