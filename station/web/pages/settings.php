<?php

/**
 * What the daemon is asked to do.
 *
 * @var Station\View $this
 * @var ?Station\Form $form
 */

declare(strict_types=1);

use Station\Form;

$form ??= Form::of($this->boards->fields('config'), $this->status->config, $this->texts);
$general = ['interval', 'timezone', 'latitude', 'longitude', 'night_pause'];
$limits = ['temperature_high', 'voltage_low', 'voltage_high', 'silence'];
// Fields that this page knows no place for are shown all the same.
$others = array_diff(array_keys($form->schema->fields), [...$general, ...$limits, 'serial', 'name', 'rated_power']);
$page = 'settings';
?>
<section class="wide" aria-labelledby="settings">
<h2 id="settings" class="title"><?= $this->say('page settings') ?></h2>
<p class="hint"><?= $this->say('settings told') ?></p>
<?php if ($form->others !== null) {
    require __DIR__ . '/conflict.php';
} ?>
<form method="post" action="/settings" class="form sections">
  <?= $this->tokenField(), $this->sequenceField($form) ?>
<?php foreach (range(0, $form->schema->fields['serial']->count - 1) as $place) : ?>
  <fieldset class="card">
    <legend><?= $this->say('inverter', $place + 1) ?></legend>
    <?php foreach (['serial', 'name', 'rated_power'] as $field) : ?>
        <?= $this->input($form, "$field-$place") ?>
    <?php endforeach ?>
  </fieldset>
<?php endforeach ?>
<?php foreach (['general' => [...$general, ...$others], 'limits' => $limits] as $group => $fields) : ?>
  <fieldset class="card">
    <legend><?= $this->say($group) ?></legend>
    <?= implode('', array_map(fn (string $field): string => $this->input($form, $field), $fields)) ?>
    <?php if ($group === 'general') : ?>
    <button type="button" class="plain" id="here" hidden><?= $this->say('here') ?></button>
    <?php endif ?>
  </fieldset>
<?php endforeach ?>
  <?= $this->zones() ?>
  <button><?= $this->say('save') ?></button>
</form>
</section>
