<?php

/**
 * The station's power now, and the day so far.
 *
 * @var Station\View $this
 * @var array<string, string> $parts
 */

declare(strict_types=1);

?>
<section class="card hero" id="hero" aria-label="<?= $this->say('power now') ?>"><?=
    $parts['hero'] ?></section>
<section class="card flow" id="flow" aria-label="<?= $this->say('house') ?>"><?=
    $parts['flow'] ?></section>
<section class="card wide" id="curve" aria-label="<?= $this->say('day') ?>"><?=
    $parts['curve'] ?></section>
<?php foreach (array_keys($this->status->inverters) as $serial) : ?>
    <?php $name = $this->status->name((string) $serial) ?>
<section class="card wide inverter" aria-label="<?= $this->e($name) ?>">
  <div id="inverter-<?= $this->e($serial) ?>"><?= $parts["inverter-$serial"] ?></div>
  <details>
    <summary><?= $this->say('last events') ?></summary>
    <div id="events-<?= $this->e($serial) ?>"><?= $parts["events-$serial"] ?></div>
  </details>
</section>
<?php endforeach ?>
