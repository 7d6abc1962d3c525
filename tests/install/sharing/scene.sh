#!/bin/bash
# Runs the commands of docs/sharing.md in a copy of this machine's file system that ends with the
# script, in a mount namespace of its own: `scene.sh PROGRAM BLOCKS`. BLOCKS is a directory with
# plain.sh, create.sh, docker.sh, unit.ini and the schemas. Prints one fact a line.

set -euo pipefail

place=$(mktemp -d)
mount -t tmpfs none "$place"
mkdir "$place/changes" "$place/work" "$place/root"
mount -t overlay none -o "lowerdir=/,upperdir=$place/changes,workdir=$place/work" "$place/root"
root=$place/root
mount -t proc none "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs none "$root/dev/shm"
mount -t tmpfs none "$root/run"
install -m 755 "$1" "$root/usr/local/bin/pegel"
rm -rf "$root/var/lib/pegel"
cp -r "$2" "$root/test"
chmod -R a+rX "$root/test"

inside() {
    chroot "$root" "$@"
}

as() { # USER COMMAND...
    inside setpriv --reuid "$1" --regid "$1" --init-groups \
        env --chdir /test PEGEL_DIR=/dev/shm/pegel "${@:2}"
}

inside useradd --system --user-group solar
inside useradd --system --user-group stranger
inside bash -euo pipefail -c 'sudo() { "$@"; }; source /test/plain.sh' > "$place/log"
echo "directories: $(inside stat -c '%a %U %G' /dev/shm/pegel /var/lib/pegel | sort -u)"

as solar bash -euo pipefail /test/create.sh
as solar pegel set inverter power=21.8
echo "pages read: $(as www-data pegel get inverter power)"
as www-data pegel set config limit=60
echo "daemon reads: $(as solar pegel get config limit)"
inside stat -c 'file: %n %a %U %G' /dev/shm/pegel/pegel.config /dev/shm/pegel/pegel.inverter
as www-data pegel set inverter power=1 2> /dev/null || echo "pages cannot write the daemon's board"
as stranger pegel get inverter power 2> /dev/null || echo "another user cannot read"

# A container, as far as users and groups go: those of its options, and no others.
cat > "$root/test/container.sh" << 'END'
docker() {
    local user group directory image
    while [ $# -gt 0 ]; do
        case $1 in
            --user) user=$2; shift 2 ;;
            --group-add) group=$2; shift 2 ;;
            --volume) test -d "${2%%:*}"; shift 2 ;;
            --env) directory=$2; shift 2 ;;
            *) image=$1; shift ;;
        esac
    done
    case $image in
        solar-daemon) set -- pegel set inverter power=22.5 ;;
        solar-pages) set -- pegel get inverter power ;;
    esac
    setpriv --reuid "$user" --regid 65534 --groups "$group" env "$directory" "$@"
}
END
containers='source /test/container.sh; source /test/docker.sh'
echo "containers: $(inside bash -euo pipefail -c "$containers")"

unit=$root/etc/systemd/system/solar.service
{ cat "$root/test/unit.ini"; printf 'User=solar\nExecStart=/usr/local/bin/pegel ls\n'; } > "$unit"
complaints=$(inside systemd-analyze verify /etc/systemd/system/solar.service 2>&1 || true)
echo "unit: $(grep -c solar.service <<< "$complaints" || true) complaints"
