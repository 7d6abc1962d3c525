<?php

/** The state of the controller. @var Station\View $this */

declare(strict_types=1);

$now = $this->boards->newest('controller');
$isAlive = $now?->writerAlive ?? false;
$state = $isAlive ? $now['state'] : 'no-controller';
?>
<dl class="now">
  <?= $this->fact('controller', $this->e($this->texts->of($state))) ?>
<?php if ($isAlive) : ?>
    <?= $this->fact('house uses', $this->number($now['house'], 0, 'W')) ?>
    <?= $this->fact('export', $this->number($now['export'], 0, 'W')) ?>
    <?= $this->fact('limit', $this->number($now['limit'], 0, 'W')) ?>
    <?= $this->fact('commands sent', $this->number($now['commands'], 0)) ?>
    <?= $this->fact('commands refused', $this->number($now['refused'], 0)) ?>
<?php endif ?>
</dl>
