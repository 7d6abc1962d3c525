--TEST--
Snapshots behave as the package's: copies, loops, dumps, and after their reader was closed
--FILE--
<?php
require __DIR__ . '/boards.inc';
use Pegel\{Field, Reader, Schema, Snapshot, Writer};

$board = "$directory/tank";
$schema = Schema::of(level: Field::f64('m'), names: Field::text(8, count: 2), id: Field::u64());
$writer = Writer::create($board, $schema);
$record = ['level' => NAN, 'names' => ['Öl', 'x'], 'id' => '18446744073709551615'];
$writer->publish($record);
$reader = Reader::open($board);
$now = $reader->read();
$copy = clone $now;
$reader->close();
unset($reader);
$writer->publish(['level' => 1.0] + $record);
echo json_encode([$now, $copy]), "\n";
foreach ($copy as $name => $value) {
    echo $name, is_array($value) ? json_encode($value, JSON_UNESCAPED_UNICODE) : $value, "\n";
}
$all = [...$now];
var_dump(array_keys($all), count($now), $now['names'][1], $now['names'][0][0]);
var_dump(isset($now['names'][1][0]), isset($now['names'][7]), empty($now['id']), $now->none ?? 1);
var_dump(isset($now->age), empty($now->missed), $now->isStale(3600), $now->isDefault);
['level' => $level] = $now;
var_dump(is_nan($level), strlen($now->bytes) === $writer->schema()->recordSize);
ob_start();
var_dump($now);
echo preg_match('/object\(Pegel\\\\Snapshot\).*"sequence"\]=>\s+int\(1\)/s', ob_get_clean()), "\n";

function thrown(Closure $do): void
{
    try {
        $do();
        echo "nothing\n";
    } catch (Throwable $thrown) {
        $message = str_replace(sys_get_temp_dir(), '', $thrown->getMessage());
        echo get_class($thrown), ': ', preg_replace('~board \S+/~', 'board ', $message), "\n";
    }
}
thrown(fn () => serialize($now));
thrown(fn () => unserialize('O:14:"Pegel\Snapshot":0:{}'));
thrown(fn () => new Snapshot());
thrown(fn () => (new ReflectionClass(Snapshot::class))->newInstanceWithoutConstructor());
thrown(fn () => $now->level);
thrown(fn () => $now->writerAlive);
thrown(function () use ($now): void {
    $now->sequence++;
});
thrown(function () use ($now): void {
    $now['names'][] = 'more';
});
$writer->close();
thrown(fn () => $writer->read());
echo json_encode($writer->schema() === $writer->schema()), "\n";

// A cycle through a snapshot's reader is nobody's but the collector's.
$now = null;
gc_collect_cycles();
echo "end\n";
?>
--EXPECTF--
[{"level":null,"names":["\u00d6l","x"],"id":"18446744073709551615"},{"level":null,"names":["\u00d6l","x"],"id":"18446744073709551615"}]
levelNAN
names["Öl","x"]
id18446744073709551615
array(3) {
  [0]=>
  string(5) "level"
  [1]=>
  string(5) "names"
  [2]=>
  string(2) "id"
}
int(3)
string(1) "x"
string(1) "%s"
bool(true)
bool(false)
bool(false)
int(1)
bool(true)
bool(true)
bool(false)
bool(false)
bool(true)
bool(true)
1
Exception: Serialization of 'Pegel\Snapshot' is not allowed
Exception: Unserialization of 'Pegel\Snapshot' is not allowed
Error: Call to private Pegel\Snapshot::__construct() from global scope
ReflectionException: Class Pegel\Snapshot is an internal class marked as final %s
Pegel\InvalidArgument: a snapshot has no property level
Pegel\InvalidArgument: board tank: the reader is closed. Open it again
Pegel\InvalidArgument: board tank: a snapshot cannot be changed. Publish with a Writer

Notice: Indirect modification of overloaded element of Pegel\Snapshot has no effect in %s on line %d
nothing
Pegel\InvalidArgument: board tank: the reader is closed. Open it again
true
end
