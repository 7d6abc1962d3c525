#!/bin/bash
# Installs, upgrades, removes and purges the package in a copy of this machine's file system that
# ends with the script, while a php-fpm reloads and PHP starts in a loop: `scene.sh OLD.deb
# NEW.deb`, in a mount namespace of its own. Prints one fact a line.

set -euo pipefail

old=$(realpath "$1")
new=$(realpath "$2")
place=$(mktemp -d)
mount -t tmpfs none "$place"
mkdir "$place/changes" "$place/work" "$place/root"
mount -t overlay none -o "lowerdir=/,upperdir=$place/changes,workdir=$place/work" "$place/root"
root=$place/root
mount -t proc none "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs none "$root/dev/shm"
mount -t tmpfs none "$root/run"
mkdir "$root/test"
cp "$old" "$root/test/old.deb"
cp "$new" "$root/test/new.deb"

cat > "$root/test/page.php" <<'END'
<?php
if (!stream_resolve_include_path('Pegel/autoload.php')) {
    exit('no package');
}
require 'Pegel/autoload.php';
$schema = Pegel\Schema::of(level: Pegel\Field::f64('m'));
$writer = Pegel\Writer::create('page', $schema, timeout: 5.0);
$writer->publish(level: 3.25);
echo 'level ', $writer->read()['level'], ' preload ', ini_get('ffi.preload');
echo ' dir ', getenv('PEGEL_DIR'), "\n";
END
cat > "$root/test/fpm.conf" <<'END'
[global]
daemonize = no
error_log = /test/fpm.log
pid = /test/fpm.pid
[www]
listen = /test/fpm.sock
user = root
pm = static
pm.max_children = 1
END
cat "$(dirname "$0")/../../../packaging/debian/pool.conf" >> "$root/test/fpm.conf"

inside() {
    chroot "$root" "$@"
}

# Reloads php-fpm, and waits until it is ready: a second signal before its handlers are installed
# would kill it.
reload() {
    (
        flock 9
        starts=$(grep -c 'ready to handle' "$root/test/fpm.log")
        kill -USR2 "$fpm" 2> /dev/null || {
            echo "php-fpm is gone: $(tail -n 5 "$root/test/fpm.log")"
            exit 1
        }
        end=$((SECONDS + WATCHDOG))
        while [ "$(grep -c 'ready to handle' "$root/test/fpm.log")" = "$starts" ]; do
            [ $SECONDS -lt $end ] || {
                echo "php-fpm does not start again: $(tail -n 5 "$root/test/fpm.log")"
                exit 1
            }
            sleep 0.05
        done
    ) 9> "$place/reload"
}

page() {
    inside env -i SCRIPT_FILENAME=/test/page.php REQUEST_METHOD=GET \
        cgi-fcgi -bind -connect /test/fpm.sock 2>&1 | tail -n 1
}

# Repeats the request until the page prints the expected text: a request during a reload gets no
# answer.
answer() {
    local end=$((SECONDS + WATCHDOG))
    while [ $SECONDS -lt $end ]; do
        said=$(page) || true
        if [[ $said == $1* ]]; then
            echo "page: $said"
            return
        fi
        sleep 0.1
    done
    echo "php-fpm says ${said:-nothing}: $(tail -n 3 "$root/test/fpm.log")"
    exit 1
}

version=$(inside php -r 'echo PHP_MAJOR_VERSION, ".", PHP_MINOR_VERSION;')
chroot "$root" "php-fpm$version" -R -y /test/fpm.conf < /dev/null > /dev/null 2>&1 &
fpm=$!
trap 'rm -f "$place/running"; kill "$fpm" 2> /dev/null || true; wait' EXIT
answer "no package"

touch "$place/running"
(
    starts=0
    while [ -e "$place/running" ] || [ $starts -lt 10 ]; do
        if ! said=$(inside php -r '' 2>&1) || [ -n "$said" ]; then
            echo "php does not start: $said"
        fi
        reload
        starts=$((starts + 1))
        sleep 0.1
    done
    echo "starts $((starts > 9 ? 10 : starts))"
) > "$place/starts" &
starting=$!

package() {
    inside env DEBIAN_FRONTEND=noninteractive "$@" > "$place/log" 2>&1 || {
        echo "$*: $(cat "$place/log")"
        exit 1
    }
}

package dpkg -i /test/old.deb
echo "installed: $(inside pegel --version)"
echo "directories: $(inside stat -c '%a %U %G' /dev/shm/pegel /var/lib/pegel | uniq)"
reload
answer level
package dpkg -i /test/new.deb
reload
echo "upgraded: $(inside dpkg-query -W -f '${Version}' pegel)"
answer level
package dpkg -r pegel
echo "removed: $(inside php -r 'echo ini_get("ffi.preload") ?: "no preload";')"
reload
answer "no package"
package dpkg -P pegel
rm "$place/running"
wait "$starting"
cat "$place/starts"
left=(-name '*pegel*' ! -path './test/*' ! -path './var/lib/dpkg/*' -type f)
echo "left: $(cd "$place/changes" && find . "${left[@]}" | sort | tr '\n' ' ')"
kill -0 "$fpm" && echo "php-fpm runs"
