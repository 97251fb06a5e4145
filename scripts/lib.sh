# lib.sh - what the scripts of this directory share; sourced by sh, from the top of the tree

# What it takes to build, to run the examples, and to test.
build_packages="gcc libc6-dev cmake ninja-build pkg-config flex bison libjansson-dev
	libcurl4-openssl-dev libssl-dev libmicrohttpd-dev libsqlite3-dev libpq-dev libarchive-dev libncurses-dev"
example_packages="xz-utils bowtie2-examples fastp bowtie2 samtools seqtk seqkit bcftools"
test_packages="python3-prometheus-client iproute2 openssl libcmocka-dev python3-dev python3 git shellcheck"
# What tests start beside scitq itself; each such test is skipped where they are not to be had.
component_packages="podman runc conmon uidmap netavark iptables busybox-static chromium postgresql-15 rclone vsftpd
	docker.io containerd docker-registry python3-pandas mypy
	qemu-system-x86 kmod
	slurmctld slurmd slurm-client munge openssh-server openssh-client keystone
	neovim emacs-nox nano libkf5syntaxhighlighting-tools scdoc zsh fish"
# Some builds of nodejs bring npm along; Debian's cannot be installed beside those.
command -v npm >/dev/null || component_packages="$component_packages npm"

say() {
	echo "$script: $*" >&2
}

die() {
	say "$@"
	exit 1
}

# missing PACKAGE... - the ones that are not installed, in one line
missing() {
	for package in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
		installed) ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

# need_packages PACKAGE... - installs those that are missing, and only those; fails where it cannot.
# The examples of bowtie2 lie in /usr/share/doc, which some images tell dpkg to leave out.
need_packages() {
	command -v dpkg-query >/dev/null || die "this is not Debian: install by hand what $* are here"
	wanted=$(missing "$@")
	[ -n "$wanted" ] || return 0
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || {
			say "not root and no sudo, to run: apt-get install $wanted"
			return 1
		}
		as_root=sudo
	fi
	say "installing $wanted"
	# shellcheck disable=SC2086 # words on purpose
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 &&
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
			-o 'DPkg::Options::=--path-include=/usr/share/doc/bowtie2/*' $wanted >&2
}
