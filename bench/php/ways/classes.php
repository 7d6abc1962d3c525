<?php

/** Pegel's extension by its classes, which need no package to read. */

declare(strict_types=1);

$reader = Pegel\Reader::open('probe');
return fn (): array => $reader->read()->toArray();
