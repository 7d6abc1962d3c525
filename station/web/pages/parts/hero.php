<?php

/** The power, large enough to read across the room. @var Station\View $this */

declare(strict_types=1);

$status = $this->status;
$daily = $status->daily;
$isOld = $status->state !== 'live' && $status->age() !== null;
$speed = $status->speed();
?>
<div>
  <h2><?= $this->say('power now') ?></h2>
  <p class="power"><?= $this->number($status->power(), 0, 'W', 'power') ?></p>
  <p class="age"><span class="old"<?= $isOld ? '' : ' hidden' ?>><?=
    $this->say('last reading') ?></span> <?= $this->age($status->age()) ?></p>
<?php if ($daily !== null) : ?>
  <p class="clock"><?= $this->texts->date($daily['now']), ' ',
    $this->texts->time($daily['now']) ?><?=
    $speed === 1.0 ? '' : ' · ' . $this->say('simulated', $this->texts->typed($speed)) ?></p>
<?php endif ?>
</div>
<dl class="yields">
  <?= $this->fact('today', $this->energy($daily['yield_today'] ?? null, 2, 'yield_today')) ?>
  <?= $this->fact('total', $this->energy($daily['yield_total'] ?? null, 1, 'yield_total')) ?>
<?php foreach (['power', 'temperature'] as $what) : ?>
    <?php
    [$digits, $unit] = $what === 'power' ? [0, 'W'] : [1, 'degC'];
    $at = $daily["highest_{$what}_at"] ?? null;
    $number = $this->number($daily["highest_$what"] ?? null, $digits, $unit, "highest_$what");
    $time = $at === null ? '' : " <span class=\"at\">{$this->texts->time($at)}</span>";
    ?>
    <?= $this->fact("highest $what", $number . $time) ?>
<?php endforeach ?>
</dl>
