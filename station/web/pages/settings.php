<?php

/**
 * The settings of the daemon.
 *
 * @var Station\View $this
 * @var ?Station\Form $form
 */

declare(strict_types=1);

use Station\Form;

$form ??= Form::of($this->boards->fields('config'), $this->status->config, $this->texts);
$general = ['interval', 'timezone', 'latitude', 'longitude', 'night_pause'];
$limits = ['temperature_high', 'voltage_low', 'voltage_high', 'silence'];
$inverter = ['serial', 'name', 'rated_power'];
// The board can have more fields than this page knows.
$others = array_diff(array_keys($form->schema->fields), [...$general, ...$limits, ...$inverter]);
$page = 'settings';
?>
<section class="wide" aria-labelledby="settings">
<h2 id="settings" class="title"><?= $this->say('page settings') ?></h2>
<p class="hint"><?= $this->say('settings hint') ?></p>
<?php if ($form->others !== null) {
    require __DIR__ . '/conflict.php';
} ?>
<form method="post" action="/settings" class="form sections">
  <?= $this->tokenField(), $this->sequenceField($form) ?>
<?php foreach (range(0, $form->schema->fields['serial']->count - 1) as $index) : ?>
  <fieldset class="card">
    <legend><?= $this->say('inverter', $index + 1) ?></legend>
    <?php foreach ($inverter as $field) : ?>
        <?= $this->input($form, "$field-$index") ?>
    <?php endforeach ?>
  </fieldset>
<?php endforeach ?>
<?php $groups = ['general' => [...$general, ...$others], 'limits' => $limits] ?>
<?php foreach ($groups as $group => $fields) : ?>
  <fieldset class="card">
    <legend><?= $this->say($group) ?></legend>
    <?php foreach ($fields as $field) : ?>
        <?= $this->input($form, $field) ?>
    <?php endforeach ?>
    <?php if ($group === 'general') : ?>
    <button type="button" class="plain" id="here" hidden><?= $this->say('here') ?></button>
    <?php endif ?>
  </fieldset>
<?php endforeach ?>
  <?= $this->zones() ?>
  <button><?= $this->say('save') ?></button>
</form>
</section>
