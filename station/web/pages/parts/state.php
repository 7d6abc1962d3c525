<?php

/** The station's state, in the header. @var Station\View $this */

declare(strict_types=1);

?>
<span class="dot" data-state="<?= $this->status->state ?>"></span><span id="state-text"><?=
    $this->say("state {$this->status->state}") ?></span>
