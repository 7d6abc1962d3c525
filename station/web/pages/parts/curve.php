<?php

/** The day's curve. @var Station\View $this */

declare(strict_types=1);

use Station\Curve;

$daily = $this->status->daily;
?>
<h2><?= $this->say('day') ?><?php if ($daily !== null) : ?>
  <span class="aside"><?= $this->texts->date($daily['now']) ?></span>
    <?php endif ?></h2>
<?php if ($daily === null) : ?>
<p class="hint"><?= $this->say('no day') ?></p>
    <?php
    return;
endif;
$curve = new Curve($daily);
[$width, $height, $left] = [Curve::WIDTH, Curve::HEIGHT, Curve::LEFT];
$hasMeter = max($daily['curve_grid_samples']) > 0;
$now = $curve->x($this->texts->minutes($daily['now']));
$highest = $daily['highest_power'];
?>
<svg viewBox="0 0 <?= "$width $height" ?>" role="img" aria-labelledby="curve-title">
  <title id="curve-title"><?= $highest === null ? $this->say('no day') : $this->say(
      'curve title',
      $this->texts->number($highest, 0),
      $this->texts->time($daily['highest_power_at'])
  ) ?></title>
<?php foreach ($curve->marks() as $watts) : ?>
    <?php $y = $curve->y($watts) ?>
  <path class="<?= $watts === 0 ? 'zero' : 'mark' ?>" d="<?= "M$left {$y}H$width" ?>"/>
  <text class="watts" x="<?= $left - 6 ?>" y="<?= $y + 4 ?>"><?=
      $this->texts->number($watts, 0) ?></text>
<?php endforeach ?>
<?php foreach (range(0, 24, 3) as $hour) : ?>
    <?php $x = min($curve->x($hour * 60), $width - 12) ?>
  <text class="hour" x="<?= $x ?>" y="<?= $height - 4 ?>"><?= $hour ?></text>
<?php endforeach ?>
  <path class="area" d="<?= $curve->area('curve_power') ?>"/>
  <path class="line" d="<?= $curve->line('curve_power') ?>"/>
<?php if ($hasMeter) : ?>
  <path class="grid" d="<?= $curve->line('curve_grid') ?>"/>
<?php endif ?>
  <path class="here" d="M<?= $now ?> 8V<?= $height - 28 ?>"/>
</svg>
<p class="legend"><span class="key power-key"></span><?= $this->say('power') ?>
<?php if ($hasMeter) : ?>
  <span class="key grid-key"></span><?= $this->say('grid key') ?>
<?php endif ?></p>
