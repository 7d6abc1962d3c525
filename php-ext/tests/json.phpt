--TEST--
Documents are what json_decode() makes of them, bit for bit
--FILE--
<?php
require __DIR__ . '/boards.inc';

/** Equal in all that PHP shows, the sign of zero and the order of keys included. */
function show(mixed $value): string
{
    return serialize($value) . var_export($value, true);
}

function decoded(Closure $decode): string
{
    try {
        return show($decode());
    } catch (JsonException $exception) {
        return 'error: ' . $exception->getMessage();
    }
}

$writer = Pegel\Writer::create("$directory/fuzz", Pegel\Schema::json(1 << 20));
$checked = $errors = 0;
function check(string $text): void
{
    global $writer, $checked, $errors, $directory;
    try {
        $writer->publishBytes($text);
    } catch (Pegel\InvalidArgument | Pegel\TooLarge) {
        // The library refuses what is nested too deep.
        return;
    }
    $flags = JSON_BIGINT_AS_STRING | JSON_THROW_ON_ERROR;
    $wanted = decoded(fn () => json_decode($text, true, 512, $flags));
    $got = decoded(function () use ($directory): mixed {
        try {
            return Pegel\read("$directory/fuzz");
        } catch (Pegel\Corrupt $corrupt) {
            throw $corrupt->getPrevious();
        }
    });
    if ($wanted !== $got) {
        echo 'DIFFERENT for ', json_encode($text) ?: bin2hex($text), "\n$wanted\n$got\n";
        exit;
    }
    $checked++;
    $errors += str_starts_with($wanted, 'error');
}

$given = [
    '0', '-0', '-0.0', '0e0', '-0e-0', '1', '-1', '9223372036854775807', '9223372036854775808',
    '-9223372036854775808', '-9223372036854775809', '18446744073709551615', '18446744073709551616',
    '123456789012345678901234567890', '-123456789012345678901234567890', '1e308', '1e309', '-1e309',
    '1e-400', '4.9e-324', '2.4703282292062327e-324', '2.4703282292062328e-324', '0.1', '1.0', '1E5',
    '1e+5', '2.2250738585072011e-308', '179769313486231580793e289', '9007199254740993',
    '9007199254740993.0', '0.500000000000000166533453693773481063544750213623046875', '01', '+1',
    '.5', '1.', '1e', '-', '--1', '1 ', ' 1', "\t\n\r1", "\v1", "1\0", "\0", '', ' ', '[', ']', '{',
    '[]', '{}', '[[]]', '[{}]', '{"":1}', '{"a":1,"a":2}', '{"a":1,"b":2,"a":3}', '{"0":1,"00":2}',
    '{"-1":1,"1":2,"9223372036854775807":3,"9223372036854775808":4,"-0":5}', '[1,]', '{"a":1,}',
    '[,1]', '{"a"}', '{a:1}', "{'a':1}", 'nul', 'null', 'NULL', 'True', 'true', 'false', 'NaN',
    'Infinity', '-Infinity', '"a"', '"', '"\\', '"\\u00e9"', '"\\u00E9"', '"\\ud83d\\ude00"',
    '"\\ud83d"', '"\\ude00"', '"\\ud83dx"', '"\\ud83d\\u0041"', '"\\u0000"', '{"\\u0000a":1}',
    '"\\x"', '"\\/\\b\\f\\n\\r\\t\\"\\\\"', "\"\x01\"", "\"\t\"", "\"\x7f\"", "\"\x80\"",
    "\"\xc3\xa9\"", "\"\xc3\"", "\"\xc0\x80\"", "\"\xe0\x80\x80\"", "\"\xed\xa0\x80\"",
    "\"\xf0\x9f\x98\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf8\x88\x80\x80\x80\"", "\xef\xbb\xbf1",
    '/**/1', '1//', '[1 2]', '[1:2]', '{"a":1 "b":2}', '"a" "b"', '[0x1]', '1_000', '[1]]',
    str_repeat('[', 100) . str_repeat(']', 100), str_repeat('{"a":', 100) . '1'
        . str_repeat('}', 100), json_encode(range(0, 2000)), '"' . str_repeat('é', 5000) . '"',
];
array_map('check', $given);

$seed = (int) (getenv('PEGEL_SEED') ?: 1);
mt_srand($seed);
function number(): string
{
    $digits = fn (int $most): string => implode('', array_map(
        fn () => mt_rand(0, 9),
        range(1, mt_rand(1, $most))
    ));
    return (mt_rand(0, 3) ? '' : '-') . (mt_rand(0, 3) ? ltrim($digits(21), '0') ?: '0' : '0')
        . (mt_rand(0, 2) ? '' : '.' . $digits(25))
        . (mt_rand(0, 4) ? '' : 'eE'[mt_rand(0, 1)] . ['', '+', '-'][mt_rand(0, 2)] . $digits(3));
}
function text(): string
{
    $parts = ['a', 'b', '0', '1', '-5', 'é', '😀', '\\n', '\\u0041', '\\ud83d\\ude00', ' ', 'name'];
    $text = '';
    for ($count = mt_rand(0, 5); $count > 0; $count--) {
        $text .= $parts[mt_rand(0, count($parts) - 1)];
    }
    return "\"$text\"";
}
function value(int $levels): string
{
    $space = fn (): string => ['', '', '', ' ', "\n\t"][mt_rand(0, 4)];
    $kind = mt_rand(0, $levels > 0 ? 9 : 6);
    if ($kind <= 3) {
        return number();
    }
    if ($kind <= 5) {
        return text();
    }
    if ($kind === 6) {
        return ['null', 'true', 'false', '[]', '{}'][mt_rand(0, 4)];
    }
    $parts = [];
    for ($count = mt_rand(0, 6); $count > 0; $count--) {
        $name = $kind === 9 ? text() . $space() . ':' . $space() : '';
        $parts[] = $space() . $name . value($levels - 1) . $space();
    }
    $inside = implode(',', $parts);
    return $kind === 9 ? "{{$inside}}" : "[$inside]";
}
for ($turn = 0; $turn < 6000; $turn++) {
    $text = value(4);
    check($text);
    // The same with some damage.
    $text[mt_rand(0, strlen($text) - 1)] = chr(mt_rand(0, 255));
    check($text);
    check(substr($text, mt_rand(0, strlen($text))));
}
echo $checked > 15000 && $errors > 3000 ? "all equal\n" : "$checked checked, $errors errors\n";
?>
--EXPECT--
all equal
