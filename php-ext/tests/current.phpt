--TEST--
What is read is current: published, replaced, removed, and in another directory
--FILE--
<?php
require __DIR__ . '/boards.inc';
use Pegel\{Field, NotFound, Reader, Schema, Writer};

$board = "$directory/tank";
$level = Schema::of(level: Field::f64('m'), rain: Field::bool(optional: true));
$writer = Writer::create($board, $level);
$writer->publish(level: 1.5);
var_dump(Pegel\read($board));
$reader = Reader::open($board);
var_dump($reader->read()->toArray() === Pegel\read($board));
$kept = Pegel\read($board);
$kept['level'] = 'changed';
$now = $reader->read();
$writer->publish(level: 2.5, rain: true);
echo json_encode([Pegel\read($board), $reader->read(), $now, $kept]), "\n";

$writer->close();
Writer::create($board, Schema::json(100), replace: true)->publish(['new' => 1]);
echo json_encode([Pegel\read($board), $reader->read(), Reader::open($board)->read()]), "\n";

function missing(Closure $read): void
{
    try {
        $found = json_encode($read());
        echo "found $found\n";
    } catch (NotFound $exception) {
        echo 'not found: ', str_contains($exception->getMessage(), 'tank') ? 'tank' : '', "\n";
    }
}
Writer::unlink($board);
missing(fn () => Pegel\read($board));
missing(fn () => Reader::open($board));

// By hand: at once for those who open it, and within about a second for the others.
Writer::create($board, Schema::json(100))->publish('before');
echo Pegel\read($board), "\n";
unlink("$directory/pegel.tank");
missing(fn () => Reader::open($board));
Writer::create($board, Schema::json(100))->publish('after');
echo Reader::open($board)->read()->document, "\n";
unlink("$directory/pegel.tank");
Writer::create($board, Schema::json(100))->publish('last');
$end = hrtime(true) + 2_000_000_000;
while (Pegel\read($board) !== 'last' && hrtime(true) < $end) {
    usleep(1000);
}
echo Pegel\read($board), "\n";

mkdir("$directory/other");
putenv("PEGEL_DIR=$directory");
echo Pegel\read('tank'), "\n";
Writer::create("$directory/other/tank", Schema::json(100))->publish('elsewhere');
putenv("PEGEL_DIR=$directory/other");
echo Pegel\read('tank'), ' ', Reader::open('tank')->read()->document, "\n";
putenv("PEGEL_DIR=$directory");
echo Pegel\read('tank'), "\n";
array_map('unlink', glob("$directory/other/{,.}*pegel*", GLOB_BRACE));
rmdir("$directory/other");
?>
--EXPECT--
array(2) {
  ["level"]=>
  float(1.5)
  ["rain"]=>
  NULL
}
bool(true)
[{"level":2.5,"rain":true},{"level":2.5,"rain":true},{"level":1.5,"rain":null},{"level":"changed","rain":null}]
[{"new":1},{"new":1},{"new":1}]
not found: tank
not found: tank
before
not found: tank
after
last
last
elsewhere elsewhere
last
