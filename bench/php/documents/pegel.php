<?php

/** A document on a board. */

declare(strict_types=1);

require getenv('PEGEL_PACKAGE') . '/autoload.php';

$reader = Pegel\Reader::open('document');

/** @return array{string, mixed}|null The text and its value; null if there was none. */
return function () use ($reader): ?array {
    try {
        $now = $reader->read();
        return [$now->bytes, $now->document];
    } catch (Pegel\Exception) {
        return null;
    }
};
