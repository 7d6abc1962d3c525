<?php

/**
 * One request of test_extension.py: keeps and changes values of a document in all ways, and reads
 * it again when most of the request is over. Writes into a log what it found to be well.
 */

declare(strict_types=1);

namespace Pegel\Tests\Pages;

use DomainException;
use Generator;
use Pegel;
use SessionHandlerInterface;

parse_str($_SERVER['QUERY_STRING'], $query);

function note(string $line): void
{
    file_put_contents(getenv('PEGEL_DIR') . '/log', "$line\n", FILE_APPEND);
}

/** The document by PHP's own parser. */
function expected(): array
{
    return json_decode(Pegel\Reader::open('document')->read()->bytes, true);
}

final class Late
{
    private readonly array $kept;
    private readonly string $bytes;

    public function __construct(private readonly string $end)
    {
        $this->kept = Pegel\read('document');
        $this->bytes = Pegel\Reader::open('document')->read()->bytes;
    }

    public function check(): void
    {
        $again = Pegel\read('document');
        $object = Pegel\Reader::open('document')->read();
        $isKept = $this->kept === json_decode($this->bytes, true);
        if ($isKept && $again === $object->toArray() && $again === expected()) {
            note($this->end);
        }
    }

    public function __destruct()
    {
        if ($this->end === 'destructor') {
            $this->check();
        }
    }
}

/** Sessions that look at the document when they are saved, after the modules have ended. */
function sessions(Late $late): SessionHandlerInterface
{
    return new class ($late) implements SessionHandlerInterface {
        public function __construct(private readonly Late $late)
        {
        }

        public function open(string $path, string $name): bool
        {
            return true;
        }

        public function close(): bool
        {
            return true;
        }

        public function read(string $id): string
        {
            return '';
        }

        public function write(string $id, string $data): bool
        {
            $this->late->check();
            return true;
        }

        public function destroy(string $id): bool
        {
            return true;
        }

        public function gc(int $lifetime): int
        {
            return 0;
        }
    };
}

/** Changes copies in all ways that PHP has. */
function change(): void
{
    static $kept = [];
    $value = $kept[] = Pegel\read('document');
    sort($value['entries']);
    array_walk_recursive($value, function (mixed &$element): void {
        $element = "$element!";
    });
    foreach ($value['entries'] as &$entry) {
        $entry['id'] = 0;
    }
    $element = &$value['entries'][3]['name'];
    $element .= 'more';
    extract(Pegel\read('document'));
    $note .= 'more';
    $entries[0]['name'][0] = 'X';
    [0 => $first, 1 => ['id' => $id]] = [...$entries, ...['number' => $number]];
    $first['id']++;
    $generator = (function (array $given): Generator {
        yield from $given;
    })(Pegel\read('document')['entries']);
    foreach ($generator as $index => $each) {
        unset($each['name'], $entries[$index]);
    }
    $object = (object) Pegel\read('document');
    $object->note = 'changed';
    $GLOBALS['kept'] = unserialize(serialize(Pegel\read('document')));
    $merged = array_merge_recursive(Pegel\read('document'), ['entries' => [['id' => -1]]]);
    array_splice($merged['entries'], 0, 10);
    apcu_store('document', Pegel\read('document'));
    define('DOCUMENT', Pegel\read('document'));
    $isSame = apcu_fetch('document') === expected() && DOCUMENT === expected();
    note($isSame ? 'changed' : 'wrong copies');
}

if ($query['end'] === 'worker') {
    exit((string) getmypid());
}
if ($query['end'] === '') {
    exit((string) Pegel\read('document')['number']);
}
require getenv('PEGEL_PACKAGE') . '/autoload.php';
$late = new Late($query['end']);
change();
if (isset($query['publish'])) {
    // Other processes replace the board that this page has, which then is the page's alone.
    Pegel\Writer::open('document')->publishBytes($query['publish']);
}
note(Pegel\read('document') === expected() ? 'whole' : 'torn');
match ($query['end']) {
    'destructor' => null,
    'shutdown' => register_shutdown_function([$late, 'check']),
    'session' => session_set_save_handler(sessions($late), false) && session_start(),
    'buffer' => ob_start(function (string $text) use ($late): string {
        $late->check();
        return $text;
    }),
    'fatal', 'exception', 'exit' => register_shutdown_function([$late, 'check']),
};
match ($query['end']) {
    'session' => $_SESSION['document'] = Pegel\read('document'),
    'fatal' => str_repeat('x', 1 << 40),
    'exception' => throw new DomainException('nobody catches it'),
    'exit' => exit('left'),
    default => null,
};
