#!/bin/bash
# with-fake-devices.sh - run a command on this machine with a camera and a microphone that are made of software.
#
#   with-fake-devices.sh COMMAND [ARG]...
#
# No kernel module, no device file: a libv4l2 plugin and an ALSA plugin, which only this command and its children see (a
# mount namespace: needs root, or a kernel that gives namespaces to users). In the command's environment:
#
#   PERCH_FAKE_CAMERA      a path to open as a camera; see fakecam.c for what it shows and how to pull its plug
#   PERCH_FAKE_MICROPHONE  the name of an ALSA PCM: 440 Hz at a quarter of full scale, 48 kHz, 2 channels; also ALSA's default
#
# FAKE_DEVICES, where it is set, is a folder to keep all that in: then COMMAND takes this process over, and the next call starts
# sooner. 125 is this script's own failure.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
die() { echo "with-fake-devices.sh: $*" >&2; exit 125; }
[ $# -gt 0 ] || { sed -n '2,/^set /s/^# \?//p' "$0" | head -n -1 >&2; exit 125; }

folder=${FAKE_DEVICES:-$(mktemp -d)}
[ -n "${FAKE_DEVICES:-}" ] || trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/plugins"
compile() {
  [ -e "$1" ] || cc -shared -fPIC -O2 -Wall -Wextra -DPIC -o "$@" || die "cannot build $1"
}
compile "$folder/plugins/libv4l-fakecam.so" "$here/fakecam.c"
compile "$folder/pacedmic.so" "$here/pacedmic.c" -lasound
printf 'FAKECAM\n' > "$folder/camera"
perl -e 'for (0..47999) { my $s = int(8192 * sin(2 * 3.14159265358979 * 440 * $_ / 48000)); print pack("s<2", $s, $s) }' > "$folder/tone.raw"
cat > "$folder/asound.conf" <<CONF
</usr/share/alsa/alsa.conf>
pcm_type.pacedmic { lib "$folder/pacedmic.so" }
pcm.testmic { type pacedmic  file "$folder/tone.raw" }
pcm.!default { type plug  slave.pcm testmic }
CONF

plugins=$(echo /usr/lib/*/libv4l/plugins)
[ -d "$plugins" ] || die "libv4l has no folder for plugins ($plugins)"
root=''
[ "$(id -u)" = 0 ] || root=--map-root-user
export PERCH_FAKE_CAMERA=$folder/camera PERCH_FAKE_MICROPHONE=testmic ALSA_CONFIG_PATH=$folder/asound.conf
# shellcheck disable=SC2016
set -- $root bash -c 'mount --bind "$1" "$2" || exit 125; shift 2; exec "$@"' - "$folder/plugins" "$plugins" "$@"
[ -z "${FAKE_DEVICES:-}" ] || exec unshare --mount "$@"
unshare --mount "$@"
