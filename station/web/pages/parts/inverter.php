<?php

/**
 * An inverter: its strings, and its grid side.
 *
 * @var Station\View $this
 * @var string $serial
 * @var ?Pegel\Snapshot $now
 */

declare(strict_types=1);

$isLive = $this->status->isLive($now);
?>
<h2><?= $this->e($this->status->name($serial)) ?><span class="aside"><?=
    $this->e(trim(($now['model'] ?? '') . ' ' . $serial)) ?></span></h2>
<?php if ($now === null) : ?>
<p class="hint"><?= $this->say('age none') ?></p>
    <?php return;
endif ?>
<p class="age<?= $isLive ? '' : ' is-old' ?>"><span class="old"<?= $isLive ? ' hidden' : '' ?>><?=
    $this->say('last reading') ?></span> <?= $this->age($now->age) ?></p>
<div class="strings<?= $isLive ? '' : ' is-old' ?>">
<?php foreach ((array) $now['string_power'] as $string => $power) : ?>
    <?php
    $of = fn (string $field): int|float => ((array) $now["string_$field"])[$string];
    $name = fn (string $field): string => "$serial-string_$field-$string";
    ?>
  <div class="string">
    <h3><?= $this->say('string', $string + 1) ?></h3>
    <p class="string-power"><?= $this->number($power, 1, 'W', $name('power')) ?></p>
    <meter min="0" max="100" value="<?= round($of('irradiation'), 1) ?>" aria-label="<?=
        $this->say('of rated') ?>"></meter>
    <dl>
    <?php
    echo $this->fact('of rated', $this->number($of('irradiation'), 1, '%', $name('irradiation')));
    echo $this->fact('voltage', $this->number($of('voltage'), 1, 'V', $name('voltage')));
    echo $this->fact('current', $this->number($of('current'), 2, 'A', $name('current')));
    echo $this->fact('today', $this->energy($of('energy_daily'), 3, $name('energy_daily')));
    echo $this->fact('total', $this->energy($of('energy_total'), 3, $name('energy_total')));
    ?>
    </dl>
  </div>
<?php endforeach ?>
</div>
<div class="phase<?= $isLive ? '' : ' is-old' ?>">
  <h3><?= $this->say('phase') ?></h3>
  <p class="string-power"><?= $this->number($now['ac_power'], 1, 'W', "$serial-ac_power") ?></p>
  <dl>
  <?php
    $facts = [
        'ac_voltage' => ['voltage', 1, 'V'],
        'ac_current' => ['current', 2, 'A'],
        'ac_frequency' => ['frequency', 2, 'Hz'],
        'ac_reactive_power' => ['reactive power', 1, 'var'],
        'powerfactor' => ['power factor', 3, ''],
        'efficiency' => ['efficiency', 2, '%'],
        'temperature' => ['temperature', 1, 'degC'],
        'limit' => ['limit', 0, 'W'],
        'event_count' => ['event count', 0, ''],
    ];
    foreach ($facts as $field => [$key, $digits, $unit]) {
        echo $this->fact($key, $this->number($now[$field], $digits, $unit, "$serial-$field"));
    }
    echo $this->fact('today', $this->energy($now['yield_today'], 3, "$serial-yield_today"));
    echo $this->fact('total', $this->energy($now['yield_total'], 3, "$serial-yield_total"));
    echo $this->fact('measured', $this->e($this->texts->moment($now['measured'])));
    ?>
  </dl>
</div>
