<?php

/** What the house takes and gives, by the meter. @var Station\View $this */

declare(strict_types=1);

$meter = $this->status->metered();
$last = $this->status->meter;
$today = $this->status->today;
$made = $this->status->state === 'live' ? $this->status->power() : 0.0;
$grid = $meter['power'] ?? null;
?>
<h2><?= $this->say('house') ?><?php if ($meter === null) : ?>
  <span class="aside"><?= $this->say($last === null ? 'no meter' : 'meter silent') ?><?php if ($last !== null) : ?>
    · <?= $this->age($last->age) ?><?php
                      endif ?></span>
    <?php endif ?></h2>
<dl class="now">
  <?= $this->fact('production', $this->number($made, 0, 'W', 'production')) ?>
  <?= $this->fact('import', $this->number($grid === null ? null : max($grid, 0), 0, 'W', 'import')) ?>
  <?= $this->fact('export', $this->number($grid === null ? null : max(-$grid, 0), 0, 'W', 'export')) ?>
  <?= $this->fact('use', $this->number($grid === null ? null : max($made + $grid, 0), 0, 'W', 'use')) ?>
  <?= $this->fact('own use', $this->number($grid === null ? null : max($made + min($grid, 0), 0), 0, 'W', 'own_use')) ?>
</dl>
<dl>
<?php
$import = $today['import_today'] ?? null;
$export = $today['export_today'] ?? null;
$own = $export === null ? null : max($today['yield_today'] - $export, 0.0);
echo $this->fact('import today', $this->energy($import, 2, 'import_today'));
echo $this->fact('export today', $this->energy($export, 2, 'export_today'));
echo $this->fact('own use today', $this->energy($own, 2, 'own_use_today'));
?>
</dl>
