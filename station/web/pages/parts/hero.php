<?php

/** The power that one can read across the room. @var Station\View $this */

declare(strict_types=1);

$status = $this->status;
$today = $status->today;
?>
<div>
  <h2><?= $this->say('power now') ?></h2>
  <p class="power"><?= $this->number($status->power(), 0, 'W', 'power') ?></p>
  <p class="age"><span class="old"<?= $status->state === 'live' || $status->age() === null ? ' hidden' : '' ?>><?=
    $this->say('last reading') ?></span> <?= $this->age($status->age()) ?></p>
<?php if ($today !== null) : ?>
  <p class="clock"><?= $this->texts->date($today['now']), ' ', $this->texts->time($today['now']) ?><?=
    $status->speed() === 1.0 ? '' : ' · ' . $this->say('simulated', $this->texts->typed($status->speed())) ?></p>
<?php endif ?>
</div>
<dl class="yields">
  <?= $this->fact('today', $this->energy($today['yield_today'] ?? null, 2, 'yield_today')) ?>
  <?= $this->fact('total', $this->energy($today['yield_total'] ?? null, 1, 'yield_total')) ?>
<?php foreach (['power' => [0, 'W'], 'temperature' => [1, 'degC']] as $what => [$digits, $unit]) : ?>
    <?php $at = $today["highest_{$what}_at"] ?? null ?>
    <?= $this->fact("highest $what", $this->number($today["highest_$what"] ?? null, $digits, $unit, "highest_$what")
        . ($at === null ? '' : ' <span class="at">' . $this->texts->time($at) . '</span>')) ?>
<?php endforeach ?>
</dl>
