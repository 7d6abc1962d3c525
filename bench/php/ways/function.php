<?php

/** Pegel's extension by its function, which needs no package. */

declare(strict_types=1);

return fn (): array => Pegel\read('probe');
