--TEST--
open_basedir holds for boards
--FILE--
<?php
require __DIR__ . '/boards.inc';
use Pegel\{Denied, Reader, Schema, Writer};

mkdir("$directory/inside");
Writer::create("$directory/inside/b", Schema::json(100))->publish(1);
Writer::create("$directory/b", Schema::json(100))->publish(2);
echo Pegel\read("$directory/b"), "\n";
$package = dirname(__DIR__, 2) . '/php-ffi';
ini_set('open_basedir', "$directory/inside:$package");
echo Pegel\read("$directory/inside/b"), "\n";
$refused = [
    fn () => Reader::open("$directory/b"),
    fn () => Reader::open("$directory/inside/../b"),
    fn () => Reader::open("$directory/b", untrusted: true),
    fn () => Writer::open("$directory/b"),
    fn () => Writer::create("$directory/new", Schema::json(100)),
    fn () => Writer::unlink("$directory/b"),
    fn () => Reader::open('b'),
];
foreach ($refused as $open) {
    try {
        $open();
        echo "opened\n";
    } catch (Denied $exception) {
        echo 'denied', str_contains($exception->getMessage(), 'open_basedir') ? "\n" : "?\n";
    }
}
?>
--CLEAN--
<?php
foreach (glob(sys_get_temp_dir() . '/pegel-phpt-*/inside') as $directory) {
    array_map('unlink', glob("$directory/{,.}*pegel*", GLOB_BRACE));
    rmdir($directory);
    array_map('unlink', glob(dirname($directory) . '/{,.}*pegel*', GLOB_BRACE));
    rmdir(dirname($directory));
}
?>
--EXPECT--
2
1
denied
denied
denied
denied
denied
denied
denied
