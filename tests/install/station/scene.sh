#!/bin/bash
# Installs the station in a copy of this machine's file system that ends with the script, and visits
# it: `scene.sh REPOSITORY BUILT WHEELS`, in separate namespaces for mounts and the network. Prints
# one fact a line. systemd does not run there: its tools check the units, and the script runs their
# commands.

set -euo pipefail

place=$(mktemp -d)
mount -t tmpfs none "$place"
mkdir "$place/changes" "$place/work" "$place/root"
mount -t overlay none -o "lowerdir=/,upperdir=$place/changes,workdir=$place/work" "$place/root"
root=$place/root
mkdir -p "$root/repository" "$root/wheels" "$root/test"
mount --bind "$1" "$root/repository"
# The package and the wheel are the test's own.
mount --bind "$2" "$root/repository/target"
mount --bind "$3" "$root/wheels"
mount -t proc none "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs none "$root/dev/shm"
mount -t tmpfs none "$root/run"
mkdir -p "$root/run/php"
ip link set lo up

inside() {
    chroot "$root" "$@"
}

running=()
trap 'kill "${running[@]}" 2> /dev/null || true; wait' EXIT

# Runs a program of the station's owner in the background.
owner() {
    chroot --userspec=solar:solar --groups="$groups" "$root" env -i \
        HOME=/home/solar PATH=/usr/bin:/bin PEGEL_DIR=/dev/shm/pegel-station \
        PEGEL_DURABLE_DIR=/var/lib/pegel-station/boards "$@" >> "$place/owner.log" 2>&1 &
    running+=($!)
}

# The command of a unit.
command_of() {
    sed -n "s/^$2=//p" "$root/etc/systemd/system/pegel-station-$1.service"
}

complain() {
    echo "$*"
    tail -n 20 "$place"/*.log "$root"/var/log/pegel-station/*.log 2> /dev/null
    exit 1
}

inside useradd --create-home solar
options=(--owner solar --port /test/radio --meter /test/meter --listen 8099 --wheels /wheels)
for time in first second; do
    inside /repository/station/install "${options[@]}" > "$place/install.log" 2>&1 ||
        complain "$time installation fails"
    echo "installed the $time time"
done
groups=$(inside id -G solar | tr ' ' ,)
inside chown solar /test
units=("$root"/etc/systemd/system/pegel-station-*.service)
wanted=$root/etc/systemd/system/multi-user.target.wants
echo "units: $(cd "$wanted" && echo pegel-station-*.service)"
verified=$(inside systemd-analyze verify "${units[@]#"$root"}" 2>&1 || true)
echo "verified: $(grep -c pegel-station <<< "$verified" || true) complaints"

php=$(inside php -r 'echo PHP_MAJOR_VERSION, ".", PHP_MINOR_VERSION;')
inside "php-fpm$php" --nodaemonize > "$place/php-fpm.log" 2>&1 &
running+=($!)
inside nginx -g 'daemon off;' > "$place/nginx.log" 2>&1 &
running+=($!)
owner /opt/pegel-station/venv/bin/python -B /opt/pegel-station/station/simulator.py \
    --radio /test/radio --meter /test/meter
sleep 0.2
for unit in keeper launcher controller meter; do
    # shellcheck disable=SC2046 # words of a command line
    owner $(command_of $unit ExecStart)
    [ $unit != keeper ] || keeper=$!
done
inside python3 /repository/tests/install/station/visit.py start || complain "the visit fails"
inside env -i SCRIPT_FILENAME=/repository/tests/station/intrude.php REQUEST_METHOD=GET \
    cgi-fcgi -bind -connect /run/php/pegel-station-pages.sock | tail -n 1
echo

# Power is lost before the keeper syncs: what the page saved is restored.
kill -9 "$keeper"
kill "${running[@]:2}" 2> /dev/null || true
wait "${running[@]:2}" || true
rm -f "$root"/dev/shm/pegel-station/*
# shellcheck disable=SC2046 # words of a command line
owner $(command_of keeper ExecStart)
end=$((SECONDS + WATCHDOG))
until [ -e "$root/dev/shm/pegel-station/pegel.config" ] || [ $SECONDS -ge $end ]; do
    sleep 0.1
done
inside python3 /repository/tests/install/station/visit.py again || complain "the second visit fails"

kill "${running[@]}" 2> /dev/null || true
inside /repository/station/install --owner solar --purge > "$place/remove.log" 2>&1 ||
    complain "the removal fails"
echo "left: $(cd "$place/changes" && find . -name '*pegel-station*' ! -type c | sort | tr '\n' ' ')"
