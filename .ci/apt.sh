# shellcheck shell=sh
# Sourced by the install scripts beside it.

# as_root runs a command as root; it fails where that would need a password.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# apt_usable tells whether packages can be installed without asking anybody.
apt_usable() {
	command -v apt-get >/dev/null 2>&1 && as_root true 2>/dev/null
}

# apt_install PACKAGE… installs Debian packages, fetching the package lists first where they are missing or too old.
apt_install() {
	echo "Installing $* with apt-get; this happens once." >&2
	apt_install_now "$@" >/dev/null 2>&1 && return
	as_root apt-get -q update >&2 && apt_install_now "$@" >&2
}

apt_install_now() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 \
		install -y --no-install-recommends "$@"
}
