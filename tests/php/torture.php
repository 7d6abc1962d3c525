<?php

/**
 * One request of torture.py: a page that says 500, and why, unless all that it got is whole, not
 * older than what was published before it began, and still the same after its end.
 */

declare(strict_types=1);

namespace Pegel\Tests\Pages;

use Pegel;
use Pegel\{Gone, NotFound, Reader, Unpublished};
use Throwable;

require getenv('PEGEL_PACKAGE') . '/autoload.php';

/** Values that the page has read, with the number in each; looked at again when it ends. */
final class Held
{
    public array $values = [];

    public function __construct(private readonly string $when)
    {
    }

    public function add(mixed $value): int
    {
        $this->values[] = [$value, $value['count']];
        return $value['count'];
    }

    public function check(): void
    {
        foreach ($this->values as [$value, $count]) {
            $isWhole = $value['count'] === $count
                && $value['copies'] === array_fill(0, 40, $count)
                && $value['text'] === (string) $count;
            if (!$isWhole) {
                error_log("torn {$this->when}: $count, " . json_encode($value));
                http_response_code(500);
            }
        }
    }

    public function __destruct()
    {
        $this->check();
    }
}

/** The number that was published last, how often what must be seen changed, and what that is. */
function state(): array
{
    [$number, $change, $name] = explode(' ', file_get_contents(getenv('PEGEL_DIR') . '/state'));
    return [(int) $number, (int) $change, $name];
}

function read(string $way, Held $held): int
{
    return match ($way) {
        'document' => $held->add(Pegel\read('document')),
        'object' => $held->add(Reader::open('document')->read()->toArray()),
        'record' => $held->add(Pegel\read('record')),
    };
}

/** Changes what is the page's own, which nobody else may see. */
function change(array $value): void
{
    $value['count'] = -1;
    sort($value['copies']);
    $element = &$value['copies'][3];
    $element = 'changed';
    unset($value['text']);
    $value['more'][] = $value;
}

function page(string $way, Held $held): string
{
    [$least, $change, $name] = state();
    for ($number = 0; $number < 3; $number++) {
        $count = null;
        try {
            $count = read($way, $held);
        } catch (NotFound | Gone | Unpublished) {
            // This is checked below.
        }
        [$next, $after, $nameAfter] = state();
        $isMissing = $name === 'there' && $count === null;
        if ($change === $after && ($isMissing || ($name === 'absent' && $count !== null))) {
            return "the boards are $name, and it shows " . ($count ?? 'nothing');
        }
        if ($count !== null && $count < $least) {
            return "it shows $count, which is older than $least";
        }
        [$least, $change, $name] = [$next, $after, $nameAfter];
        if ($held->values !== []) {
            change(end($held->values)[0]);
        }
    }
    return '';
}

$held = new Held('when the page ends');
$GLOBALS['late'] = new Held('when all ends');
register_shutdown_function(function () use ($held): void {
    $held->check();
    $GLOBALS['late']->values = $held->values;
});
try {
    $fault = page($_SERVER['QUERY_STRING'], $held);
    $held->check();
} catch (Throwable $thrown) {
    $fault = get_class($thrown) . ": {$thrown->getMessage()}";
}
if ($fault !== '') {
    http_response_code(500);
    error_log("page {$_SERVER['QUERY_STRING']}: $fault");
}
