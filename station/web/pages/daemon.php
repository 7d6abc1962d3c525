<?php

/**
 * The daemon: its switch and its state.
 *
 * @var Station\View $this
 * @var array<string, string> $parts
 */

declare(strict_types=1);

?>
<section class="wide" id="daemon"><?= $parts['daemon'] ?></section>
