--TEST--
A package of another interface does not use the extension, and says so
--FILE--
<?php
$directory = sys_get_temp_dir() . '/pegel-phpt-' . getmypid();
mkdir("$directory/src", 0700, true);
$package = realpath(__DIR__ . '/../../php-ffi');
foreach (glob("$package/src/*") as $file) {
    $text = file_get_contents($file);
    $name = basename($file);
    if ($name === 'Extension.php') {
        $text = str_replace('const API = 1;', 'const API = 2;', $text, $count);
        var_dump($count);
    }
    file_put_contents("$directory/src/$name", $text);
}
copy("$package/autoload.php", "$directory/autoload.php");
define('PEGEL_LIBRARY', dirname($package) . '/target/release/libpegel.so');
require "$directory/autoload.php";
$described = Pegel\Loader::describe();
var_dump($described['tier']);
echo $described['advice'][0], "\n";
Pegel\Writer::create("$directory/b", Pegel\Schema::json(100))->publish(['on' => true]);
var_dump(Pegel\Reader::open("$directory/b")->read()['on']);
array_map('unlink', [...glob("$directory/{,.}*pegel*", GLOB_BRACE), ...glob("$directory/src/*")]);
unlink("$directory/autoload.php");
rmdir("$directory/src");
rmdir($directory);
?>
--EXPECTF--
int(1)
string(4) "cdef"
the extension pegel %s has interface 1, and this package needs 2; update the older one
bool(true)
