#!/bin/bash
# run.sh - test the whole agent with a camera and a sound card: `make test-devices`.
#
# They are in a machine that QEMU emulates (vm.sh); the viewer is outside of it. PERCH names another binary than the
# release one, and PYTHON another environment than .build/venv. Arguments go to pytest. Without QEMU it says so and
# succeeds.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
  echo "Skipped: $*"
  exit 0
}

[ "$(uname -m)" = x86_64 ] || skip "the emulated machine is for x86-64 hosts, and this is $(uname -m)."
if [ "${PACKAGES:-install}" != skip ] && command -v apt-get > /dev/null; then
  board/install-packages device-vm || skip "what the emulated machine needs cannot be installed here."
fi
command -v qemu-system-x86_64 > /dev/null || skip "there is no QEMU (Debian's package qemu-system-x86)."
[ -d "${VM_CACHE:-/var/cache/device-vm}" ] || [ "$(id -u)" = 0 ] ||
  skip "preparing the machine needs root once: sudo make test-devices."

# The media tests with the same devices, where they have been compiled (swift build --build-tests).
status=0
if [ $# = 0 ] && compgen -G '.build/debug/*.xctest' > /dev/null; then
  Tests/Devices/media.sh || status=$?
fi
"${PYTHON:-.build/venv/bin/python}" -m pytest -c Tests/EndToEnd/pytest.ini --rootdir Tests/Devices Tests/Devices "$@" ||
  status=$?
exit "$status"
