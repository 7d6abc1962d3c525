<?php

/** A page with only a message. @var Station\View $this */

declare(strict_types=1);

?>
<p><a href="/"><?= $this->say('to now') ?></a></p>
