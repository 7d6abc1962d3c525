<?php

/**
 * The page, as HTML. Every number has a place by its name, so that the script can put a newer one there.
 *
 * @var Station\Status $status
 * @var Station\ConfigForm $form
 * @var string $notice
 */

declare(strict_types=1);

use Station\{Boards, ConfigForm, Readings};

$texts = $status->reading === null ? [] : Readings::texts($status->reading);
$escaped = fn (string|int|float $text): string => htmlspecialchars((string) $text, ENT_QUOTES);
$number = fn (string $name, string $unit): string => sprintf(
    '<span class="number"><span data-name="%s">%s</span><span class="unit">%s</span></span>',
    $name,
    $escaped($texts[$name] ?? '–'),
    $unit,
);
$facts = function (array $facts) use ($number): void {
    foreach ($facts as $name => [$label, $unit]) {
        echo "<div><dt>$label</dt><dd>{$number($name, $unit)}</dd></div>\n";
    }
};
?>
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Solar station</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/station.css">
<script src="/station.js" defer></script>
</head>
<body data-state="<?= $status->state ?>" data-config="<?= $form->sequence ?>"
  data-sequence="<?= $status->reading?->sequence ?? 0 ?>" data-age="<?= $status->reading?->age ?? '' ?>">
<header>
  <h1><img src="/icon.svg" alt="" width="28" height="28">Solar station</h1>
  <p class="state" role="status"><span class="dot"></span><span id="told"><?= $status->told() ?></span></p>
</header>

<main>
<noscript><p class="notice">Without JavaScript this page stays as it was loaded.
  <a href="/">Load newer readings</a></p></noscript>
<?php if ($notice !== '') : ?>
  <p class="notice"><?= $escaped($notice) ?></p>
<?php endif ?>

<section class="card hero" aria-labelledby="hero">
  <div>
    <h2 id="hero">Power to the grid</h2>
    <p class="power"><?= $number('ac_power', 'W') ?></p>
    <p class="age"><span id="old" class="old">last reading, </span><span id="age"><?=
        $status->reading === null ? 'no reading yet' : Readings::age($status->reading->age) ?></span></p>
  </div>
  <svg id="trend" hidden viewBox="0 0 300 100" preserveAspectRatio="none" role="img"
    aria-label="Power while this page has been open"><path class="area"/><path class="line"/></svg>
  <dl class="yields">
    <div><dt>Today</dt><dd><?= $number('yield_today', 'kWh') ?></dd></div>
    <div><dt>Total</dt><dd><?= $number('yield_total', 'kWh') ?></dd></div>
    <div><dt>Efficiency</dt><dd><?= $number('efficiency', '%') ?></dd></div>
  </dl>
</section>

<?php foreach (range(0, Boards::STRINGS - 1) as $string) : ?>
<section class="card string" aria-labelledby="string<?= $string ?>">
  <h2 id="string<?= $string ?>">String <?= $string + 1 ?></h2>
  <p class="string-power"><?= $number("string_power_$string", 'W') ?></p>
  <label class="sun"><span class="hidden">of its rated power, in percent</span>
    <meter data-name="string_irradiation_<?= $string ?>" min="0" max="100"
      value="<?= $escaped($texts["string_irradiation_$string"] ?? 0) ?>"></meter>
    <?= $number("string_irradiation_$string", '%') ?></label>
  <dl>
    <?php $facts([
    "string_voltage_$string" => ['Voltage', 'V'],
    "string_current_$string" => ['Current', 'A'],
    "string_energy_daily_$string" => ['Today', 'kWh'],
    "string_energy_total_$string" => ['Total', 'kWh'],
    ]) ?>
  </dl>
</section>
<?php endforeach ?>

<section class="card" aria-labelledby="inverter">
  <h2 id="inverter">Inverter <span class="aside" data-name="serial"><?= $escaped($texts['serial'] ?? '') ?></span></h2>
  <dl>
<?php $facts([
    'ac_voltage' => ['Grid voltage', 'V'],
    'ac_current' => ['Current', 'A'],
    'ac_frequency' => ['Frequency', 'Hz'],
    'ac_reactive_power' => ['Reactive power', 'var'],
    'powerfactor' => ['Power factor', ''],
    'temperature' => ['Temperature', '°C'],
    'event_count' => ['Events', ''],
    'measured' => ['Measured at', 'UTC'],
]) ?>
  </dl>
</section>

<section class="card" aria-labelledby="settings">
  <h2 id="settings">Settings</h2>
  <p class="hint">The daemon waits for them and obeys at once. Who saves second is told, and loses nothing.</p>
  <p id="changed" class="notice" hidden>Somebody saved other settings meanwhile.
    <a href="/">Load them</a>, or save yours and see both.</p>
<?php if ($form->others !== null) : ?>
  <div class="notice conflict" role="alert">
    <p><strong>Not saved:</strong> somebody else saved while you were typing. Their settings hold now:</p>
    <ul>
    <?php foreach (ConfigForm::values($form->others) as $name => $value) : ?>
        <?php [$label, $unit] = ConfigForm::labels()[$name] ?>
      <li data-theirs="<?= $name ?>"><?= $label ?> <strong><?= $escaped($value) ?> <?= $unit ?></strong><?=
        $value === $form->values[$name] ? '' : ", yours {$escaped($form->values[$name])} $unit" ?></li>
    <?php endforeach ?>
    </ul>
    <p>Yours are still in the form. Save again to put them in the place of theirs, or <a href="/">keep theirs</a>.</p>
  </div>
<?php endif ?>
  <form method="post" action="/config">
    <input type="hidden" name="sequence" value="<?= $form->sequence ?>">
<?php foreach (ConfigForm::labels() as $name => [$label, $unit]) : ?>
    <label for="<?= $name ?>"><?= $label ?></label>
    <span class="field">
      <input id="<?= $name ?>" name="<?= $name ?>" inputmode="decimal" autocomplete="off" required
        value="<?= $escaped($form->values[$name]) ?>"<?=
        isset($form->errors[$name]) ? " aria-invalid=\"true\" aria-describedby=\"$name-error\"" : '' ?>>
      <span class="unit"><?= $unit ?></span>
    </span>
    <?php if (isset($form->errors[$name])) : ?>
    <p class="error" id="<?= $name ?>-error"><?= $escaped($form->errors[$name]) ?></p>
    <?php endif ?>
<?php endforeach ?>
    <button type="submit">Save</button>
  </form>
</section>

<section class="card daemon" aria-labelledby="daemon">
  <h2 id="daemon">Daemon</h2>
  <p class="hint">It asks the inverter and publishes what it answers. While it is stopped, the last reading stays.</p>
  <dl>
<?php $facts([
    'writer' => ['Writer', ''],
    'generation' => ['Daemons so far', ''],
    'sequence' => ['Readings so far', ''],
]) ?>
  </dl>
  <form method="post" action="/service">
    <button name="running" value="1" class="start"<?= $status->wanted ? ' disabled' : '' ?>>Start</button>
    <button name="running" value="0" class="stop"<?= $status->wanted ? '' : ' disabled' ?>>Stop</button>
  </form>
</section>
</main>

<footer>Readings, settings and switch are boards of <strong>Pegel</strong> in shared memory:
  no database, no broker.</footer>
</body>
</html>
