#!/bin/bash
# Proves that a fresh Debian machine needs nothing beyond what board/packages lists: makes a bare Debian in a folder,
# gives it this source tree and the Swift toolchain, and runs make there.
#
#   Tests/CleanMachine/run.sh                 make build, then the built agent answers `perch version`
#   Tests/CleanMachine/run.sh test            make test
#   Tests/CleanMachine/run.sh run             make run, until the agent has printed its address
#
# Needs root, and a network with the Debian mirror that this machine uses. Takes minutes and about 3 GB in $WORK,
# which is kept for the next run (REUSE=no makes it anew) with the packages that it downloaded.
set -euo pipefail
cd "$(dirname "$0")/../.."

source_tree=$PWD
work=${WORK:-/var/tmp/perch-clean-machine}
root=$work/root
swift=${SWIFT_TOOLCHAIN:-/opt/swift}
targets=${*:-build}

fail() {
  echo "clean machine: $*" >&2
  exit 1
}

[ "$(id -u)" -eq 0 ] || fail "making a root file system needs root."
[ -x "$swift/usr/bin/swift" ] || fail "there is no Swift toolchain in $swift: say where with SWIFT_TOOLCHAIN=."
board/install-packages clean-machine

codename=$(. /etc/os-release && echo "$VERSION_CODENAME")

# Debian's own entries of this machine's apt configuration: "uri suite component".
debian_sources() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN) $(CREATED_BY)' |
    awk '$4 ~ /^Debian/ && $NF == "Packages" { print $1, $2, $3 }' | sort -u
}

make_root() {
  local mirror
  mirror=$(debian_sources | awk -v suite="$codename" '$2 == suite { print $1; exit }')
  [ -n "$mirror" ] || fail "this machine's apt has no source for Debian $codename."
  echo "Making a bare Debian $codename in $root."
  rm -rf "$root"
  mkdir -p "$root" "$work/archives"
  debootstrap --variant=minbase --include=ca-certificates --cache-dir="$work/archives" \
    "$codename" "$root" "$mirror" >"$work/debootstrap.log" 2>&1 ||
    { tail -20 "$work/debootstrap.log" >&2; fail "debootstrap failed; all of its output is in $work/debootstrap.log."; }
  debian_sources | sed 's/^/deb /' >"$root/etc/apt/sources.list"
  # How this machine reaches the mirror: proxies, certificates, checks that are off because the mirror stands still.
  apt-config dump Acquire | grep -E '^Acquire::(http|https|Check|ftp)[^ ]* "..*";$' \
    >"$root/etc/apt/apt.conf.d/90acquire" || true
  # Nothing that a package brings may start a service here.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  # make and git are what a person needs to get as far as `make run`.
  chroot "$root" apt-get -qq update
  DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -qq install -y --no-install-recommends make git \
    >>"$work/debootstrap.log" 2>&1
  touch "$work/made"
}

[ "${REUSE:-yes}" = yes ] && [ -e "$work/made" ] || { rm -f "$work/made"; make_root; }

# The tree as it stands, without what was built in it.
rm -rf "$root/root/perch"
mkdir -p "$root/root/perch" "$root/opt/swift"
git ls-files -z --cached --others --exclude-standard |
  tar --create --null --files-from=- --ignore-failed-read | tar --extract --directory="$root/root/perch"
cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
for file in /etc/hosts /etc/pip.conf; do
  [ ! -r "$file" ] || cp --dereference "$file" "$root$file"
done
[ ! -d /usr/local/share/ca-certificates ] ||
  cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
# A certificate authority of this network's own, for the mirror or PyPI, reaches the machine as it reached this one.
[ ! -r /etc/ssl/certs/ca-certificates.crt ] || cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"

cat >"$root/root/inside.sh" <<'INSIDE'
set -eu
cd /root/perch
# A clone, as a user would have it.
git -c init.defaultBranch=main init -q . && git add -A && git -c user.name=x -c user.email=x@localhost commit -qm tree
for target in $TARGETS; do
  case $target in
    run)
      mkfifo /tmp/output
      make run >/tmp/output 2>&1 &
      agent=$!
      while read -r line; do
        echo "$line"
        case $line in *http://*) echo "clean machine: the agent runs."; break ;; esac
      done </tmp/output
      kill "$agent"
      ;;
    *) make "$target" ;;
  esac
done
[ ! -x .build/release/perch ] || .build/release/perch version
echo "clean machine: make $TARGETS passed; Debian packages installed: $(dpkg-query -W | wc -l)."
INSIDE

# Mounts and processes live in namespaces of their own: whatever happens, they end with this command.
export root source_tree swift
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 CI=true \
  TARGETS="$targets" root="$root" swift="$swift" \
  ${http_proxy+http_proxy="$http_proxy"} ${https_proxy+https_proxy="$https_proxy"} ${no_proxy+no_proxy="$no_proxy"} \
  ${PIP_INDEX_URL+PIP_INDEX_URL="$PIP_INDEX_URL"} ${PIP_CERT+PIP_CERT="$PIP_CERT"} \
  unshare --mount --pid --fork --kill-child --propagation private /bin/sh -euc '
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for node in null zero full random urandom tty; do
      touch "$root/dev/$node" && mount --bind "/dev/$node" "$root/dev/$node"
    done
    mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/net"
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts" && ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount --bind "$swift" "$root/opt/swift" && mount -o remount,bind,ro "$root/opt/swift"
    exec chroot "$root" /bin/sh /root/inside.sh </dev/null'
