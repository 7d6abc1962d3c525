<?php

/** Production, import, export and use of the house. @var Station\View $this */

declare(strict_types=1);

$meter = $this->status->metered();
$last = $this->status->meter;
$daily = $this->status->daily;
$produced = $this->status->state === 'live' ? $this->status->power() : 0.0;
$grid = $meter['power'] ?? null;
$watts = fn (?float $power, string $name): string => $this->number($power, 0, 'W', $name);
$aside = match (true) {
    $meter !== null => null,
    $last === null => $this->say('no meter'),
    default => "{$this->say('meter silent')} · {$this->age($last->age)}",
};
?>
<h2><?= $this->say('house') ?><?php if ($aside !== null) : ?>
  <span class="aside"><?= $aside ?></span>
    <?php endif ?></h2>
<dl class="now">
<?php
$use = $grid === null ? null : max($produced + $grid, 0);
$own = $grid === null ? null : max($produced + min($grid, 0), 0);
echo $this->fact('production', $watts($produced, 'production'));
echo $this->fact('import', $watts($grid === null ? null : max($grid, 0), 'import'));
echo $this->fact('export', $watts($grid === null ? null : max(-$grid, 0), 'export'));
echo $this->fact('use', $watts($use, 'use'));
echo $this->fact('own use', $watts($own, 'own_use'));
?>
</dl>
<dl>
<?php
$import = $daily['import_today'] ?? null;
$export = $daily['export_today'] ?? null;
$own = $export === null ? null : max($daily['yield_today'] - $export, 0.0);
echo $this->fact('import today', $this->energy($import, 2, 'import_today'));
echo $this->fact('export today', $this->energy($export, 2, 'export_today'));
echo $this->fact('own use today', $this->energy($own, 2, 'own_use_today'));
?>
</dl>
