--TEST--
More boards than the table holds, in one request: descriptors and memory stay bounded
--FILE--
<?php
require __DIR__ . '/boards.inc';
use Pegel\{Field, Reader, Schema, Writer};

function descriptors(): int
{
    return count(scandir('/proc/self/fd'));
}

$schema = Schema::of(number: Field::u32(), note: Field::text(16));
for ($number = 0; $number < 300; $number++) {
    Writer::create("$directory/b$number", $schema)->publish(number: $number, note: "n$number");
}
$before = descriptors();
$kept = [];
for ($turn = 0; $turn < 3; $turn++) {
    for ($number = 0; $number < 300; $number++) {
        $value = Pegel\read("$directory/b$number");
        $kept["$turn $number"] = $value;
        if ($value !== ['number' => $number, 'note' => "n$number"]) {
            echo "wrong at $number: ", json_encode($value), "\n";
        }
    }
}
var_dump(descriptors() - $before <= 64);
$readers = array_map(fn (int $number) => Reader::open("$directory/b$number"), range(0, 299));
$snapshots = array_map(fn (Reader $reader) => $reader->read(), $readers);
var_dump(descriptors() - $before >= 300);
unset($readers);
foreach ($snapshots as $number => $snapshot) {
    if ($snapshot['number'] !== $number || $kept["1 $number"]['number'] !== $number) {
        echo "wrong at $number\n";
    }
}
unset($snapshots);
var_dump(descriptors() - $before <= 64);

// Other boards under the same few names: what is left of the old ones is bounded.
$memory = fn (): int => (int) preg_replace('/.*VmRSS:\s+(\d+).*/s', '$1', file_get_contents('/proc/self/status'));
$kept = [];
for ($turn = 0; $turn < 6000; $turn++) {
    if ($turn === 3000) {
        $early = $memory();
    }
    Writer::create("$directory/doc", Schema::json(1000 + $turn % 2), replace: true)
        ->publish(['turn' => $turn, 'text' => str_repeat('x', 500)]);
    if (Pegel\read("$directory/doc")['turn'] !== $turn) {
        echo "wrong at $turn\n";
    }
}
var_dump($memory() - $early < 1500);
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
bool(true)
