#!/bin/bash
# Installs, upgrades, downgrades, removes and purges the package of PHP's extension in a copy of
# this machine's file system that ends with the script, while pages are asked for: `extension.sh
# PACKAGE OLD.deb NEW.deb`, in a mount namespace of its own. Prints one fact a line.

set -euo pipefail

package=$(realpath "$1")
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
cp "$2" "$root/test/old.deb"
cp "$3" "$root/test/new.deb"
cp -r "$package" "$root/test/pegel"

cat > "$root/test/page.php" <<'END'
<?php
require '/test/pegel/autoload.php';
$schema = Pegel\Schema::of(level: Pegel\Field::f64('m'));
$writer = Pegel\Writer::create('page' . getmypid(), $schema, timeout: 5.0);
$writer->publish(level: 3.25);
$tier = Pegel\Loader::describe()['tier'];
echo 'level ', Pegel\read($writer->board)['level'], ' tier ', $tier, "\n";
END
cat > "$root/test/fpm.conf" <<'END'
[global]
daemonize = no
error_log = /test/fpm.log
process_control_timeout = 60
[www]
listen = /test/fpm.sock
user = root
pm = static
pm.max_children = 2
pm.max_requests = 50
php_admin_value[ffi.enable] = 1
env[PEGEL_LIBRARY] = /test/libpegel.so
END
cp "$package/../target/release/libpegel.so" "$root/test/"

inside() {
    chroot "$root" "$@"
}

page() {
    inside env -i SCRIPT_FILENAME=/test/page.php REQUEST_METHOD=GET \
        cgi-fcgi -bind -connect /test/fpm.sock 2>&1 | tail -n 1
}

# Until pages come from workers that were started since.
reload() {
    kill -USR2 "$fpm"
    local end=$((SECONDS + WATCHDOG))
    until [[ $(page) == "level 3.25 tier $1" ]]; do
        [ $SECONDS -lt $end ] || { echo "after a reload: $(page)"; exit 1; }
        sleep 0.1
    done
    echo "page: $1"
}

change() {
    inside env DEBIAN_FRONTEND=noninteractive dpkg "$@" > "$place/log" 2>&1 ||
        { echo "dpkg $*: $(cat "$place/log")"; exit 1; }
}

version=$(inside php -r 'echo PHP_MAJOR_VERSION, ".", PHP_MINOR_VERSION;')
chroot "$root" "php-fpm$version" -R -y /test/fpm.conf < /dev/null > /dev/null 2>&1 &
fpm=$!
trap 'rm -f "$place/running"; kill "$fpm" 2> /dev/null || true; wait' EXIT
end=$((SECONDS + WATCHDOG))
until [[ $(page) == level* ]] || [ $SECONDS -gt $end ]; do sleep 0.1; done
echo "page: $(page)"

touch "$place/running"
(
    requests=0
    while [ -e "$place/running" ]; do
        said=$(page) || true
        [[ $said == "level 3.25 tier "* ]] || echo "failed: $said"
        requests=$((requests + 1))
    done
    [ $requests -gt 20 ] && echo "no request failed"
) > "$place/requests" &
asking=$!

change -i /test/old.deb
echo "installed: $(inside php -r 'echo phpversion("pegel");')"
reload extension
change -i /test/new.deb
echo "upgraded: $(inside dpkg-query -W -f '${Version}' "php$version-pegel")"
reload extension
change -i /test/old.deb
reload extension
change -r "php$version-pegel"
echo "removed: $(inside php -r 'var_export(extension_loaded("pegel"));')"
reload cdef
change -P "php$version-pegel"
rm "$place/running"
wait "$asking"
cat "$place/requests"
left=(-name '*pegel*' ! -path './test/*' ! -path './var/lib/dpkg/*' ! -type c)
echo "left: $(cd "$place/changes" && find . "${left[@]}" | sort | tr '\n' ' ')"
