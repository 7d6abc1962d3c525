--TEST--
pegel.enable=0 leaves the package as it is without the extension
--INI--
pegel.enable=0
--FILE--
<?php
require __DIR__ . '/boards.inc';
var_dump(class_exists('Pegel\Native', false));
$described = Pegel\Loader::describe();
var_dump($described['tier']);
echo $described['advice'][0], "\n";
Pegel\Writer::create("$directory/b", Pegel\Schema::json(100))->publish(['on' => true]);
var_dump(Pegel\Reader::open("$directory/b")->read()['on']);
?>
--EXPECTF--
bool(false)
string(4) "cdef"
the extension pegel %s is off; set pegel.enable=1 in php.ini
bool(true)
