<?php

/**
 * The first start: no inverter is configured yet.
 *
 * @var Station\View $this
 * @var ?Station\Form $form
 */

declare(strict_types=1);

use Station\Form;

$form ??= Form::of($this->boards->fields('config'), $this->status->config, $this->texts);
?>
<section class="card narrow" aria-labelledby="first">
<h2 id="first" class="title"><?= $this->say('welcome') ?></h2>
<p class="hint"><?= $this->say('welcome told') ?></p>
<form method="post" action="/first" class="form" data-first>
  <?= $this->tokenField(), $this->sequenceField($form) ?>
  <h3><?= $this->say('step inverter') ?></h3>
  <?= $this->input($form, 'serial-0'), $this->input($form, 'name-0'), $this->input($form, 'rated_power-0') ?>
  <h3><?= $this->say('step place') ?></h3>
  <p class="about"><?= $this->say('place told') ?></p>
  <?= $this->input($form, 'timezone'), $this->input($form, 'latitude'), $this->input($form, 'longitude') ?>
  <button type="button" class="plain" id="here" hidden><?= $this->say('here') ?></button>
  <h3><?= $this->say('step start') ?></h3>
  <?= $this->zones() ?>
  <button class="start"><?= $this->say('save and start') ?></button>
</form>
</section>
